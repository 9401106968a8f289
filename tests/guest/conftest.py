"""Guests for the tests: every run lies in a folder of its own, so that neither these tests nor other runs on this machine meet."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from guests import Guest, leftovers

from fixtures.roles import Client, Server
from fixtures.session import LabSession
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


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabSession]:
    """What tests get of a lab, for a module."""
    opened = LabSession.open("embedded", load_topology(), folder=tmp_path_factory.mktemp("logs"), fresh=True, worker=0, progress=lambda _: None)
    yield opened
    opened.close()


@pytest.fixture
def server(session: LabSession, tmp_path: Path) -> Iterator[Server]:
    """Its server; reverted after the test."""
    role = Server(session.topology.server, session.windows, evidence=tmp_path / "steps.json", journal=None, left_out=frozenset())
    yield role
    role.revert()


@pytest.fixture
def client(session: LabSession, server: Server) -> Iterator[Client]:
    """A Mac of it; disconnected after the test."""
    role = Client(session.topology.host("client"), session.probe("client"), session.pki)
    yield role
    role.close()
