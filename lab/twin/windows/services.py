"""Services: start types, states, dependencies, and what runs behind a name.

A start of a disabled service fails with system error 1058, as on Windows. A service's effect is its controller's: RemoteAccess
takes its configuration when it starts, not before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

ERROR_SERVICE_DISABLED = 1058
ERROR_SERVICE_DOES_NOT_EXIST = 1060


class StartType(StrEnum):
    """How a service starts."""

    AUTOMATIC = "Automatic"
    MANUAL = "Manual"
    DISABLED = "Disabled"


class ServiceFailed(Exception):
    """A service could not be controlled; carries the system error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Controller(Protocol):
    """What a service does."""

    def start(self) -> None:
        """Begin. Raises ServiceFailed."""

    def stop(self) -> None:
        """End."""


@dataclass(slots=True)
class Service:
    """One service."""

    name: str
    display_name: str
    start_type: StartType
    running: bool = False
    needs: tuple[str, ...] = ()
    controller: Controller | None = None


@dataclass(slots=True)
class Services:
    """All services, by name without regard to case."""

    by_name: dict[str, Service] = field(default_factory=dict)

    def add(self, service: Service) -> None:
        """Install a service."""
        self.by_name[service.name.lower()] = service

    def find(self, name: str) -> Service | None:
        """Return a service by its name or display name; None if there is none."""
        folded = name.lower()
        return self.by_name.get(folded) or next((one for one in self.by_name.values() if one.display_name.lower() == folded), None)

    def start(self, service: Service) -> None:
        """Start a service and what it needs. Raises ServiceFailed."""
        if service.running:
            return
        if service.start_type is StartType.DISABLED:
            raise ServiceFailed(ERROR_SERVICE_DISABLED, "The service cannot be started, either because it is disabled or because it has no"
                                " enabled devices associated with it.")
        for name in service.needs:
            needed = self.find(name)
            if needed is not None:
                self.start(needed)
        if service.controller is not None:
            service.controller.start()
        service.running = True

    def stop(self, service: Service) -> None:
        """Stop a service and what needs it."""
        if not service.running:
            return
        for other in self.by_name.values():
            if service.name in other.needs:
                self.stop(other)
        if service.controller is not None:
            service.controller.stop()
        service.running = False
