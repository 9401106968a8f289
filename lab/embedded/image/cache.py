"""The cache of images: one folder per recipe, published whole or not at all.

A build holds a lock that its children inherit, works beside the cache and is renamed into it; two builders make one image. An
image is checked before use (sizes and times; `full` compares hashes); a corrupt one is moved aside and built anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from lab.embedded.image.build import build
from lab.embedded.image.recipe import load_recipe
from lab.errors import HostError
from lab.locks import is_held
from lab.progress import Progress

VARIABLE = "LAB_CACHE"
NEEDED_MB = 500
MANIFEST = "manifest.json"
WORK, ASIDE = ".building-", ".aside-"
"""How folders begin that are not images: one that is being built, one that is going."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A published image."""

    key: str
    folder: Path
    built: float
    """Seconds since the epoch."""
    size: int
    """Bytes on disk."""

    @property
    def root(self) -> Path:
        """The guest's disk."""
        return self.folder / "root.ext2"

    @property
    def packages(self) -> list[str]:
        """What is installed, as "name=version architecture"."""
        return (self.folder / "packages").read_text().splitlines()


def cache_root() -> Path:
    """Return the project's cache folder, made if need be."""
    chosen = os.environ.get(VARIABLE)
    root = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "incoming-connections"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"the cache folder {root} cannot be made: {error.strerror}"
        raise HostError(problem, hint=f"set {VARIABLE} to a folder that can") from error
    return root


def _images() -> Path:
    folder = cache_root() / "images"
    folder.mkdir(exist_ok=True)
    return folder


def list_images() -> list[Image]:
    """Return the published images, newest first."""
    published = [folder for folder in _images().iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    found = [_load(folder) for folder in published if not _problem(folder, full=False)]
    return sorted(found, key=lambda image: -image.built)


def prune(*, keep: str | None = None) -> list[Image]:
    """Remove every image but the one with the key `keep`, corrupt ones, and what killed builders left; return the images removed."""
    removed = [image for image in list_images() if image.key != keep]
    for folder in _images().iterdir():
        if folder.is_dir() and folder.name != keep and not _is_being_built(folder):
            shutil.rmtree(folder)
    return removed


def _is_being_built(folder: Path) -> bool:
    """Whether a builder is at work in a folder: it holds its key's lock."""
    if not folder.name.startswith(WORK):
        return False
    lock = _images() / f"{folder.name.removeprefix(WORK).rpartition('-')[0]}.lock"
    return lock.exists() and is_held(lock)


def ensure_image(progress: Progress, *, full: bool = False, rebuild: bool = False) -> Image:
    """Return the image of this checkout's recipe, built if need be.

    Args:
        progress: told one line per stage.
        full: compare hashes of a cached image, not only sizes and times.
        rebuild: build even if there is one (the archive moves on).

    Raises:
        HostError: it cannot be built here.
    """
    recipe = load_recipe()
    folder = _images() / recipe.key
    if not rebuild and not (problem := _problem(folder, full=full)):
        return _load(folder)
    lock = os.open(_images() / f"{recipe.key}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(lock, progress)
        if not rebuild and not (problem := _problem(folder, full=full)):
            return _load(folder)
        if folder.exists():
            progress("rebuilding the image" if rebuild else f"the cached image is corrupt ({problem}): building it again")
            if not rebuild:
                _remove(folder)
        free = shutil.disk_usage(_images()).free >> 20
        if free < NEEDED_MB:
            problem = f"{_images()} has {free} MB free, an image needs {NEEDED_MB}"
            raise HostError(problem, hint=f"set {VARIABLE} to a larger folder")
        _build_and_publish(recipe.key, folder, progress, lock)
    finally:
        os.close(lock)
    return _load(folder)


def _remove(folder: Path) -> None:
    """Remove an image at one stroke, as others see it."""
    aside = folder.with_name(f"{ASIDE}{folder.name}-{time.time_ns()}")
    folder.rename(aside)
    shutil.rmtree(aside)


def _take(lock: int, progress: Progress) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        progress("another process builds the image: waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)


def _build_and_publish(key: str, folder: Path, progress: Progress, lock: int) -> None:
    for left in (*_images().glob(f"{WORK}{key}-*"), *_images().glob(f"{ASIDE}{key}-*")):  # of a builder that was killed
        if left.is_dir():
            shutil.rmtree(left)
    fresh = _images() / f"{WORK}{key}-{os.getpid()}"
    fresh.mkdir()
    began = time.monotonic()
    progress("building the guest's image; it is done once")
    try:
        build(load_recipe(), fresh, progress, lock=lock)
        _write_manifest(fresh)
        if folder.exists():  # kept until now: a rebuild that fails takes nothing away
            _remove(folder)
        fresh.rename(folder)
    except BaseException:
        log = fresh / "build.log"
        if log.exists():
            log.replace(fresh.with_suffix(".log"))
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    progress(f"the image is ready after {time.monotonic() - began:.0f} s: {folder}")


def _write_manifest(folder: Path) -> None:
    files = {}
    for file in sorted(folder.iterdir()):
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        files[file.name] = {"size": file.stat().st_size, "mtime_ns": file.stat().st_mtime_ns, "sha256": digest}
    (folder / MANIFEST).write_text(json.dumps({"built": time.time(), "files": files}, indent=1))


def verify(image: Image) -> str:
    """Return what is wrong with an image, its hashes compared; empty if nothing is."""
    return _problem(image.folder, full=True)


def _problem(folder: Path, *, full: bool) -> str:
    """Return what is wrong with a published image; empty if nothing is."""
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return "its manifest is missing or unreadable"
    for name, facts in files.items():
        try:
            status = (folder / name).stat()
        except OSError:
            return f"{name} is missing"
        if (status.st_size, status.st_mtime_ns) != (facts["size"], facts["mtime_ns"]):
            return f"{name} was changed"
        if full:
            with (folder / name).open("rb") as content:
                if hashlib.file_digest(content, "sha256").hexdigest() != facts["sha256"]:
                    return f"{name} has another content"
    return ""


def _load(folder: Path) -> Image:
    manifest = json.loads((folder / MANIFEST).read_text())
    size = sum((folder / name).stat().st_blocks * 512 for name in manifest["files"])
    return Image(key=folder.name, folder=folder, built=manifest["built"], size=size)
