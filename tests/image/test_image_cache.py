"""The cache of images with a builder of ours: built once, published whole or not at all, checked, rebuilt, pruned."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.embedded.image import cache
from lab.embedded.image.cache import Image, ensure_image, list_images, prune
from lab.embedded.image.recipe import Recipe, load_recipe
from lab.errors import HostError

KEY = load_recipe().key


class Builder:
    """Takes the place of `build`; counts, and does what a test wants in between."""

    def __init__(self) -> None:
        self.builds = 0
        self.meanwhile: Callable[[Path], object] = lambda _: None

    def __call__(self, recipe: Recipe, target: Path, progress: Callable[[str], None], *, lock: int) -> None:
        assert list(target.iterdir()) == []
        os.fstat(lock)
        self.builds += 1
        (target / "build.log").write_text("what mmdebstrap said\n")
        self.meanwhile(target)
        (target / "root.ext2").write_bytes(b"disk of build %d" % self.builds)
        (target / "packages").write_text("iptables=1.8 amd64\n")


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "images"


@pytest.fixture
def builder(images: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    made = Builder()
    monkeypatch.setattr(cache, "build", made)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: SimpleNamespace(free=10 << 30))
    return made


@pytest.fixture
def said() -> list[str]:
    return []


def visible(images: Path) -> list[str]:
    """Folders in the cache that are not hidden."""
    return sorted(one.name for one in images.iterdir() if one.is_dir() and not one.name.startswith("."))


def left(images: Path) -> list[str]:
    """Hidden folders in the cache."""
    return sorted(one.name for one in images.iterdir() if one.is_dir() and one.name.startswith("."))


def fail(_: Path) -> None:
    raise HostError("mmdebstrap could not make the guest's image")


def test_an_image_is_built_when_there_is_none_and_taken_when_there_is_one(builder: Builder, images: Path, said: list[str]) -> None:
    first = ensure_image(said.append)
    second = ensure_image(said.append, full=True)

    assert builder.builds == 1
    assert first == second
    assert first.root.read_bytes() == b"disk of build 1"
    assert first.packages == ["iptables=1.8 amd64"]
    assert (visible(images), left(images)) == ([KEY], [])
    assert said[0].startswith("building the guest's image")
    assert str(first.folder) in said[-1]


def test_two_builders_at_the_same_time_make_one_image(builder: Builder, images: Path) -> None:
    said: list[str] = []
    waits = threading.Event()

    def hear(line: str) -> None:
        said.append(line)
        if "waiting for it" in line:
            waits.set()

    builder.meanwhile = lambda _: waits.wait(5)  # the first builds until the second has come to the lock
    with ThreadPoolExecutor(2) as both:
        made = list(both.map(lambda _: ensure_image(hear), range(2)))

    assert builder.builds == 1
    assert made[0] == made[1]
    assert said.count("another process builds the image: waiting for it") == 1


def test_a_builder_in_another_process_is_waited_for(builder: Builder, images: Path) -> None:
    images.mkdir(parents=True)
    holds_the_lock = f"import fcntl; lock = open({str(images / f'{KEY}.lock')!r}, 'w'); fcntl.flock(lock, fcntl.LOCK_EX); print(); input()"
    says = threading.Event()
    with subprocess.Popen([sys.executable, "-S", "-c", holds_the_lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(ensure_image, lambda line: says.set() if "waiting" in line else None)
            assert says.wait(5)
            assert builder.builds == 0
            other.stdin.write(b"\n")
            other.stdin.flush()
            waiting.result(5)
    assert builder.builds == 1


def test_a_failed_build_publishes_nothing_and_leaves_its_log(builder: Builder, images: Path) -> None:
    builder.meanwhile = fail

    with pytest.raises(HostError, match="mmdebstrap"):
        ensure_image(lambda _: None)

    assert (visible(images), left(images)) == ([], [])
    assert [log.read_text() for log in images.glob(f".building-{KEY}-*.log")] == ["what mmdebstrap said\n"]


def test_after_a_failed_build_the_next_one_succeeds(builder: Builder, images: Path) -> None:
    builder.meanwhile = fail
    with pytest.raises(HostError):
        ensure_image(lambda _: None)
    builder.meanwhile = lambda _: None

    assert ensure_image(lambda _: None).key == KEY
    assert builder.builds == 2


def test_an_interrupted_build_leaves_no_folder(builder: Builder, images: Path) -> None:
    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    builder.meanwhile = interrupt
    with pytest.raises(KeyboardInterrupt):
        ensure_image(lambda _: None)
    assert (visible(images), left(images)) == ([], [])


def test_what_a_killed_builder_left_is_removed(builder: Builder, images: Path) -> None:
    for name in (f".building-{KEY}-999999", f".aside-{KEY}-1"):
        (images / name).mkdir(parents=True)
        (images / name / "root.ext2").write_bytes(b"half")

    ensure_image(lambda _: None)

    assert (visible(images), left(images)) == ([KEY], [])


def flip_a_byte(image: Image) -> None:
    status = image.root.stat()
    content = bytearray(image.root.read_bytes())
    content[3] ^= 1
    image.root.write_bytes(content)
    os.utime(image.root, ns=(status.st_atime_ns, status.st_mtime_ns))


DAMAGES: dict[str, tuple[Callable[[Image], object], str]] = {
    "another size": (lambda image: os.truncate(image.root, 3), "root.ext2 was changed"),
    "another time": (lambda image: os.utime(image.root, (1, 1)), "root.ext2 was changed"),
    "missing": (lambda image: image.root.unlink(), "root.ext2 is missing"),
    "no manifest": (lambda image: (image.folder / "manifest.json").unlink(), "its manifest is missing or unreadable"),
    "empty manifest": (lambda image: (image.folder / "manifest.json").write_text(""), "its manifest is missing or unreadable"),
    "other manifest": (lambda image: (image.folder / "manifest.json").write_text("{}"), "its manifest is missing or unreadable"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_corrupt_image_is_found_and_built_again_with_a_message(damage: str, builder: Builder, images: Path, said: list[str]) -> None:
    spoil, problem = DAMAGES[damage]
    spoil(ensure_image(lambda _: None))

    image = ensure_image(said.append)

    assert said[0] == f"the cached image is corrupt ({problem}): building it again"
    assert image.root.read_bytes() == b"disk of build 2"
    assert left(images) == []


def test_a_flipped_byte_is_found_when_hashes_are_compared(builder: Builder, said: list[str]) -> None:
    flip_a_byte(ensure_image(lambda _: None))

    ensure_image(said.append)
    assert said == []  # a glance does not see it

    ensure_image(said.append, full=True)
    assert said[0] == "the cached image is corrupt (root.ext2 has another content): building it again"
    assert builder.builds == 2


def test_a_rebuild_replaces_the_image(builder: Builder, images: Path, said: list[str]) -> None:
    ensure_image(lambda _: None)

    assert ensure_image(said.append, rebuild=True).root.read_bytes() == b"disk of build 2"
    assert said[0] == "rebuilding the image"
    assert (visible(images), left(images)) == ([KEY], [])


def test_a_rebuild_that_fails_takes_nothing_away(builder: Builder, images: Path) -> None:
    ensure_image(lambda _: None)
    builder.meanwhile = fail

    with pytest.raises(HostError):
        ensure_image(lambda _: None, rebuild=True)

    assert ensure_image(lambda _: None, full=True).root.read_bytes() == b"disk of build 1"


def test_too_little_space_is_told_with_figures_before_the_build(builder: Builder, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: SimpleNamespace(free=123 << 20))

    with pytest.raises(HostError) as refusal:
        ensure_image(lambda _: None)

    assert refusal.value.message == f"{images} has 123 MB free, an image needs {cache.NEEDED_MB}"
    assert cache.VARIABLE in refusal.value.hint
    assert builder.builds == 0


def test_a_cache_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "cache"))

    with pytest.raises(HostError, match=r"file/cache cannot be made: Not a directory"):
        cache.cache_root()


def another_image(images: Path, key: str) -> Path:
    """An image of another recipe: the current one, copied."""
    folder = images / key
    folder.mkdir()
    for file in (images / KEY).iterdir():
        os.link(file, folder / file.name)
    return folder


def test_prune_keeps_the_current_one(builder: Builder, images: Path) -> None:
    ensure_image(lambda _: None)
    another_image(images, "0123456789abcdef")
    assert {image.key for image in list_images()} == {KEY, "0123456789abcdef"}

    assert [image.key for image in prune(keep=KEY)] == ["0123456789abcdef"]
    assert visible(images) == [KEY]
    assert [image.key for image in prune()] == [KEY]
    assert visible(images) == []


def test_prune_removes_corrupt_images_and_leftovers_too(builder: Builder, images: Path) -> None:
    ensure_image(lambda _: None)
    (another_image(images, "corrupt0") / "manifest.json").unlink()
    another_image(images, ".building-0123456789abcdef-7")

    assert [image.key for image in list_images()] == [KEY]
    assert prune(keep=KEY) == []
    assert (visible(images), left(images)) == ([KEY], [])


def test_prune_leaves_a_builder_at_work_alone(builder: Builder, images: Path) -> None:
    builder.meanwhile = lambda _: prune()

    image = ensure_image(lambda _: None)

    assert image.root.read_bytes() == b"disk of build 1"
