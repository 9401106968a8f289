"""A typed view of "Incoming Connections" on the server, read by one script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import budgets
from lab.probe.probe import JSON
from lab.server.session import WindowsSession
from lab.waiting import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An entry of the event log, source RemoteAccess."""

    identifier: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingConnections:
    """What the server has."""

    build: str
    running: bool
    server_flags: int
    clients: tuple[str, ...]
    """Connected clients, as `netsh ras show client` lists them: a line each."""
    events: tuple[Event, ...]
    """Newest first."""
    raw: Mapping[str, JSON]
    """Everything, for comparison of before and after."""

    def client_with(self, address: str) -> str | None:
        """Return the line of the client with an inner address."""
        return next((line for line in self.clients if line.split()[-1] == address), None)


def read(session: WindowsSession, scripts: Path) -> IncomingConnections:
    """Read it. Raises CommandFailed, LinkLost."""
    raw = session.run_script("view", (scripts / "view.ps1").read_text(), {}, Deadline(budgets.WINRM_CALL))
    assert isinstance(raw, dict)
    parameters, service, events = raw["parameters"], raw["service"], raw["events"]
    assert isinstance(parameters, dict)
    assert isinstance(service, dict)
    listed = events if isinstance(events, list) else [events]
    lines = [line.strip() for line in str(raw["clients"]).splitlines()]
    after = next((place for place, line in enumerate(lines) if line.startswith("---")), len(lines))
    return IncomingConnections(
        build=str(raw["build"]), running=service["status"] == "Running", server_flags=int(str(parameters["ServerFlags"])),
        clients=tuple(line for line in lines[after + 1 :] if line),
        events=tuple(Event(identifier=int(str(one["id"])), message=str(one["message"])) for one in listed if isinstance(one, dict)),
        raw=raw,
    )
