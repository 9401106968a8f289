"""The boxes of this checkout: built if need be, kept in the cache under their recipe's keys, published whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

from lab.box import base, disk
from lab.box.recipe import BOX_VAGRANTFILE, VARIANTS, Recipe, box_name, load_recipe
from lab.embedded.image.build import must_have, work_folder
from lab.embedded.image.cache import VARIABLE, cache_root
from lab.errors import HostError
from lab.progress import Progress, Stages

NEEDED_MB = 4000
"""Peak of a build: tree, tar, disks."""
UNFINISHED = ".new"
"""Ends the name of what is being written here: nobody takes it for the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxFile:
    """A box as a file, ready for `vagrant box add`."""

    name: str
    variant: str
    path: Path
    built: float
    """Seconds since the epoch."""

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return disk.written([self.path])


def box_folder() -> Path:
    """Return where boxes are kept."""
    folder = cache_root() / "boxes"
    folder.mkdir(exist_ok=True)
    return folder


def list_boxes() -> list[BoxFile]:
    """Return all boxes in the cache, newest first."""
    found = [BoxFile(name=path.stem, variant=path.stem.split("-")[2], path=path, built=path.stat().st_mtime)
             for path in box_folder().glob("incoming-connections-*.box")]
    return sorted(found, key=lambda box: -box.built)


def ensure_boxes(progress: Progress, *, rebuild: bool = False) -> dict[str, BoxFile]:
    """Return the boxes of this checkout by variant, built if need be.

    Args:
        progress: told one line per stage.
        rebuild: make the system anew although it is in the cache (the archive moves on).

    Raises:
        HostError: they cannot be built here.
    """
    recipe = load_recipe()
    if not rebuild and (there := _published(recipe)):
        return there
    must_have(disk.TOOLS)
    disk.boot_code()
    lock = os.open(box_folder() / "build.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another process builds boxes: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not rebuild and (there := _published(recipe)):
            return there
        free = shutil.disk_usage(box_folder()).free >> 20
        if free < NEEDED_MB:
            raise HostError(f"{box_folder()} has {free} MB free, the boxes need {NEEDED_MB}", hint=f"set {VARIABLE} to a larger folder")
        _build(recipe, progress, rebuild=rebuild, lock=lock)
    finally:
        os.close(lock)
    return _published(recipe)


def _published(recipe: Recipe) -> dict[str, BoxFile]:
    """Return the boxes of a recipe; none of them if one is missing."""
    found = {box.variant: box for box in list_boxes() if box.name == box_name(box.variant, recipe)}
    return found if len(found) == len(VARIANTS) else {}


def _build(recipe: Recipe, progress: Progress, *, rebuild: bool, lock: int) -> None:
    began = time.monotonic()
    stage = Stages(progress)
    system = box_folder() / f"base-{recipe.base_key}.tar"
    for left in box_folder().glob(f"*{UNFINISHED}"):  # of a builder that was killed
        left.unlink()
    with work_folder(NEEDED_MB) as work:
        if rebuild or not system.exists():
            made = work / "base.tar"
            base.make_base(work, recipe, made, stage, log=system.with_suffix(".log"), lock=lock)
            Path(shutil.move(made, _unfinished(system))).replace(system)  # the work folder may be on another file system
        stage("put our code into the system")
        root = disk.make_root(system, work, lock)
        for variant in VARIANTS:
            stage(f"make the box of {variant.name}")
            image = work / "box.img"
            disk.make_disk(variant, root, work, image, lock)
            _pack(image, root.stat().st_size, _unfinished(_box_file(variant.name, recipe)))
            image.unlink()
    for variant in VARIANTS:
        box = _box_file(variant.name, recipe)
        _unfinished(box).replace(box)
    progress(f"the boxes are ready after {time.monotonic() - began:.0f} s: {box_folder()}")


def _box_file(variant: str, recipe: Recipe) -> Path:
    return box_folder() / f"{box_name(variant, recipe)}.box"


def _unfinished(file: Path) -> Path:
    return file.with_suffix(UNFINISHED)


def _pack(image: Path, size: int, target: Path) -> None:
    """Write a box: a tar of metadata, settings and the disk."""
    metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": -(-size // (1 << 30)) + 1}
    with tarfile.open(target, "w") as tar:
        for name, text in (("metadata.json", json.dumps(metadata)), ("Vagrantfile", BOX_VAGRANTFILE)):
            file = image.with_name(name)
            file.write_text(text)
            tar.add(file, name)
        tar.add(image, "box.img")


def prune(*, all_of_them: bool = False) -> list[BoxFile]:
    """Remove the boxes and systems of other recipes, or all; return the boxes that went."""
    recipe = load_recipe()
    removed = [box for box in list_boxes() if all_of_them or box.name != box_name(box.variant, recipe)]
    for box in removed:
        box.path.unlink()
    for system in box_folder().glob("base-*"):
        if all_of_them or system.stem != f"base-{recipe.base_key}":
            system.unlink()
    return removed
