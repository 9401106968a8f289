"""The event log."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """As Get-WinEvent shows it."""

    ERROR = "Error"
    WARNING = "Warning"
    INFORMATION = "Information"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry."""

    log: str
    source: str
    identifier: int
    level: Level
    message: str
    at: float = field(default_factory=time.time)


@dataclass(slots=True)
class EventLog:
    """All logs."""

    events: list[Event] = field(default_factory=list)

    def write(self, source: str, identifier: int, level: Level, message: str, *, log: str = "System") -> None:
        """Add an entry."""
        self.events.append(Event(log, source, identifier, level, message))
