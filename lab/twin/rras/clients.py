"""Who is connected, whichever way: what RRAS reports, what the kernel does for each, what the event log tells. Called with the engine's lock held."""

from __future__ import annotations

from lab.twin.rras.effective import VpnServer
from lab.twin.rras.kernel import Kernel
from lab.twin.rras.packet_filter import PacketFilter
from lab.twin.windows.events import Level
from lab.twin.windows.machine import Connection, Machine
from lab.twin.windows.network import Category

SOURCE = "RemoteAccess"
EVENT_CONNECTED, EVENT_DISCONNECTED = 20274, 20275
"""Neither numbers nor texts are documented (the suite asserts none of them)."""


class ConnectedClients:
    """Them, in the order in which they came."""

    def __init__(self, machine: Machine, kernel: Kernel, packet_filter: PacketFilter) -> None:
        self._machine, self._kernel, self._filter = machine, kernel, packet_filter

    def with_address(self, address: str, tunnel_type: str = "") -> Connection | None:
        """Return who has an inner address, by whatever tunnel type or by this one; None: nobody."""
        return next((one for one in self._machine.ras.connections if one.address == address and tunnel_type in ("", one.tunnel_type)), None)

    def count(self, tunnel_type: str) -> int:
        """Return how many have come by a tunnel type."""
        return sum(one.tunnel_type == tunnel_type for one in self._machine.ras.connections)

    def came(self, connection: Connection, server: VpnServer) -> None:
        """Note a client that has an address now."""
        self._machine.ras.connections.append(connection)
        self._kernel.client_came(connection.address, server)
        self._tell(EVENT_CONNECTED, f"{connection.user} has connected and was given {connection.address}.")

    def gone(self, connection: Connection) -> None:
        """Note that one has gone."""
        self._machine.ras.connections.remove(connection)
        self._kernel.client_gone(connection.address)
        self._tell(EVENT_DISCONNECTED, f"{connection.user} has disconnected.")
        self._look_for_idleness()

    def clear(self) -> None:
        """Forget all: the service ends, and tells of none."""
        self._machine.ras.connections.clear()
        self._look_for_idleness()

    def _tell(self, number: int, text: str) -> None:
        self._machine.events.write(SOURCE, number, Level.INFORMATION, text)

    def _look_for_idleness(self) -> None:
        """With the last client the VPN's network goes; a new one is Public again (inferred: a network without a gateway is not remembered)."""
        network = self._machine.network
        if not self._machine.ras.connections and network.vpn_category is Category.PRIVATE:
            network.set_category(network.vpn, Category.PUBLIC)
            self._filter.apply()
