"""What the server is: twin or Windows, its name and build, its clock, its licence, its adapters. Read by one script; changes nothing.

Whether it is a twin is read from a registry key that only the twin has, never guessed from anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Interface
from pathlib import Path

from lab import budgets
from lab.errors import CommandFailed
from lab.probe.probe import JSON
from lab.server.session import WindowsSession
from lab.waiting import Deadline

TWIN = r"HKLM:\SOFTWARE\IncomingConnectionsLab"
"""A registry key that no Windows has (lab/twin/windows/machine.py)."""


class Kind(StrEnum):
    """What answers on the server's address."""

    TWIN = "twin"
    WINDOWS = "windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A network adapter of the server."""

    name: str
    mac: str
    """As Windows writes it: 52-54-CB-00-71-0A."""
    addresses: tuple[IPv4Interface, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsMachine:
    """The server as it is now."""

    computer_name: str
    build: str
    kind: Kind
    boot_id: str
    """LastBootUpTime in UTC. Windows computes it from its clock, so setting the clock changes it too (inferred)."""
    time_utc: datetime
    """Whole seconds."""
    domain_joined: bool
    domain: str
    """Domain, or workgroup."""
    interactive_user: str | None
    """Who is logged on at the console; None: nobody."""
    is_elevated: bool
    """Whether scripts run with an administrator's full token: without it no step can be applied."""
    pending_reboot: bool
    evaluation_minutes: int | None
    """What is left of an evaluation, minutes; None: no evaluation."""
    adapters: tuple[Adapter, ...]

    def adapter_with(self, mac: str) -> Adapter | None:
        """Return the adapter of a MAC address, in whatever form it is written."""
        return next((one for one in self.adapters if one.mac == windows_mac(mac)), None)


def windows_mac(mac: str) -> str:
    """Return a MAC address as Windows writes it: "52:54:cb:00:71:0a" is "52-54-CB-00-71-0A"."""
    return mac.replace(":", "-").upper()


def kind(session: WindowsSession) -> Kind:
    """Return what answers: one look into the registry. Raises CommandFailed, LinkLost."""
    done = session.run_powershell(f"Test-Path -LiteralPath {TWIN}", Deadline(budgets.WINRM_CALL))
    answer = done.output.strip()
    if done.exit_code or answer not in ("True", "False"):
        raise CommandFailed(f"the server did not say whether it is a twin, expected True or False, got {answer!r}", evidence=done.error)
    return Kind.TWIN if answer == "True" else Kind.WINDOWS


def read(session: WindowsSession, scripts: Path) -> WindowsMachine:
    """Read it. Raises CommandFailed, LinkLost."""
    raw = session.run_script("machine", (scripts / "machine.ps1").read_text(), {}, Deadline(budgets.WINRM_CALL))
    assert isinstance(raw, dict)
    user, evaluation = raw["user"], raw["evaluation"]
    return WindowsMachine(
        computer_name=str(raw["computer_name"]), build=str(raw["build"]), kind=Kind.TWIN if raw["twin"] else Kind.WINDOWS,
        boot_id=str(raw["booted"]), time_utc=datetime.fromisoformat(str(raw["now"])), domain_joined=raw["domain_joined"] is True,
        domain=str(raw["domain"]), interactive_user=str(user) if user else None, is_elevated=raw["elevated"] is True,
        pending_reboot=raw["reboot"] is True, evaluation_minutes=None if evaluation is None else int(str(evaluation)),
        adapters=tuple(_adapter(one) for one in _listed(raw["adapters"])),
    )


def _adapter(raw: JSON) -> Adapter:
    assert isinstance(raw, dict)
    return Adapter(name=str(raw["name"]), mac=str(raw["mac"]), addresses=tuple(IPv4Interface(str(one)) for one in _listed(raw["addresses"])))


def _listed(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else [value]
