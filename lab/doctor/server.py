"""The doctor's look at a server that is up: what it is, what is left of its licence, whether it waits for a restart, its clock. Changes nothing.

A clock is compared with this machine's. The server tells whole seconds, at a moment between question and answer which nobody knows: only
what no such moment explains counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lab import budgets
from lab.backends.base import WinRMEndpoint
from lab.doctor.findings import Finding, Grade, failed
from lab.errors import LabError
from lab.prepare.ready import await_ready
from lab.server import machine as windows_machine
from lab.server.machine import Kind, WindowsMachine
from lab.server.session import WindowsSession
from lab.server.steps import SCRIPTS

SOON_DAYS = 14
"""An evaluation that ends within two weeks is worth a note: a new box takes a day, and an ISO that somebody has to fetch."""
MINUTES_PER_DAY = 1440
SLIGHT = timedelta(seconds=2)
"""As far as a clock may be behind for the step lab-clock."""
ONE_SECOND = timedelta(seconds=1)
REARM = "`slmgr /rearm` and a restart on the server extend it a few times; otherwise a new box: docs/windows-box.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A server, and when it was looked at by this machine's clock."""

    machine: WindowsMachine
    asked: datetime
    answered: datetime

    @property
    def ahead(self) -> timedelta:
        """How far its clock is ahead at least; negative: how far behind at least; zero: the time that the look took may explain it."""
        least, most = self.machine.time_utc - self.answered, self.machine.time_utc + ONE_SECOND - self.asked
        return least if least > timedelta() else min(most, timedelta())


def examine_server(endpoint: WinRMEndpoint, *, further: Callable[[WindowsMachine], Finding] | None = None) -> list[Finding]:
    """Return what is found about a server; that it cannot be looked at is a finding too.

    Args:
        endpoint: where it is reached.
        further: judges it for a purpose.
    """
    try:
        with WindowsSession(endpoint) as session:
            await_ready(session, budget=budgets.WINRM_FIRST_ANSWER)
            seen = look(session)
    except LabError as error:
        return [failed("server", error)]
    return [*judge(seen), *([further(seen.machine)] if further else [])]


def look(session: WindowsSession) -> Look:
    """Look at a server. Raises CommandFailed, LinkLost, RemoteTimeout."""
    asked = datetime.now(UTC)
    found = windows_machine.read(session, SCRIPTS)
    return Look(machine=found, asked=asked, answered=datetime.now(UTC))


def judge(seen: Look) -> list[Finding]:
    """Return the findings of a look: what it is, evaluation, restart, clock."""
    return [_kind(seen.machine), _evaluation(seen.machine.evaluation_minutes), _restart(seen.machine), _clock(seen.ahead)]


def _kind(machine: WindowsMachine) -> Finding:
    what = "a twin of Windows 10" if machine.kind is Kind.TWIN else "Windows"
    return Finding(check="server", grade=Grade.GOOD, text=f"{machine.computer_name} is {what}, build {machine.build}")


def _evaluation(minutes: int | None) -> Finding:
    if minutes is None:
        return Finding(check="evaluation", grade=Grade.GOOD, text="it is none: nothing runs out")
    if minutes <= 0:
        return Finding(check="evaluation", grade=Grade.BAD, text="it has expired: Windows then shuts down every hour", remedy=REARM)
    days = minutes // MINUTES_PER_DAY
    soon = days < SOON_DAYS
    return Finding(check="evaluation", grade=Grade.NOTE if soon else Grade.GOOD, text=f"{days} days are left of it", remedy=REARM if soon else "")


def _restart(machine: WindowsMachine) -> Finding:
    if not machine.pending_reboot:
        return Finding(check="restart", grade=Grade.GOOD, text="it waits for none")
    return Finding(check="restart", grade=Grade.NOTE, text="it waits for one, and may take it in the middle of a test",
                   remedy="`Restart-Computer` on the server")


def _clock(ahead: timedelta) -> Finding:
    seconds = ahead.total_seconds()
    if abs(ahead) <= SLIGHT:
        return Finding(check="clock", grade=Grade.GOOD, text="as this machine's")
    return Finding(check="clock", grade=Grade.NOTE, text=f"at least {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} this machine's",
                   remedy="the lab's first step sets it; `w32tm /query /status` on the server tells who else does")
