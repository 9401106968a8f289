"""The server's first step on a twin with the adapters of a fresh machine: taken once, verified afterwards, put back in whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_lab import FakeLab
from fake_nics import FakeNics
from twin_process import twin_in_this_process

from lab import budgets
from lab.backends.base import Host, Machine, SSHEndpoint
from lab.backends.machines import ExistingServer, in_use
from lab.errors import ConfigError, InfrastructureError, LinkLost, StepFailed
from lab.prepare import lab as all_machines
from lab.prepare import release
from lab.prepare import server as prepare_module
from lab.prepare.lab import prepare_lab
from lab.prepare.recovery import Level, WindowsHands, recover
from lab.prepare.release import anything_left, release_lab
from lab.prepare.server import prepare_server, release_server
from lab.server import steps, view
from lab.server.journal import LAB, TEST, Journal, journal_file
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.server.steps import SCRIPTS, Step
from lab.topology import load_topology

TOPOLOGY = load_topology()


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "READY_PAUSE", 0.01)


@pytest.fixture
def nics() -> FakeNics:
    return FakeNics()


@pytest.fixture
def session(tmp_path: Path, nics: FakeNics) -> Iterator[WindowsSession]:
    with twin_in_this_process(tmp_path, nics=nics) as endpoint, WindowsSession(endpoint) as opened:
        yield opened


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def server(session: WindowsSession, **changed: str) -> Machine:
    return Machine(name="server", way=Host(name="server", winrm=session.endpoint), hosts=("server",),
                   adapters={**TOPOLOGY.adapters("server"), **changed})


def existing(session: WindowsSession, **changed: str) -> ExistingServer:
    machine = server(session, **changed)
    return ExistingServer(name=machine.name, way=machine.way, hosts=machine.hosts, adapters=machine.adapters, also_used_by_people=False)


def prepare(session: WindowsSession, state: Path | None, machine: Machine | None = None) -> None:
    prepare_server(machine or server(session), TOPOLOGY, session, scripts=SCRIPTS, state=state, progress=lambda _: None)


def fingerprint(session: WindowsSession) -> dict[str, object]:
    return dict(view.read(session, SCRIPTS).fingerprint)


def names(nics: FakeNics) -> list[str]:
    return [nic.name for nic in nics.nics()]


def test_there_and_back(session: WindowsSession, state: Path, nics: FakeNics) -> None:
    before = fingerprint(session)

    prepare(session, state)

    assert names(nics) == ["eth0", "wan", "lan", "lan2"]
    assert Journal(journal_file(state, LAB)).before == before
    reverted = release_server(session, scripts=SCRIPTS, state=state, progress=lambda _: None)
    assert reverted is not None
    assert (reverted.steps, reverted.differences) == (("lab-adapters", "lab-firewall"), ())
    assert fingerprint(session) == before
    assert list(state.iterdir()) == []


def test_taken_twice_it_is_verified_only(session: WindowsSession, state: Path) -> None:
    prepare(session, state)
    once, journal = fingerprint(session), journal_file(state, LAB).read_text()
    session.transcript.entries.clear()

    prepare(session, state)

    calls = [str(entry["call"]) for entry in session.transcript.entries]
    assert calls == ["machine", "inspect lab-clock", "apply and verify lab-clock", "verify lab-adapters, lab-firewall"]
    assert fingerprint(session) == once
    assert journal_file(state, LAB).read_text() == journal


def test_a_machine_that_goes_with_its_lab_needs_no_journal(session: WindowsSession, nics: FakeNics) -> None:
    prepare(session, None)

    assert "wan" in names(nics)


def test_an_adapter_that_is_missing_changes_nothing(session: WindowsSession, state: Path) -> None:
    before = fingerprint(session)

    with pytest.raises(StepFailed, match="lab-adapters could not inspect: expected one adapter with the MAC address 02-00-00-00-00-01"):
        prepare(session, state, server(session, lan="02:00:00:00:00:01"))

    assert fingerprint(session) == before
    assert not journal_file(state, LAB).exists()


def test_an_unreadable_journal_is_told_before_anything_is_touched(session: WindowsSession, state: Path) -> None:
    before = fingerprint(session)
    journal_file(state, LAB).write_text("{")

    with pytest.raises(InfrastructureError, match="nothing was touched"):
        prepare(session, state)
    with pytest.raises(InfrastructureError, match="nothing was touched"):
        release_server(session, scripts=SCRIPTS, state=state, progress=lambda _: None)

    assert fingerprint(session) == before


def test_what_a_test_left_goes_first_and_the_comparison_is_with_the_very_beginning(session: WindowsSession, state: Path) -> None:
    before = fingerprint(session)
    prepare(session, state)
    Provisioner(session, scripts=SCRIPTS, journal=Journal(journal_file(state, TEST))).apply([steps.server_flags(steps.CERT)])
    told: list[str] = []

    reverted = release_server(session, scripts=SCRIPTS, state=state, progress=told.append)

    assert told == ["test.journal.json: put back server-flags", "lab.journal.json: put back lab-adapters, lab-firewall"]
    assert reverted is not None
    assert reverted.steps == ("lab-adapters", "lab-firewall", "server-flags")
    assert fingerprint(session) == before
    assert release_server(session, scripts=SCRIPTS, state=state, progress=told.append) is None


# -- all machines -----------------------------------------------------------------------------------------------------


class Released:
    """Stands in for a Linux machine that is logged in."""

    done: list[str]
    refuses: LinkLost | None = None

    def __init__(self, machine: Machine, *, record: Path | None, progress: Callable[[str], None]) -> None:
        self._name, self._record = machine.name, record

    def __enter__(self) -> Released:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def release(self) -> None:
        if type(self).refuses:
            raise type(self).refuses
        assert self._record is not None
        self._record.unlink(missing_ok=True)
        type(self).done.append(self._name)


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> type[Released]:
    fake = type("Fake", (Released,), {"done": []})
    monkeypatch.setattr(release, "LinuxMachine", fake)
    return fake


@pytest.fixture
def lab(session: WindowsSession, state: Path) -> FakeLab:
    """A server and one Linux machine that are in use."""
    way = Host(name="lan-machine", ssh=SSHEndpoint(address="192.0.2.30", port=22, user="root", key_file=Path("key"), host_key="ssh-ed25519 AAAA"))
    in_use(state).touch()
    (state / "lan.packages.json").write_text('["strongswan"]')
    return FakeLab([server(session), Machine(name="lan", way=way, hosts=("lan", "lan2"), adapters={})], state=state)


def test_all_machines_are_put_back(lab: FakeLab, session: WindowsSession, state: Path, linux: type[Released]) -> None:
    prepare(session, state)
    assert anything_left(state)

    released = release_lab(lab, session, scripts=SCRIPTS, progress=lambda _: None)

    assert released.machines == ("lan",)
    assert released.differences == ()
    assert not anything_left(state)


def test_one_that_fails_keeps_no_other_from_its_turn(lab: FakeLab, session: WindowsSession, state: Path, linux: type[Released]) -> None:
    before, told = fingerprint(session), list[str]()
    prepare(session, state)
    linux.refuses = LinkLost("lan: SSH failed")

    with pytest.raises(LinkLost, match="lan: SSH failed"):
        release_lab(lab, session, scripts=SCRIPTS, progress=told.append)

    assert fingerprint(session) == before
    assert "not put back: lan: SSH failed" in told
    assert anything_left(state)


def test_a_server_that_fails_keeps_no_linux_machine(lab: FakeLab, session: WindowsSession, state: Path, linux: type[Released]) -> None:
    journal_file(state, TEST).write_text("{")

    with pytest.raises(InfrastructureError, match="is not a journal"):
        release_lab(lab, session, scripts=SCRIPTS, progress=lambda _: None)

    assert linux.done == ["lan"]
    assert anything_left(state)


@pytest.mark.parametrize("lab", [FakeLab(), FakeLab(state=Path("nowhere"))], ids=["no state", "no machines"])
def test_a_lab_without_machines_or_state_has_nothing_to_put_back(lab: FakeLab, session: WindowsSession) -> None:
    assert release_lab(lab, session, scripts=SCRIPTS, progress=lambda _: None).machines == ()
    assert not anything_left(None)


def test_a_server_that_is_refused_is_not_touched_nor_are_the_others(session: WindowsSession, state: Path, nics: FakeNics) -> None:
    before = fingerprint(session)
    refused = existing(session, lan="02:00:00:00:00:01")

    with pytest.raises(ConfigError, match="has no adapter 02:00:00:00:00:01"):
        prepare_lab(FakeLab([refused], state=state), TOPOLOGY, session, scripts=SCRIPTS, progress=lambda _: None)  # type: ignore[arg-type]
    assert fingerprint(session) == before

    prepare_lab(FakeLab([existing(session)], state=state), TOPOLOGY, session, scripts=SCRIPTS, progress=lambda _: None)  # type: ignore[arg-type]
    assert "wan" in names(nics)


def test_all_machines_that_cannot_be_prepared_are_told(session: WindowsSession, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(lab: object, machine: Machine, topology: object, progress: object) -> None:
        raise LinkLost(f"{machine.name}: SSH failed", hint=f"start {machine.name}")

    monkeypatch.setattr(all_machines, "_prepare_linux", fail)
    way = Host(name="lan-machine", ssh=SSHEndpoint(address="192.0.2.30", port=22, user="root", key_file=Path("key"), host_key="ssh-ed25519 AAAA"))
    machines = [server(session), *(Machine(name=name, way=way, hosts=(name,), adapters={}) for name in ("client", "lan"))]

    with pytest.raises(LinkLost, match=r"\Aclient: SSH failed\n    lan: SSH failed\n    hint: start lan\nhint: start client\Z"):
        prepare_lab(FakeLab(machines, state=state), TOPOLOGY, session, scripts=SCRIPTS, progress=lambda _: None)  # type: ignore[arg-type]


# -- recovery on a server ---------------------------------------------------------------------------------------------


class LabWithSnapshot(FakeLab):
    """Goes back to a snapshot of the twin's registry as Windows' hypervisor would, behind WinRM's back."""

    def __init__(self, machine: Machine, session: WindowsSession) -> None:
        super().__init__([machine])
        self._stranger = Provisioner(session, scripts=SCRIPTS)

    def spoil(self) -> None:
        self._stranger.apply([steps.wan_endpoints(3)])

    def keep(self) -> None:
        self.did.append("keep")

    def restore(self) -> None:
        self.did.append("restore")
        self._stranger.revert()

    def rebuild(self) -> None:
        raise AssertionError("not needed")


def test_recovery_of_a_server(session: WindowsSession, state: Path) -> None:
    prepare(session, state)
    before, lab = fingerprint(session), LabWithSnapshot(server(session), session)
    hands = WindowsHands(machine=server(session), topology=TOPOLOGY, reopen=lambda: session, scripts=SCRIPTS, state=state, progress=lambda _: None)
    test = journal_file(state, TEST)

    Provisioner(session, scripts=SCRIPTS, journal=Journal(test)).apply([steps.server_flags(steps.CERT)])
    assert recover(lab, hands, before, progress=lambda _: None).level is Level.JOURNAL

    Provisioner(session, scripts=SCRIPTS, journal=Journal(test)).apply([steps.server_flags(steps.CERT)])
    lab.spoil()
    recovery = recover(lab, hands, before, progress=lambda _: None)
    assert recovery.level is Level.SNAPSHOT
    assert recovery.because == ("journal: ports.ms_agilevpnminiport.WanEndpoints was 2, is 3",)
    assert fingerprint(session) == before
    assert not test.exists()


def test_a_snapshot_voids_the_journal_of_what_was_after_it(session: WindowsSession, state: Path, tmp_path: Path) -> None:
    """A step that can never be reverted is gone with the snapshot; the next test must not try again."""
    prepare(session, state)
    before, lab, test = fingerprint(session), LabWithSnapshot(server(session), session), journal_file(state, TEST)
    stuck = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, stuck)
    (stuck / "stuck.ps1").write_text("param($Action, $Parameters, $Found)\nif ($Action -eq 'revert') { throw 'no' }\n$true")
    hands = WindowsHands(machine=server(session), topology=TOPOLOGY, reopen=lambda: session, scripts=stuck, state=state, progress=lambda _: None)
    Provisioner(session, scripts=stuck, journal=Journal(test)).apply([Step(name="stuck", script="stuck", parameters={}, because="")])

    recovery = recover(lab, hands, before, progress=lambda _: None)

    assert (recovery.level, recovery.because) == (Level.SNAPSHOT, ("journal: the step stuck could not revert: no",))
    assert not test.exists()
    assert Journal(journal_file(state, LAB)).entries


def test_a_box_whose_evaluation_has_expired_is_refused_before_it_is_touched(
    session: WindowsSession, state: Path, nics: FakeNics, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = prepare_module.read_machine(session, SCRIPTS)
    monkeypatch.setattr(prepare_module, "read_machine", lambda *_: replace(told, evaluation_minutes=0))
    before = names(nics)

    with pytest.raises(ConfigError, match="runs an evaluation that has expired"):
        prepare(session, state)

    assert names(nics) == before
    assert list(state.iterdir()) == []
