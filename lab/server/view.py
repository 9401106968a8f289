"""A typed view of "Incoming Connections" on the server, read by one script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import budgets
from lab.probe.probe import JSON
from lab.server.lab_steps import RULES
from lab.server.session import WindowsSession
from lab.waiting import Deadline

CHANGING = frozenset({"events", "booted"})
"""Parts of a view that change by themselves."""


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
    """0 when the value is absent, as the step server-flags takes it."""
    clients: tuple[str, ...]
    """Connected clients, as `netsh ras show client` lists them: a line each."""
    events: tuple[Event, ...]
    """Newest first."""
    adapters: Mapping[str, tuple[str, ...]] | None
    """Static IPv4 addresses ("203.0.113.10/24") by MAC address and name ("52-54-CB-00-71-0A wan"); None: not read."""
    firewall: tuple[str, ...] | None
    """Names of the suite's firewall rules; None: not read."""
    raw: Mapping[str, JSON]
    """Everything."""

    @property
    def fingerprint(self) -> Mapping[str, JSON]:
        """What must be the same before and after: everything but the log, which grows, and the time of the last boot."""
        assert self.adapters is not None, "a view without the machine is no fingerprint"
        assert self.firewall is not None
        kept = {name: value for name, value in self.raw.items() if name not in CHANGING}
        return kept | {"adapters": {name: list(held) for name, held in self.adapters.items()}, "firewall": list(self.firewall)}

    @property
    def ipsec_rules(self) -> tuple[str, ...]:
        """Names (DisplayName) of all IPsec rules; empty in a view without the machine. Which of them give a secret, nobody may read."""
        return tuple(sorted(line.partition(": ")[2] for line in _texts(self.raw["ipsec"]) if line.startswith("rule ")))

    def client_with(self, address: str) -> str | None:
        """Return the line of the client with an inner address."""
        return next((line for line in self.clients if line.split()[-1] == address), None)


def read(session: WindowsSession, scripts: Path, *, machine: bool = True) -> IncomingConnections:
    """Read it.

    Args:
        session: with the server.
        scripts: the folder fixtures/windows.
        machine: with adapters and firewall rules, which take Windows a second or two: not needed for a look at connections.

    Raises:
        CommandFailed: the server has no Incoming Connections, or its answer cannot be read.
        LinkLost: it cannot be reached.
    """
    raw = session.run_script("view", (scripts / "view.ps1").read_text(), {"machine": machine, "rules": RULES}, Deadline(budgets.WINRM_CALL))
    assert isinstance(raw, dict)
    parameters, service, adapters = raw["parameters"], raw["service"], raw["adapters"]
    assert isinstance(parameters, dict)
    assert isinstance(service, dict)
    lines = [line.strip() for line in str(raw["clients"]).splitlines()]
    after = next((place for place, line in enumerate(lines) if line.startswith("---")), len(lines))
    return IncomingConnections(
        build=str(raw["build"]), running=service["status"] == "Running", server_flags=int(str(parameters.get("ServerFlags", 0))),
        clients=tuple(line for line in lines[after + 1 :] if line),
        events=tuple(Event(identifier=int(str(one["id"])), message=str(one["message"])) for one in _listed(raw["events"]) if isinstance(one, dict)),
        adapters={name: _texts(held) for name, held in adapters.items()} if isinstance(adapters, dict) else None,
        firewall=None if raw["firewall"] is None else _texts(raw["firewall"]), raw=raw,
    )


def newer(events: Sequence[Event], known: Sequence[Event]) -> list[Event]:
    """Return the events of a view that an earlier one did not have yet; both newest first, and both cut off at some length."""
    return next(list(events[:count]) for count in range(len(events) + 1) if list(events[count:]) == list(known[: len(events) - count]))


def _texts(value: JSON) -> tuple[str, ...]:
    """Return texts in an order of our own: Windows has its own, which follows its language."""
    return tuple(sorted(map(str, _listed(value))))


def _listed(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else [value]
