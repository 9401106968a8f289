"""When a server can be used: WinRM answers twice in a row, and the machine has not restarted in between.

Windows answers, and then restarts (vagrant #11238, packetfence #5377): one answer proves nothing. What passes by itself (refused, reset,
timed out) is waited for; what does not (a refused user) ends the wait at once.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from winrm.exceptions import InvalidCredentialsError, WSManFaultError

from lab import budgets
from lab.backends.base import WinRMEndpoint
from lab.errors import CommandFailed, ConfigError, InfrastructureError, LabError, LinkLost, RemoteTimeout
from lab.progress import Progress, quiet
from lab.server.session import WindowsSession
from lab.waiting import Deadline, wait_until

BOOT_ID = "(Get-CimInstance -ClassName Win32_OperatingSystem).LastBootUpTime.ToUniversalTime().ToString('s')"
"""Windows computes it from its clock, so a clock that is set between two looks costs a third one (inferred)."""

ACCESS_DENIED = 5
"""ERROR_ACCESS_DENIED, as WinRM's fault tells it (inferred: not seen by us)."""
POLICY = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
"""Where the filter of UAC for users who come in over the network is switched off."""


def await_ready(session: WindowsSession, *, budget: float = budgets.WINRM_READY, progress: Progress = quiet) -> str:
    """Return the server's boot id once two looks, `budgets.READY_PAUSE` apart, have found the same one.

    Args:
        session: its connection is made anew after each failure.
        budget: seconds.
        progress: told why it is waited, once per reason.

    Raises:
        ConfigError: the server refuses the user, the password, or that the password has expired (NTLM does not tell which); gives the
            user no access; or shows a certificate that is not believed.
        InfrastructureError: it was not ready in time; with what it did last.
    """
    watch = _Watch(session, progress)
    deadline = Deadline(budget)
    return wait_until(watch.look, deadline, lambda: InfrastructureError(
        f"the server {session.endpoint.address} was not ready within {deadline.budget:.0f} s", evidence=watch.last,
        hint="is it running, and does its firewall let WinRM in from here? `winrm quickconfig` on the server makes it so"))


class _Watch:
    """Looks at a server, not more often than it should."""

    def __init__(self, session: WindowsSession, progress: Progress) -> None:
        self._session, self._progress = session, progress
        self._boot, self._pause = "", Deadline(0)
        self.last = "it was not asked"
        """What the last look found."""

    def look(self) -> str:
        """Return the boot id if it is that of the look before; empty otherwise, also while it is too early."""
        if not self._pause.expired:
            return ""
        before, self._boot = self._boot, self._probe()
        self._pause = Deadline(budgets.READY_PAUSE)
        return self._boot if self._boot == before else ""

    def _probe(self, *, again: bool = True) -> str:
        """Return the boot id; empty when the server does not tell it now. Raises ConfigError for a user that is refused."""
        try:
            done = self._session.run_powershell(BOOT_ID, Deadline(budgets.WINRM_FIRST_ANSWER))
        except (LinkLost, CommandFailed, RemoteTimeout) as error:
            self._session.close()
            if again and isinstance(error.__cause__, InvalidCredentialsError):
                return self._probe(again=False)  # a connection that a restart has cut shows as a refused user: a new one is asked
            if final := _final(error, self._session.endpoint):
                raise final from error
            return self._tell(error.message)
        return done.output.strip() if not done.exit_code else self._tell(done.error)

    def _tell(self, found: str) -> str:
        if found != self.last:
            self._progress(f"waiting for the server: {found.partition(chr(10))[0]}")
        self.last = found
        return ""


def _final(error: LabError, endpoint: WinRMEndpoint) -> ConfigError | None:
    """Return what a failure means that no waiting mends; None if waiting may."""
    user, address = endpoint.user, endpoint.address
    causes = list(_causes(error))
    if any(isinstance(cause, InvalidCredentialsError) for cause in causes):
        return ConfigError(
            f"the server {address} refused the user {user!r}: a wrong name or password, or one that has expired (it does not tell which)",
            hint=f"on the server: `net user {user}` tells whether it exists and when its password expires; `net user {user} *` sets a new one")
    if any(isinstance(cause, WSManFaultError) and cause.wsman_fault_code == ACCESS_DENIED for cause in causes):
        return ConfigError(
            f"the server {address} knows the user {user!r} and gives him no access: no administrator, or one whose token UAC filters",
            hint=f"on the server: reg add {POLICY} /v LocalAccountTokenFilterPolicy /t REG_DWORD /d 1 /f, for a member of Administrators")
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ConfigError(f"the server {address} shows an HTTPS certificate that is not believed: {cause.verify_message}",
                               hint=f"expected one for {address}, signed by {endpoint.ca_file}; without a CA's file it is not examined")
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
