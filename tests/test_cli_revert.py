"""`lab revert` on an inventory whose server is a twin: 0 only when the server is as before, and says so when there is nothing to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from fake_nics import FakeNics
from twin_process import twin_in_this_process

from lab.backends import inventory
from lab.backends.base import Machine, WinRMEndpoint
from lab.cli import revert
from lab.cli.verb import Parser
from lab.errors import ConfigError, InfrastructureError
from lab.prepare import release
from lab.prepare.server import prepare_server
from lab.rundir import VARIABLE as RUNS
from lab.server import steps
from lab.server.journal import LAB, TEST, Journal, journal_file
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.server.steps import SCRIPTS
from lab.statedir import VARIABLE
from lab.topology import load_topology

EXAMPLE = Path(__file__).parent / "backends" / "inventory_example.yaml"


class NoLinux:
    """Stands in for a Linux machine that is logged in."""

    def __init__(self, machine: Machine, *, record: Path | None, progress: Callable[[str], None]) -> None:
        pass

    def __enter__(self) -> NoLinux:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def release(self) -> None:
        pass


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[WinRMEndpoint]:
    with twin_in_this_process(tmp_path, nics=FakeNics()) as served:
        yield served


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "state"))
    monkeypatch.setenv(RUNS, "/dev/shm")
    monkeypatch.setattr("lab.waiting._Pace.factor", 1.0)  # the lab sets its pace, for as long as the test lasts
    monkeypatch.setattr("lab.embedded.runs.detached", lambda: None)
    monkeypatch.setattr("lab.budgets.READY_PAUSE", 0.01)
    folder = tmp_path / "state" / "inventory" / "office"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def file(tmp_path: Path, endpoint: WinRMEndpoint, state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    content = yaml.safe_load(EXAMPLE.read_text())
    content["machines"]["server"].update(winrm={"http": endpoint.http_port})
    monkeypatch.setenv("OFFICE_SERVER", endpoint.password.reveal())
    monkeypatch.setattr(inventory, "pinned_key", lambda *_: "ssh-ed25519 AAAA")
    monkeypatch.setattr(release, "LinuxMachine", NoLinux)
    (tmp_path / "id_ed25519").touch()
    (tmp_path / "office.yaml").write_text(yaml.safe_dump(content))
    return tmp_path / "office.yaml"


def run(lab: str) -> int:
    parser = Parser()
    revert.VERB.arguments(parser)
    return revert.VERB.run(parser.parse_args(["--lab", lab]))


def leave_behind(endpoint: WinRMEndpoint, state: Path) -> None:
    """Do what a run does until it is killed in a test."""
    topology = load_topology()
    machine = Machine(name="server", way=inventory.Host(name="server", winrm=endpoint), hosts=("server",), adapters=topology.adapters("server"))
    with WindowsSession(endpoint) as session:
        prepare_server(machine, topology, session, scripts=SCRIPTS, state=state, progress=lambda _: None)
        Provisioner(session, scripts=SCRIPTS, journal=Journal(journal_file(state, TEST))).apply([steps.server_flags(steps.CERT)])


def test_everything_is_put_back(file: Path, state: Path, endpoint: WinRMEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    leave_behind(endpoint, state)

    assert run(f"inventory:{file}") == 0

    said = capsys.readouterr().out
    assert "test.journal.json: put back server-flags" in said
    assert "lab.journal.json: put back lab-adapters, lab-firewall" in said
    assert said.endswith("the server is as it was before\n")
    assert run(f"inventory:{file}") == 0
    assert capsys.readouterr().out == f"nothing to revert: {state} has no journal\n"


def test_what_is_different_is_told_field_by_field(file: Path, state: Path, endpoint: WinRMEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    leave_behind(endpoint, state)
    with WindowsSession(endpoint) as session:
        Provisioner(session, scripts=SCRIPTS).apply([steps.wan_endpoints(3)])

        assert run(f"inventory:{file}") == revert.EXIT_DIFFERENT

    assert capsys.readouterr().out.endswith(
        "the server is not as it was before:\n  ports.ms_agilevpnminiport.WanEndpoints was 2, is 3\n")


@pytest.mark.parametrize("journal", [TEST, LAB])
def test_a_journal_that_cannot_be_read_stops_it(
    journal: str, file: Path, state: Path, endpoint: WinRMEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_behind(endpoint, state)
    journal_file(state, journal).write_text("{")

    with pytest.raises(InfrastructureError, match="nothing was touched"):
        run(f"inventory:{file}")

    assert all(journal_file(state, name).exists() for name in (TEST, LAB))
    assert f"not put back: the journal {journal_file(state, journal)}" in capsys.readouterr().out


def test_a_lab_that_makes_its_machines_has_nothing_to_revert(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("embedded") == 0
    assert capsys.readouterr().out == "nothing to revert: the embedded lab is not up, and its machines go with it\n"


def test_an_unknown_lab_is_told(state: Path) -> None:
    with pytest.raises(ConfigError, match="there is no lab 'nonsense'"):
        run("nonsense")
