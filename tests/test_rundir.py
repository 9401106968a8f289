"""Where runs lie: the first folder that can hold a guest's memory; when none can, each is named with its reason."""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab import rundir
from lab.errors import HostError
from lab.rundir import NEEDED_MB, VARIABLE, candidates, choose_run_base, objection_to, survey


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three candidates that can all serve."""
    made = [tmp_path / name for name in ("first", "second", "third")]
    for folder in made:
        folder.mkdir()
    monkeypatch.setattr(rundir, "candidates", lambda: made)
    monkeypatch.setattr(rundir.os, "statvfs", free(1000))
    return made


def free(megabytes: int) -> Callable[[Path], SimpleNamespace]:
    return lambda _: SimpleNamespace(f_bavail=megabytes * 256, f_frsize=4096)


def refuse_mapping(*_: object, **__: object) -> mmap.mmap:
    raise PermissionError(errno.EPERM, "Operation not permitted")


def test_the_first_that_can_serve_is_taken(folders: list[Path]) -> None:
    folders[0].rmdir()

    assert choose_run_base() == folders[1]
    assert [(one.folder.name, one.objection) for one in survey()] == [("first", "does not exist"), ("second", ""), ("third", "")]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert objection_to(tmp_path / "file") == "does not exist"


def test_a_full_file_system_is_refused_with_figures(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rundir.os, "statvfs", free(NEEDED_MB - 1))
    assert objection_to(folders[0]) == f"has {NEEDED_MB - 1} MB free, {NEEDED_MB} are needed"

    monkeypatch.setattr(rundir.os, "statvfs", free(NEEDED_MB))
    assert objection_to(folders[0]) == ""


def test_a_noexec_mount_is_refused(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rundir.mmap, "mmap", refuse_mapping)

    assert objection_to(folders[0]) == "is mounted noexec"
    assert list(folders[0].iterdir()) == []  # the trial leaves nothing


def test_a_folder_that_cannot_be_written_is_refused(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rundir.os, "access", lambda *_: False)

    assert objection_to(folders[0]) == "cannot be written"


def test_any_other_trouble_is_told_in_the_systems_words(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(rundir.tempfile, "TemporaryFile", read_only)

    assert objection_to(folders[0]) == "cannot be used: Read-only file system"


def test_when_none_can_serve_each_is_named_with_its_reason(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folders[0].rmdir()
    space = {folders[1]: free(63), folders[2]: free(1000)}
    monkeypatch.setattr(rundir.os, "statvfs", lambda folder: space[folder](folder))
    monkeypatch.setattr(rundir.mmap, "mmap", refuse_mapping)

    with pytest.raises(HostError, match=f"{NEEDED_MB} MB, executable mappings") as refusal:
        choose_run_base()

    assert refusal.value.evidence.splitlines() == [
        f"{folders[0]} does not exist", f"{folders[1]} has 63 MB free, {NEEDED_MB} are needed", f"{folders[2]} is mounted noexec"]
    assert VARIABLE in refusal.value.hint


def test_the_variable_leaves_no_other_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/does/not/exist")

    assert candidates() == [Path("/does/not/exist")]
    with pytest.raises(HostError) as refusal:
        choose_run_base()
    assert refusal.value.evidence == "/does/not/exist does not exist"


def test_a_relative_folder_means_the_one_seen_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "runs")

    assert candidates() == [tmp_path / "runs"]


def test_memory_comes_before_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")

    assert [str(folder) for folder in candidates()] == ["/dev/shm", "/run/user/1000", "/tmp", "/var/tmp"]
