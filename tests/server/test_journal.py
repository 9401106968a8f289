"""The journal: on the disk before the change, gone after the revert, and enough to put everything back after a crash."""

from __future__ import annotations

import json
import shutil
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from broken_network import Proxy

from lab.backends.base import WinRMEndpoint
from lab.errors import InfrastructureError, LabError, StepFailed
from lab.pki import RunPki
from lab.prepare.left_over import difference, revert_left_over
from lab.secrets import Secret
from lab.server import steps, view
from lab.server.journal import TEST, Journal, journal_file
from lab.server.paths import ikev2_certificate
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.server.steps import SCRIPTS, Step
from lab.topology import load_topology

HALF_WAY = "param($Action, $Parameters, $Found)\nif ($Action -eq 'apply') { throw 'half of it is done' }\n$true"
POOL = load_topology().vpn.pool


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.budgets.READY_PAUSE", 0.01)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(journal_file(tmp_path, TEST))


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """The product's scripts and one whose apply fails half-way."""
    folder = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, folder)
    (folder / "half-way.ps1").write_text(HALF_WAY)
    return folder


def fingerprint(session: WindowsSession) -> dict[str, object]:
    return dict(view.read(session, SCRIPTS).fingerprint)


def there_and_back(provisioner: Provisioner, path: list[Step]) -> None:
    provisioner.apply(path)
    provisioner.revert()


# -- the file ---------------------------------------------------------------------------------------------------------


def test_an_entry_holds_all_that_its_revert_needs(session: WindowsSession, journal: Journal, pki: RunPki) -> None:
    provisioner, step = Provisioner(session, scripts=SCRIPTS, journal=journal), steps.machine_certificate(pki.server)
    before = fingerprint(session)
    provisioner.apply([step])
    again = Journal(journal.file)

    assert stat.S_IMODE(journal.file.stat().st_mode) == 0o600
    assert again.before == before
    assert [one.found for one in again.entries] == [{"present": False}]
    assert again.entries[0].step == replace(step, because=again.entries[0].step.because)
    provisioner.revert()


def test_what_is_read_back_is_masked_as_it_was(session: WindowsSession, journal: Journal, pki: RunPki, winrm: WinRMEndpoint) -> None:
    step = steps.machine_certificate(pki.server)
    Provisioner(session, scripts=SCRIPTS, journal=journal).apply([step])
    with WindowsSession(winrm) as another:
        Provisioner(another, scripts=SCRIPTS, journal=Journal(journal.file)).revert()

        assert "revert machine-certificate" in another.transcript.text()
        for secret in step.secrets:
            assert secret.reveal() not in another.transcript.text()


def test_it_is_written_before_the_change(session: WindowsSession, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that cannot be written lets nothing be changed."""
    before = fingerprint(session)
    monkeypatch.setattr("lab.server.journal.write_private", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))

    with pytest.raises(InfrastructureError, match=r"test\.journal\.json cannot be written: No space left on device"):
        Provisioner(session, scripts=SCRIPTS, journal=journal).apply([steps.server_flags(steps.CERT)])

    assert fingerprint(session) == before


def test_no_file_after_the_revert(session: WindowsSession, journal: Journal) -> None:
    provisioner = Provisioner(session, scripts=SCRIPTS, journal=journal)
    provisioner.apply([steps.server_flags(steps.CERT)])
    assert journal.file.exists()

    provisioner.revert()

    assert not journal.file.exists()
    assert Journal(journal.file).entries == ()


ENTRY = {"step": "a", "script": "b", "parameters": {}, "secrets": ["s3cret"], "last": False, "found": None}
WHOLE = {"version": 1, "before": {}, "entries": [ENTRY]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (json.dumps(WHOLE)[:-20], "the whole file: Invalid JSON"),
        ("", "the whole file: Invalid JSON"),
        (json.dumps(WHOLE | {"version": 2}), "version: Input should be 1"),
        (json.dumps(WHOLE | {"entries": [{**ENTRY, "secrets": "s3cret"}]}), "entries.0.secrets: Input should be a valid array"),
        (json.dumps(WHOLE | {"more": 1}), "more: Extra inputs are not permitted"),
    ],
    ids=["half-written", "empty", "another version", "wrong type", "unknown field"],
)
def test_a_file_that_is_not_wholly_understood_is_never_acted_on(text: str, problem: str, journal: Journal) -> None:
    journal.file.write_text(text)

    with pytest.raises(InfrastructureError) as caught:
        Journal(journal.file)

    assert caught.value.message.startswith(f"the journal {journal.file} is not a journal of version 1: ")
    assert problem in caught.value.message
    assert "nothing was touched" in caught.value.message
    assert "delete the file" in caught.value.hint
    assert "s3cret" not in str(caught.value)
    assert journal.file.read_text() == text


def test_a_whole_file_is_understood(journal: Journal) -> None:
    journal.file.write_text(json.dumps(WHOLE))

    assert [one.step.secrets for one in Journal(journal.file).entries] == [(Secret("s3cret"),)]


def test_a_folder_in_its_place_is_told(journal: Journal) -> None:
    journal.file.mkdir()

    with pytest.raises(InfrastructureError, match="cannot be read: Is a directory"):
        Journal(journal.file)


# -- ensure -----------------------------------------------------------------------------------------------------------


def test_what_is_in_force_is_only_verified(session: WindowsSession, journal: Journal) -> None:
    wanted = [steps.server_flags(steps.CERT), steps.wan_endpoints(3)]
    Provisioner(session, scripts=SCRIPTS, journal=journal).ensure(wanted)
    session.transcript.entries.clear()
    second = Provisioner(session, scripts=SCRIPTS, journal=Journal(journal.file))

    second.ensure(wanted)

    assert [entry["call"] for entry in session.transcript.entries] == ["verify server-flags, wan-endpoints"]
    assert len(Journal(journal.file).entries) == 2
    second.revert()


def test_what_is_no_longer_in_force_is_applied_again_and_reverted_to_the_first_find(session: WindowsSession, journal: Journal) -> None:
    before, wanted = fingerprint(session), [steps.server_flags(steps.CERT), steps.wan_endpoints(3)]
    Provisioner(session, scripts=SCRIPTS, journal=journal).ensure(wanted[:1])
    stranger = Provisioner(session, scripts=SCRIPTS)
    stranger.apply([Step(name="stranger", script="registry-values", because="",
                         parameters={"path": steps.PARAMETERS, "values": {"ServerFlags": 1}})])
    provisioner = Provisioner(session, scripts=SCRIPTS, journal=Journal(journal.file))

    applied = provisioner.ensure(wanted)
    provisioner.verify(applied)

    assert len(provisioner.applied) == 2
    stranger.revert()
    provisioner.revert()
    assert fingerprint(session) == before


# -- a revert that fails in part --------------------------------------------------------------------------------------


def test_what_cannot_be_reverted_stays_in_the_journal_alone(session: WindowsSession, journal: Journal, scripts: Path) -> None:
    before = fingerprint(session)
    (scripts / "half-way.ps1").write_text(HALF_WAY.replace("'apply'", "'revert'"))
    stuck = Step(name="stuck", script="half-way", parameters={}, because="")
    provisioner = Provisioner(session, scripts=scripts, journal=journal)
    provisioner.apply([steps.server_flags(steps.CERT), stuck, steps.wan_endpoints(3)])

    with pytest.raises(StepFailed, match="the step stuck could not revert: half of it is done"):
        provisioner.revert()

    assert fingerprint(session) == before
    assert [one.step.name for one in Journal(journal.file).entries] == ["stuck"]
    (scripts / "half-way.ps1").write_text(HALF_WAY)
    provisioner.revert()
    assert not journal.file.exists()


def test_what_an_earlier_step_of_its_name_found_is_not_put_back_before_it(session: WindowsSession, journal: Journal, scripts: Path) -> None:
    """Two settings of one thing: the first one's find must be the last that is put back, or the second's revert would undo it later."""
    before = fingerprint(session)
    (scripts / "half-way.ps1").write_text(HALF_WAY.replace("'apply'", "'revert'"))
    first, second = replace(steps.wan_endpoints(3), name="ports"), Step(name="ports", script="half-way", parameters={}, because="")
    provisioner = Provisioner(session, scripts=scripts, journal=journal)
    provisioner.apply([first, steps.server_flags(steps.CERT), second])

    with pytest.raises(StepFailed, match="the step ports could not revert"):
        provisioner.revert()

    assert [one.step.script for one in Journal(journal.file).entries] == ["wan-endpoints", "half-way"]
    (scripts / "half-way.ps1").write_text(HALF_WAY)
    provisioner.revert()
    assert fingerprint(session) == before


def test_the_fingerprint_is_that_of_before_the_first_change(session: WindowsSession, journal: Journal) -> None:
    before, provisioner = fingerprint(session), Provisioner(session, scripts=SCRIPTS, journal=journal)

    for step in (steps.server_flags(steps.CERT), steps.wan_endpoints(3)):
        provisioner.apply([step])
    provisioner.apply([])

    assert Journal(journal.file).before == before
    provisioner.revert()


def test_an_apply_that_can_neither_be_finished_nor_put_back_tells_both(session: WindowsSession, journal: Journal, scripts: Path) -> None:
    before = fingerprint(session)
    (scripts / "half-way.ps1").write_text("param($Action, $Parameters, $Found)\nif ($Action -ne 'inspect') { throw \"no $Action\" }")
    half_way = Step(name="half-way", script="half-way", parameters={}, because="")

    with pytest.raises(StepFailed, match="the step half-way could not apply: no apply") as caught:
        Provisioner(session, scripts=scripts, journal=journal).apply([steps.server_flags(steps.CERT), half_way])

    assert "and it could not be put back: the step half-way could not revert: no revert" in caught.value.evidence
    assert "`lab revert`" in caught.value.hint
    assert [one.step.name for one in Journal(journal.file).entries] == ["half-way"]
    assert fingerprint(session) == before


# -- crashes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "half_way", "applied"),
    [
        ("apply", "never", False, False),
        ("never", "apply", False, True),
        ("revert", "never", True, True),
        ("revert", "never", False, True),
        ("never", "revert", False, False),
    ],
    ids=["written ahead, not applied", "applied, not answered", "between two steps", "before the revert", "reverted, not noted"],
)
def test_a_killed_run_is_put_back_by_the_next(
    before: str, after: str, half_way: bool, applied: bool, session: WindowsSession, winrm: WinRMEndpoint, tmp_path: Path, scripts: Path
) -> None:
    was = fingerprint(session)
    given = {"port": winrm.http_port, "password": winrm.password.reveal(), "state": str(tmp_path), "scripts": str(scripts),
             "before": before, "after": after, "half_way": half_way}
    done = subprocess.run([sys.executable, str(Path(__file__).with_name("killed_run.py"))], input=json.dumps(given), text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (fingerprint(session) != was) == applied
    told: list[str] = []

    reverted = revert_left_over(session, Journal(journal_file(tmp_path, TEST)), scripts=scripts, progress=told.append)

    assert reverted is not None
    assert "machine-certificate" in reverted.steps
    assert reverted.differences == ()
    assert told[0].startswith("test.journal.json: an earlier run left trusted-root, machine-certificate, ")
    assert fingerprint(session) == was
    assert revert_left_over(session, Journal(journal_file(tmp_path, TEST)), scripts=scripts, progress=told.append) is None


@pytest.mark.parametrize("cut_after", range(1, 8))
def test_a_lost_network_leaves_a_journal_that_puts_everything_back(
    cut_after: int, session: WindowsSession, winrm: WinRMEndpoint, journal: Journal, pki: RunPki
) -> None:
    """The connection breaks at each of the answers that an apply is made of; the last ones find it applied in whole."""
    was = fingerprint(session)
    assert winrm.http_port
    with Proxy(winrm.http_port) as proxy, WindowsSession(replace(winrm, http_port=proxy.port)) as through:
        provisioner = Provisioner(through, scripts=SCRIPTS, journal=journal)
        view.read(through, SCRIPTS)  # the shell is open
        proxy.cut_after(cut_after)
        with pytest.raises(LabError):
            there_and_back(provisioner, ikev2_certificate(pki, POOL))

    reverted = revert_left_over(session, Journal(journal.file), scripts=SCRIPTS, progress=lambda _: None)

    assert reverted is None or reverted.differences == ()
    assert fingerprint(session) == was


def test_what_is_different_is_told_field_by_field(session: WindowsSession, journal: Journal) -> None:
    Provisioner(session, scripts=SCRIPTS, journal=journal).apply([steps.server_flags(steps.CERT)])
    stranger = Provisioner(session, scripts=SCRIPTS)
    stranger.apply([steps.wan_endpoints(3)])
    told: list[str] = []

    reverted = revert_left_over(session, journal, scripts=SCRIPTS, progress=told.append)

    assert reverted is not None
    assert reverted.differences == ("ports.ms_agilevpnminiport.WanEndpoints was 2, is 3",)
    assert told[1:] == ["not as before: ports.ms_agilevpnminiport.WanEndpoints was 2, is 3"]
    stranger.revert()


@pytest.mark.parametrize(
    ("before", "now", "lines"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 1}}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b was 1, is 2"]),
        ({"a": {"b": 1}}, {"a": {}}, ["a.b was 1, is absent", "a was absent, is {}"]),
        ({"a": ["x"]}, {"a": ["x", "y"]}, ["a was ['x'], is ['x', 'y']"]),
        ({}, {"new": None}, ["new was absent, is None"]),
    ],
)
def test_difference(before: dict[str, object], now: dict[str, object], lines: list[str]) -> None:
    assert difference(before, now) == lines  # type: ignore[arg-type]
