"""The doctor's look at a server that is up, on a twin in this process: what it is, its evaluation, its restart, its clock."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from lab import budgets, waiting
from lab.backends.base import WinRMEndpoint
from lab.backends.vagrant import lab as vagrant_lab
from lab.backends.vagrant import runs
from lab.cli.main import main
from lab.doctor import Grade
from lab.doctor.findings import Finding
from lab.doctor.inventory import examine_inventory
from lab.doctor.server import Look, examine_server
from lab.doctor.vagrant import examine_vagrant_server
from lab.errors import ConfigError
from lab.secrets import Secret
from lab.server.machine import Kind, WindowsMachine
from lab.server.session import WindowsSession
from lab.statedir import VARIABLE as STATE
from lab.twin.commands import system
from lab.twin.powershell import core
from lab.waiting import Deadline

PENDING = r"HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired"
DAY = 1440
NOON = dt.datetime(2026, 1, 2, 12, 0, 0, tzinfo=dt.UTC)
MACHINE = WindowsMachine(computer_name="WIN10VPN", build="19045", kind=Kind.WINDOWS, boot_id="A", time_utc=NOON, domain_joined=False,
                         domain="WORKGROUP", interactive_user=None, is_elevated=True, pending_reboot=False, evaluation_minutes=None, adapters=())


@pytest.fixture(autouse=True)
def _own_pace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No pause between two looks, a pace that ends with the test, and folders of its own."""
    monkeypatch.setattr(budgets, "READY_PAUSE", 0.0)
    monkeypatch.setattr(waiting, "_Pace", SimpleNamespace(factor=1.0))
    monkeypatch.setenv(STATE, str(tmp_path / "state"))
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))


def named(findings: list[Finding]) -> dict[str, Finding]:
    return {one.check: one for one in findings}


def evaluation_of(minutes: int) -> list[tuple[str, object]]:
    return [("Description", "Windows(R) Operating System, TIMEBASED_EVAL channel"), ("ApplicationID", system.WINDOWS),
            ("PartialProductKey", "3V66T"), ("LicenseStatus", 1), ("GracePeriodRemaining", minutes)]


def test_a_server_with_which_all_is_well(winrm: WinRMEndpoint) -> None:
    found = examine_server(winrm)

    assert {one.grade for one in found} == {Grade.GOOD}
    assert [(one.check, one.text) for one in found] == [
        ("server", "WIN10VPN is a twin of Windows 10, build 19045"), ("evaluation", "it is none: nothing runs out"),
        ("restart", "it waits for none"), ("clock", "as this machine's")]


@pytest.mark.parametrize(("minutes", "grade", "text", "remedy"), [
    (90 * DAY, Grade.GOOD, "90 days are left", ""), (14 * DAY, Grade.GOOD, "14 days are left", ""),
    (14 * DAY - 1, Grade.NOTE, "13 days are left", "slmgr /rearm"), (1, Grade.NOTE, "0 days are left", "slmgr /rearm"),
    (0, Grade.BAD, "it has expired", "slmgr /rearm"),
])
def test_an_evaluation(winrm: WinRMEndpoint, monkeypatch: pytest.MonkeyPatch, minutes: int, grade: Grade, text: str, remedy: str) -> None:
    monkeypatch.setitem(system.CLASSES, "SoftwareLicensingProduct", lambda _: evaluation_of(minutes))

    found = named(examine_server(winrm))["evaluation"]

    assert found.grade is grade
    assert text in found.text
    assert remedy in found.remedy
    assert bool(found.remedy) is bool(remedy)


@pytest.fixture
def waits_for_a_restart(winrm: WinRMEndpoint) -> Iterator[None]:
    """The session's twin, for the time of a test."""
    with WindowsSession(winrm) as session:
        session.run_powershell(f"New-Item -Path '{PENDING}' -Force | Out-Null", Deadline(10))
        yield
        session.run_powershell(f"Remove-Item -LiteralPath '{PENDING}'", Deadline(10))


@pytest.mark.usefixtures("waits_for_a_restart")
def test_a_restart_that_is_pending_is_a_note(winrm: WinRMEndpoint) -> None:
    found = named(examine_server(winrm))["restart"]

    assert (found.grade, found.remedy) == (Grade.NOTE, "`Restart-Computer` on the server")


@pytest.mark.parametrize(("seconds", "grade", "text"), [
    (0, Grade.GOOD, "as this machine's"), (3600, Grade.NOTE, "s ahead of this machine's"), (-3600, Grade.NOTE, "s behind this machine's"),
])
def test_a_clock(winrm: WinRMEndpoint, monkeypatch: pytest.MonkeyPatch, seconds: int, grade: Grade, text: str) -> None:
    class Skewed(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime.now(tz) + dt.timedelta(seconds=seconds)

    monkeypatch.setattr(core, "dt", SimpleNamespace(datetime=Skewed, UTC=dt.UTC))

    found = named(examine_server(winrm))["clock"]

    assert found.grade is grade
    assert text in found.text


@pytest.mark.parametrize(("asked", "answered", "ahead"), [
    (0, 0, 0), (-20, 0, 0), (-1, 30, 0), (5, 10, -4), (-30, -10, 10), (1, 2, 0),
], ids=["at once", "told late", "told early", "behind", "ahead", "in the second that is not told"])
def test_only_what_the_look_itself_does_not_explain_counts(asked: int, answered: int, ahead: int) -> None:
    """The server says 12:00:00, which may be almost a second more."""
    seen = Look(machine=MACHINE, asked=NOON + dt.timedelta(seconds=asked), answered=NOON + dt.timedelta(seconds=answered))

    assert seen.ahead.total_seconds() == ahead


def test_a_server_that_refuses_us_is_bad(winrm: WinRMEndpoint) -> None:
    [found] = examine_server(replace(winrm, password=Secret("wrong")))

    assert (found.check, found.grade) == ("server", Grade.BAD)
    assert "refused the user 'labadmin'" in found.text
    assert "net user labadmin" in found.remedy


# -- vagrant ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def left_up(winrm: WinRMEndpoint, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a lab that `lab up --lab vagrant` left running, whose server is the twin."""
    monkeypatch.setattr(vagrant_lab, "driver", lambda: "qemu")
    run = runs.runs_folder() / "lab00beef"
    run.mkdir()
    runs.write_record(run, runs.Record(detached=True, since=0.0))
    way = {"address": winrm.address, "port": winrm.http_port, "user": winrm.user, "password": winrm.password.reveal()}
    (run / "ways.json").write_text(json.dumps({"server": way}))
    return run


def test_the_server_of_a_lab_that_is_up(left_up: Path) -> None:
    assert named(examine_vagrant_server())["server"].text == "WIN10VPN is a twin of Windows 10, build 19045"
    assert not runs.is_owned(left_up)
    assert left_up.exists()


def test_without_a_lab_nothing_is_looked_at() -> None:
    assert examine_vagrant_server() == [Finding(check="server", grade=Grade.NOTE, text="not looked at: no lab is up")]


def test_a_lab_that_another_process_uses_is_left_alone(left_up: Path) -> None:
    with runs.owned(left_up):
        [found] = examine_vagrant_server()

    assert found.grade is Grade.NOTE
    assert found.text == "not looked at: the lab lab00beef is in use by another process"


# -- inventory ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def office(winrm: WinRMEndpoint, tmp_path: Path) -> Path:
    """An inventory whose server is the twin; its Linux machines are nowhere."""
    (tmp_path / "id").touch()
    content = {"name": "office", "pace": 1.0, "machines": {
        "server": {"lab": True, "address": winrm.address, "winrm": {"http": winrm.http_port}, "user": winrm.user,
                   "password_env": "OFFICE", "adapters": {"wan": "auto", "lan": "auto", "lan2": "auto"}},
        "client": {"address": "192.0.2.1", "user": "root", "key_file": "id", "adapters": {"wan": "auto"}},
        "lan": {"address": "192.0.2.2", "user": "root", "key_file": "id", "adapters": {"lan": "auto", "lan2": "auto"}}}}
    file = tmp_path / "office.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def test_the_server_of_an_inventory_and_what_speaks_against_it(
    winrm: WinRMEndpoint, office: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The session's twin has no adapters: a run would object to that."""
    monkeypatch.setenv("OFFICE", winrm.password.reveal())

    assert main(["doctor", "--lab", f"inventory:{office}"]) == 69
    told = capsys.readouterr()
    assert "WIN10VPN is a twin of Windows 10, build 19045" in told.out
    assert "BAD   to be changed   the server WIN10VPN has no adapter 52:54:cb:00:71:0a" in told.out
    assert "hint: machines.server.adapters.wan in the inventory" in told.err
    assert winrm.password.reveal() not in told.out + told.err
    assert not (office.parent / "state").exists()


def test_a_server_to_which_a_run_would_not_object(
    winrm: WinRMEndpoint, office: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lab.doctor.inventory.objection_to_server", lambda *_: None)
    monkeypatch.setenv("OFFICE", winrm.password.reveal())

    assert main(["doctor", "--lab", f"inventory:{office}"]) == 0
    assert f"the server is fit: `pytest e2e --lab inventory:{office}`" in capsys.readouterr().out


@pytest.mark.parametrize(("change", "text"), [
    (("OFFICE", "NO_SUCH_VARIABLE"), "the variable NO_SUCH_VARIABLE, which should hold the password of labadmin, is not set"),
    (("lab: true", "lab: false"), "lacks `lab: true`"),
])
def test_an_inventory_that_is_wrong(office: Path, change: tuple[str, str], text: str) -> None:
    office.write_text(office.read_text().replace(*change))
    [found] = examine_inventory(str(office))

    assert (found.check, found.grade) == ("inventory", Grade.BAD)
    assert text in found.text


def test_a_password_without_a_variable_is_asked_for(winrm: WinRMEndpoint, office: Path) -> None:
    office.write_text(office.read_text().replace("    password_env: OFFICE\n", ""))
    asked: list[str] = []

    def ask(what: str) -> Secret:
        asked.append(what)
        return winrm.password

    assert named(examine_inventory(str(office), ask=ask))["server"].grade is Grade.GOOD
    assert asked == ["password of labadmin on 127.0.0.1"]


def test_an_inventory_without_a_file() -> None:
    with pytest.raises(ConfigError, match="names no file"):
        examine_inventory("")
