"""`lab box build|list|prune`."""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Collection

from lab.backends.embedded import log_folder
from lab.backends.vagrant.command import Vagrant
from lab.box.boxes import box_folder, ensure_boxes, list_boxes, prune
from lab.box.recipe import VARIANTS, box_name, load_recipe
from lab.cli.verb import Parser, Verb, run_action, say


def arguments(parser: Parser) -> None:
    """Declare what can be done."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    build = actions.add_parser("build", help="build the boxes of this checkout, unless they are in the cache")
    build.add_argument("--rebuild", action="store_true", help="with the archive's newest packages")
    build.set_defaults(act=_build)
    actions.add_parser("list", help="the boxes in the cache").set_defaults(act=_list)
    pruned = actions.add_parser("prune", help="remove the boxes of other checkouts")
    pruned.add_argument("--all", action="store_true", help="this checkout's too")
    pruned.set_defaults(act=_prune)


def _build(chosen: argparse.Namespace) -> None:
    boxes = ensure_boxes(say, rebuild=chosen.rebuild)
    if chosen.rebuild:
        _make_vagrant_forget({box.name for box in boxes.values()})
    for box in boxes.values():
        purpose = next(variant.purpose for variant in VARIANTS if variant.name == box.variant)
        print(f"{box.name}  {box.size >> 20} MB  {purpose}")
    print("\nnext: pytest e2e -k ikev2 --lab=vagrant   (adds them to Vagrant itself)")


def _make_vagrant_forget(names: Collection[str]) -> None:
    """Remove boxes of these names from Vagrant: it would go on with what they were before they were built anew."""
    if shutil.which("vagrant") is None:
        return
    vagrant = Vagrant(box_folder(), environment={}, log=log_folder() / "box.vagrant.log", progress=say)
    for box in vagrant.boxes():
        if box.name in names:
            vagrant.remove_box(box.name, box.provider)
            say(f"vagrant box remove {box.name}: the next lab adds the new one")


def _list(_: argparse.Namespace) -> None:
    boxes, recipe = list_boxes(), load_recipe()
    for box in boxes:
        built = time.strftime("%Y-%m-%d %H:%M", time.localtime(box.built))
        print(f"{box.name}  {built}  {box.size >> 20:4d} MB{'  this checkout' if box.name == box_name(box.variant, recipe) else ''}")
    if not boxes:
        print("no box in the cache; `lab box build` makes them in about two minutes")


def _prune(chosen: argparse.Namespace) -> None:
    removed = prune(all_of_them=chosen.all)
    print(f"removed {len(removed)} boxes")


VERB = Verb(
    name="box",
    summary="build, list or prune the stand-in boxes for Vagrant",
    description="""\
Two boxes of Debian 13 for Vagrant with libvirt: the twin of Windows 10 as a service (what stands in for Windows where there is none), and a
machine for clients and LAN hosts. Made by mmdebstrap from the archive that this machine's apt uses, without root. A Windows box is another
matter: docs/windows-box.md.""",
    examples=(("lab box build", "build unless cached"), ("lab box build --rebuild", "with the archive's newest packages"),
              ("lab box list", "what is in the cache"), ("lab box prune", "remove what other checkouts left")),
    arguments=arguments,
    run=run_action,
)
