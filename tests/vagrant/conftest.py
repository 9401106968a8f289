"""Fakes on PATH: programs that play a part, and nothing else there."""

from __future__ import annotations

from pathlib import Path

import pytest
from vagrant_fakes import Cast, Stage

from lab.backends.vagrant.command import Vagrant


@pytest.fixture
def cast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """Give a program of a name a part to play; PATH has only these."""
    stage = Stage(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(stage.folder))
    monkeypatch.setenv("LAB_STATE", str(tmp_path / "state"))
    return stage.play


@pytest.fixture
def told() -> list[str]:
    """What was told as progress."""
    return []


@pytest.fixture
def vagrant(tmp_path: Path, told: list[str]) -> Vagrant:
    """The class under test, in a folder of its own."""
    return Vagrant(tmp_path, environment={"LAB_MARK": "1"}, log=tmp_path / "vagrant.log", progress=told.append)
