"""Guests for the tests: every run lies in a folder of its own, so that neither these tests nor other runs on this machine meet."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from guests import Guest, leftovers

from lab import rundir
from lab.backends.embedded import EmbeddedLab
from lab.topology import load_topology
from lab.waiting import Deadline, wait_until


@pytest.fixture(scope="package", autouse=True)
def private_base() -> Iterator[Path]:
    """A folder below the one where runs would lie, with a short path: sockets lie in it."""
    base = Path(tempfile.mkdtemp(prefix="lab-", dir=rundir.choose_run_base()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(rundir.VARIABLE, str(base))
        yield base
    shutil.rmtree(base)


@pytest.fixture
def base(private_base: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of runs for one test, which must leave it empty and without processes."""
    folder = Path(tempfile.mkdtemp(prefix="t", dir=private_base))
    monkeypatch.setenv(rundir.VARIABLE, str(folder))
    yield folder
    wait_until(lambda: not leftovers(folder), Deadline(5), lambda: AssertionError(f"left behind: {leftovers(folder)}"))


@pytest.fixture
def new_lab(base: Path, tmp_path: Path) -> Iterator[Callable[..., EmbeddedLab]]:
    """Makes labs, not up yet; ended after the test."""
    made: list[EmbeddedLab] = []

    def make(**options: object) -> EmbeddedLab:
        made.append(EmbeddedLab(load_topology(), log_folder=tmp_path / "logs", **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for lab in made:
        lab.down()


@pytest.fixture(scope="package")
def guest(private_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A guest for tests that leave it as it was."""
    with Guest(EmbeddedLab(load_topology(), log_folder=tmp_path_factory.mktemp("logs"), progress=print)) as shared:
        yield shared
