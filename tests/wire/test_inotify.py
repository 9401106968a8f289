"""Waiting for files without polling."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from lab.wire.inotify import IN_CREATE, await_files, watch


def test_files_that_are_there_cost_no_wait(tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    assert await_files([str(tmp_path / "a")], 0) == set()


def test_those_that_do_not_come_are_named(tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    assert await_files([str(tmp_path / "a"), str(tmp_path / "b")], 0.01) == {str(tmp_path / "b")}


def test_files_that_come_meanwhile_end_the_wait(tmp_path: Path) -> None:
    other = tmp_path / "folder"
    other.mkdir()
    (tmp_path / "moved").touch()

    def come() -> None:
        (tmp_path / "unrelated").touch()
        (tmp_path / "created").touch()
        (tmp_path / "moved").rename(other / "moved")

    thread = threading.Timer(0.01, come)
    thread.start()
    try:
        assert await_files([str(tmp_path / "created"), str(other / "moved")], 5) == set()
    finally:
        thread.join()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"inotify on .*/none: No such file"):
        watch(str(tmp_path / "none"), IN_CREATE)
