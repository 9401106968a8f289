"""`lab image build|list|prune`."""

from __future__ import annotations

import argparse
import time

from lab.cli.verb import Parser, Verb, run_action, say
from lab.embedded.image.archive import VARIABLE as MIRROR
from lab.embedded.image.cache import VARIABLE as CACHE
from lab.embedded.image.cache import ensure_image, list_images, prune
from lab.embedded.image.recipe import load_recipe


def arguments(parser: Parser) -> None:
    """Declare what can be done."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    build = actions.add_parser("build", help="build the image of this checkout, unless it is in the cache")
    build.add_argument("--rebuild", action="store_true", help="build even if it is there: the archive moves on")
    build.add_argument("--verify", action="store_true", help="compare the checksums of a cached image")
    build.set_defaults(act=_build)
    actions.add_parser("list", help="the images in the cache").set_defaults(act=_list)
    pruned = actions.add_parser("prune", help="remove the images of other recipes")
    pruned.add_argument("--all", action="store_true", help="this checkout's too")
    pruned.set_defaults(act=_prune)


def _build(chosen: argparse.Namespace) -> None:
    image = ensure_image(say, full=chosen.verify, rebuild=chosen.rebuild)
    print(f"image {image.key}: {len(image.packages)} packages, {image.size >> 20} MB in {image.folder}")


def _list(_: argparse.Namespace) -> None:
    images, current = list_images(), load_recipe().key
    for image in images:
        built = time.strftime("%Y-%m-%d %H:%M", time.localtime(image.built))
        print(f"{image.key}  {built}  {image.size >> 20:4d} MB{'  this checkout' if image.key == current else ''}")
    if not images:
        print("no image in the cache; `lab image build` makes one in about a minute")


def _prune(chosen: argparse.Namespace) -> None:
    removed = prune(keep=None if chosen.all else load_recipe().key)
    print(f"removed {len(removed)} images, {sum(image.size for image in removed) >> 20} MB")


VERB = Verb(
    name="image",
    summary="build, list or prune the guest's image",
    description=f"""\
The guest's disk and kernel: Debian 13, made by mmdebstrap from the archive that this machine's apt uses, cached under a hash of its recipe
(lab/embedded/image). Our own code is not in it. {MIRROR} names another mirror, {CACHE} another cache folder.""",
    examples=(("lab image build", "build unless cached"), ("lab image build --rebuild", "with the archive's newest packages"),
              ("lab image list", "what is in the cache"), ("lab image prune", "remove what other recipes left")),
    arguments=arguments,
    run=run_action,
)
