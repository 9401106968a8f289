"""What Vagrant answers, and how it is read. Pure: text in, dataclasses out.

The readers are of our own, because python-vagrant's break on what libvirt's provider prints (an empty `RDPPassword`), on a warning of
Ruby's between the lines and on lines without commas. Formats: Vagrant 2.3.4, `--machine-readable` (time,target,type,data…) and the
look-alike of ssh_config that `ssh-config` and `winrm-config` print.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lab.errors import InfrastructureError
from lab.secrets import Secret

COMMA = "%!(VAGRANT_COMMA)"


class MachineState(StrEnum):
    """State of a virtual machine, whatever its provider calls it."""

    NOT_CREATED = "not created"
    RUNNING = "running"
    SHUTOFF = "shut off"
    SAVED = "saved"
    """Suspended: in memory or on disk."""
    UNKNOWN = "unknown"


STATES: Mapping[str, MachineState] = {
    "not_created": MachineState.NOT_CREATED,
    "running": MachineState.RUNNING,
    "shutoff": MachineState.SHUTOFF,
    "poweroff": MachineState.SHUTOFF,
    "off": MachineState.SHUTOFF,
    "aborted": MachineState.SHUTOFF,
    "saved": MachineState.SAVED,
    "paused": MachineState.SAVED,
    "pmsuspended": MachineState.SAVED,
}
"""Words of the providers libvirt, VirtualBox and Hyper-V; any other is UNKNOWN (shutting_down, preparing, inaccessible …)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SshConfig:
    """The way into a Linux machine."""

    address: str
    port: int
    user: str
    key_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRmConfig:
    """The way into a Windows machine."""

    address: str
    port: int
    user: str
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box that has been added."""

    name: str
    provider: str
    version: str
    """"0" for a box that was added from a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of machine-readable output."""

    target: str
    """Name of the machine or plugin that it is about; empty: of nothing in particular."""
    kind: str
    data: tuple[str, ...]


def readable(text: str) -> str:
    """Return machine-readable text as people read it."""
    return text.replace(COMMA, ",").replace("\\n", "\n").replace("\\r", "\r")


def machine_lines(text: str) -> Iterator[Line]:
    """Yield the lines that are machine-readable; whatever else stands between them (Ruby's warnings) is passed over."""
    for raw in text.splitlines():
        time, *fields = raw.split(",")
        if time.isdigit() and len(fields) >= 2:
            yield Line(target=fields[0], kind=fields[1], data=tuple(readable(field) for field in fields[2:]))


def _first(line: Line) -> str:
    return line.data[0] if line.data else ""


def fatal_error(text: str) -> str | None:
    """Return the message with which Vagrant gave up, if it did: its exit code does not always tell."""
    return next((": ".join(line.data) for line in machine_lines(text) if line.kind == "error-exit"), None)


def states(text: str) -> dict[str, MachineState]:
    """Return each machine's state from `status --machine-readable`."""
    return {line.target: STATES.get(_first(line), MachineState.UNKNOWN) for line in machine_lines(text) if line.kind == "state"}


def boxes(text: str) -> list[Box]:
    """Return the boxes from `box list --machine-readable`: three lines each, the version last."""
    found: list[Box] = []
    said: dict[str, str] = {}
    for line in machine_lines(text):
        said[line.kind] = _first(line)
        if line.kind == "box-version":
            found.append(Box(name=said.get("box-name", ""), provider=said.get("box-provider", ""), version=said["box-version"]))
    return found


def plugins(text: str) -> dict[str, str]:
    """Return version by name from `plugin list --machine-readable` ("0.11.2, system": how it was installed is left out)."""
    return {line.target: _first(line).split(",")[0].strip() for line in machine_lines(text) if line.kind == "plugin-version"}


def snapshots(text: str) -> list[str]:
    """Return the names from `snapshot list`: lines without a machine's prefix ("==> server: ", "    server: ")."""
    return [line.strip() for line in text.splitlines() if line.strip() and not re.match(r"==> |\s", line)]


def version(text: str) -> tuple[int, int, int] | None:
    """Return the version from `--version`; None if there is none in it."""
    found = re.search(r"^Vagrant (\d+)\.(\d+)\.(\d+)", text, re.MULTILINE)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def ssh_config(text: str) -> SshConfig:
    """Return the way in from `ssh-config MACHINE`. Raises InfrastructureError if something lacks."""
    said = _settings(text, "ssh-config", ("HostName", "User", "Port", "IdentityFile"))
    return SshConfig(address=said["HostName"], port=_port(said), user=said["User"], key_file=Path(said["IdentityFile"].strip('"')))


def winrm_config(text: str) -> WinRmConfig:
    """Return the way in from `winrm-config MACHINE`. Raises InfrastructureError if something lacks."""
    said = _settings(text, "winrm-config", ("HostName", "User", "Password", "Port"))
    return WinRmConfig(address=said["HostName"], port=_port(said), user=said["User"], password=Secret(said["Password"]))


def _settings(text: str, command: str, wanted: tuple[str, ...]) -> dict[str, str]:
    """Return the wanted settings of the one `Host` section: the first of each name, as ssh does."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.strip().partition(" ")
        if name in wanted and value:
            found.setdefault(name, value.strip())
    if missing := [name for name in wanted if name not in found]:
        # not the text itself: it may hold the password
        raise InfrastructureError(f"`vagrant {command}` names no {', '.join(missing)}", hint="`vagrant status`: is the machine running?")
    return found


def _port(said: Mapping[str, str]) -> int:
    if not said["Port"].isdigit():
        raise InfrastructureError(f"vagrant names the port {said['Port']!r}, a number is expected")
    return int(said["Port"])
