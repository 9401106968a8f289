"""The machine's Ethernet interfaces, by netlink: what the twin's network adapters are.

Interfaces without hardware behind them (the dummy `ras`, bridges, tunnels) are none; of the kinds that software makes only veth counts,
which is a host's cable in the embedded lab.
"""

from __future__ import annotations

import errno
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from lab.twin.windows.network import Address, Nic
from lab.wire.netlink import Netlink, NetlinkError, addresses, links, routes

CABLES = ("", "veth")
"""Kinds of devices that are adapters: a machine's own have none."""
EVERYWHERE = "0.0.0.0/0"
SYSCTL = Path("/proc/sys/net/ipv4/conf")


class KernelNics:
    """The interfaces of the network namespace in which it was made. Sets all of them up: Windows has every adapter enabled."""

    def __init__(self) -> None:
        self._netlink = Netlink()
        for link in links.list_links(self._netlink):
            if _is_adapter(link) and not link["up"]:
                links.set_state(self._netlink, str(link["name"]), _index(link), up=True)

    def nics(self) -> list[Nic]:
        """Return its Ethernet interfaces."""
        held: dict[object, list[Address]] = {}
        for one in addresses.list_addresses(self._netlink):
            held.setdefault(one["index"], []).append(Address(interface=IPv4Interface(str(one["address"])), leased=not one["permanent"]))
        gateways = {route["index"]: IPv4Address(str(route["gateway"])) for route in routes.list_routes(self._netlink)
                    if route["destination"] == EVERYWHERE and "gateway" in route and "index" in route}
        return [
            Nic(index=_index(link), name=str(link["name"]), mac=str(link["mac"]), connected=bool(link["running"]),
                gateway=gateways.get(link["index"]), addresses=tuple(held.get(link["index"], ())))
            for link in links.list_links(self._netlink) if _is_adapter(link)
        ]

    def rename(self, nic: Nic, name: str) -> None:
        """Give an interface another name. Raises NetlinkError."""
        try:
            links.rename(self._netlink, nic.name, nic.index, name)
        except NetlinkError as error:
            if error.errno != errno.EBUSY:
                raise
            links.set_state(self._netlink, nic.name, nic.index, up=False)  # an older kernel
            try:
                links.rename(self._netlink, nic.name, nic.index, name)
            finally:
                links.set_state(self._netlink, name, nic.index, up=True)

    def add(self, nic: Nic, address: IPv4Interface) -> None:
        """Give an interface a permanent address. Raises NetlinkError."""
        addresses.add(self._netlink, nic.index, str(address))
        links.set_state(self._netlink, nic.name, nic.index, up=True)

    def delete(self, nic: Nic, address: IPv4Interface) -> None:
        """Take an address from an interface, and no other. Raises OSError."""
        (SYSCTL / nic.name / "promote_secondaries").write_text("1")  # by default others of its subnet would go with it
        addresses.delete(self._netlink, nic.index, str(address))


def _is_adapter(link: dict[str, object]) -> bool:
    return bool(link["ethernet"]) and link["kind"] in CABLES


def _index(link: dict[str, object]) -> int:
    return int(str(link["index"]))
