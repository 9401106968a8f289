"""Readiness: two good looks at one boot; what passes is waited for, what does not ends the wait at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from winrm.exceptions import InvalidCredentialsError, WSManFaultError

from lab import budgets
from lab.backends.base import WinRMEndpoint
from lab.embedded.runs import free_ports
from lab.errors import CommandFailed, ConfigError, InfrastructureError, LabError, LinkLost, RemoteTimeout
from lab.pki import winrm_identity
from lab.prepare.ready import ACCESS_DENIED, await_ready
from lab.secrets import Secret, write_private
from lab.server.session import Completed, WindowsSession
from lab.waiting import Deadline

ENDPOINT = WinRMEndpoint(address="192.0.2.10", http_port=5985, https_port=None, user="labadmin", password=Secret("x"), ca_file=None)


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "READY_PAUSE", 0.01)


def caused(error: LabError, cause: Exception) -> LabError:
    error.__cause__ = cause
    return error


LOST = LinkLost("WinRM to 192.0.2.10 broke: ConnectionRefusedError")
SLOW = RemoteTimeout("it did not end within 30 s and was stopped")
BUSY = CommandFailed("WinRM refused to run it: quota")
REFUSED = caused(LinkLost("the server refused user 'labadmin' or its password"), InvalidCredentialsError("401"))
DENIED = caused(CommandFailed("WinRM refused to run it: Access is denied."),
                WSManFaultError(500, "", "", "Access is denied.", wsman_fault_code=ACCESS_DENIED))
ILL = Completed(output="", error="Get-CimInstance : The service cannot be started", exit_code=1)


class Scripted:
    """A session whose looks are written down; the last one repeats itself."""

    endpoint = ENDPOINT

    def __init__(self, looks: Sequence[str | Completed | LabError]) -> None:
        self._looks, self.asked, self.closed = list(looks), 0, 0

    def run_powershell(self, text: str, deadline: Deadline) -> Completed:
        look = self._looks[min(self.asked, len(self._looks) - 1)]
        self.asked += 1
        if isinstance(look, LabError):
            raise look
        return look if isinstance(look, Completed) else Completed(output=f"{look}\r\n", error="", exit_code=0)

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    ("looks", "boot", "asked", "closed"),
    [
        (["A", "A"], "A", 2, 0),
        ([LOST, LOST, "A", "A"], "A", 4, 2),
        ([SLOW, BUSY, ILL, "A", "A"], "A", 5, 2),
        (["A", LOST, "B", "B"], "B", 4, 1),
        (["A", "B", "B"], "B", 3, 0),
        (["A", LOST, "A", "A"], "A", 4, 1),
        (["A", REFUSED, "B", "B"], "B", 4, 1),
    ],
    ids=["at once", "refused at first", "slow, busy, ill", "answers and then restarts", "has restarted", "a lost answer does not count",
         "a cut connection that looks like a refused user"],
)
def test_ready_is_two_looks_in_a_row_at_one_boot(looks: list[str | Completed | LabError], boot: str, asked: int, closed: int) -> None:
    session = Scripted(looks)

    assert await_ready(session, budget=10) == boot  # type: ignore[arg-type]
    assert (session.asked, session.closed) == (asked, closed)


@pytest.mark.parametrize(
    ("looks", "message", "hint"),
    [
        ([REFUSED], "refused the user 'labadmin': a wrong name or password, or one that has expired", "net user labadmin"),
        ([LOST, "A", REFUSED, REFUSED], "refused the user 'labadmin'", "net user labadmin *"),
        ([DENIED], "knows the user 'labadmin' and gives him no access", "LocalAccountTokenFilterPolicy"),
    ],
)
def test_what_does_not_pass_ends_the_wait(looks: list[str | LabError], message: str, hint: str) -> None:
    session = Scripted(looks)

    with pytest.raises(ConfigError) as caught:
        await_ready(session, budget=10)  # type: ignore[arg-type]

    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint
    assert session.asked <= len(looks) + 1


@pytest.mark.parametrize(("looks", "evidence"), [([LOST], LOST.message), ([ILL], ILL.error), (["A", "B", LOST], LOST.message)])
def test_too_late_says_what_it_did_last(looks: list[str | LabError], evidence: str) -> None:
    told: list[str] = []

    with pytest.raises(InfrastructureError, match=r"192\.0\.2\.10 was not ready within 0 s") as caught:
        await_ready(Scripted(looks), budget=0.1, progress=told.append)  # type: ignore[arg-type]

    assert caught.value.evidence == evidence
    assert told == [f"waiting for the server: {evidence}"]


def test_looks_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "READY_PAUSE", 0.2)
    began = time.monotonic()

    await_ready(Scripted(["A", "B", "B"]), budget=10)  # type: ignore[arg-type]

    assert time.monotonic() - began >= 0.4


def test_of_a_real_server(winrm: WinRMEndpoint) -> None:
    with WindowsSession(winrm) as session:
        assert await_ready(session, budget=10) == await_ready(session, budget=10) != ""


def test_a_real_refusal_is_told_at_once(winrm: WinRMEndpoint) -> None:
    with WindowsSession(replace(winrm, password=Secret("wrong"))) as session, pytest.raises(ConfigError, match="refused the user 'labadmin'"):
        await_ready(session, budget=10)


def test_a_certificate_of_another_root_is_told_at_once(winrm: WinRMEndpoint, tmp_path: Path) -> None:
    stranger = write_private(tmp_path / "ca.crt", winrm_identity().root_pem)

    with WindowsSession(winrm, transport="https") as session:
        assert await_ready(session, budget=10)
    with WindowsSession(replace(winrm, ca_file=stranger), transport="https") as session, pytest.raises(ConfigError) as caught:
        await_ready(session, budget=10)

    assert "shows an HTTPS certificate that is not believed: " in caught.value.message
    assert f"signed by {stranger}" in caught.value.hint


def test_a_port_where_nobody_listens_is_waited_for(winrm: WinRMEndpoint) -> None:
    with WindowsSession(replace(winrm, http_port=free_ports(1)[0])) as session, pytest.raises(InfrastructureError) as caught:
        await_ready(session, budget=0.2)

    assert "Connection refused" in caught.value.evidence
