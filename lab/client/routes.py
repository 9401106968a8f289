"""Which routes a Mac sets into a tunnel, and setting them; the server advertises none. Source: its pppd."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from ipaddress import IPv4Address, IPv4Network
from typing import Self

from lab.errors import CommandFailed
from lab.probe.probe import Probe


def routes_of_a_mac(inner: IPv4Address, *, send_all_traffic: bool) -> list[str]:
    """Return destinations: the classful network of the inner address, and everything else with "Send all traffic" (in two halves, so that
    the default route of the host stays as it is)."""
    return [str(classful(inner)), *(("0.0.0.0/1", "128.0.0.0/1") if send_all_traffic else ())]


def classful(address: IPv4Address) -> IPv4Network:
    """Return the classful network of an address: A /8, B /16, C /24."""
    first = int(address) >> 24
    length = 8 if first < 128 else 16 if first < 192 else 24
    return IPv4Network((address, length), strict=False)


class RoutedTunnel(ABC):
    """A connection that is up, with the routes that lead into it. As a context manager it ends itself."""

    def __init__(self, probe: Probe, inner_address: IPv4Address, interface: str) -> None:
        """No route leads into it yet.

        Args:
            probe: the client host's.
            inner_address: source of what goes through it.
            interface: of the client, by which its routes lead.
        """
        self.probe, self.inner_address, self.interface = probe, inner_address, interface
        self._destinations: list[str] = []

    def add_routes(self, *, send_all_traffic: bool) -> None:
        """Set the routes that macOS sets."""
        for destination in routes_of_a_mac(self.inner_address, send_all_traffic=send_all_traffic):
            self.add_route(destination)

    def add_route(self, destination: str) -> None:
        """Set one route into the tunnel."""
        self.probe.add_route(destination, interface=self.interface, source=str(self.inner_address))
        self._destinations.append(destination)

    def remove_routes(self) -> None:
        """Take them back; idempotent."""
        for destination in self._destinations:
            with contextlib.suppress(CommandFailed):  # it went with the inner address
                self.probe.delete_route(destination, interface=self.interface, source=str(self.inner_address))
        self._destinations.clear()

    @abstractmethod
    def disconnect(self) -> None:
        """End it; idempotent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()
