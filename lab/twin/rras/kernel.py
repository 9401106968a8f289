"""What the VPN server does to the host's kernel: forwarding, its own inner address, ARP on behalf of clients."""

from __future__ import annotations

import contextlib
import errno
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from lab.twin.rras.effective import VpnServer
from lab.wire import iptables
from lab.wire.netlink import Netlink, addresses, links, neighbours, routes, xfrm

WAN, LAN, INTERFACE = "wan", "lan", "ras"
ESP_IN_UDP = f'PREROUTING -i {WAN} -p udp --dport 4500 -m u32 ! --u32 "0>>22&0x3C@8=0" -j DROP'
SYSCTL = Path("/proc/sys/net/ipv4")


class Kernel:
    """The host's network, as far as RRAS changes it; `withdraw` puts everything back."""

    def __init__(self) -> None:
        self._netlink = Netlink()
        self._answering: set[str] = set()
        self._silent = self._deaf = False
        self._elsewhere = ""
        """Where the LAN's addresses seem to lie that an inverted server answers for: the destination of its route."""

    @staticmethod
    def _sysctl(name: str, value: str) -> None:
        (SYSCTL / name).write_text(value)

    def apply(self, server: VpnServer) -> None:
        """Forward, as the configuration says. Raises OSError without the adapters wan and lan."""
        for network in (WAN, LAN):
            self._index(network)
        self._sysctl(f"neigh/{LAN}/proxy_delay", "0")  # the kernel's default waits up to 0.8 s before it answers for others
        self._sysctl("ip_forward", "1" if server.forwards else "0")
        if server.proxy_arp == "everybody":
            self._sysctl(f"conf/{LAN}/proxy_arp", "1")  # for whatever seems to lie elsewhere: here the upper half, in which the pool is
            self._elsewhere = str(list(self._interface(LAN).network.subnets())[1])
            routes.add(self._netlink, self._elsewhere, index=self._index(WAN))
        self._be_deaf(deaf="deaf-to-esp-in-udp" in server.quirks)

    def take_own(self, address: IPv4Address) -> None:
        """Take the server's own inner address. Raises OSError."""
        links.add(self._netlink, INTERFACE, "dummy")
        index = links.index_of(INTERFACE)
        addresses.add(self._netlink, index, f"{address}/32")
        links.set_state(self._netlink, INTERFACE, index, up=True)

    def withdraw(self) -> None:
        """Undo all of it."""
        self._be_deaf(deaf=False)
        for address in list(self._answering):
            self.client_gone(address)
        self._sysctl("ip_forward", "0")
        if self._elsewhere:
            self._sysctl(f"conf/{LAN}/proxy_arp", "0")
            with contextlib.suppress(OSError):
                routes.delete(self._netlink, self._elsewhere, index=self._index(WAN))
            self._elsewhere = ""
        with contextlib.suppress(OSError):
            links.delete(self._netlink, INTERFACE, links.index_of(INTERFACE))
        xfrm.flush()

    def _be_deaf(self, *, deaf: bool) -> None:
        """Discard ESP that comes in UDP, or no longer (inverted twins only); IKE on the same port has four zeros before it (RFC 3948)."""
        if deaf != self._deaf:
            iptables.restore(f"*raw\n{'-A' if deaf else '-D'} {ESP_IN_UDP}\nCOMMIT\n")
            self._deaf = deaf

    def be_silent(self, *, silent: bool) -> None:
        """Discard whatever is sent to the outer network, or no longer (inverted twins only)."""
        if silent != self._silent:
            for half in self._interface(WAN).network.subnets():  # routes to the halves win over the subnet's own
                routes.set_blackhole(self._netlink, str(half), there=silent)
            self._silent = silent

    @staticmethod
    def _index(network: str) -> int:
        """Return the index of the adapter of a network. Adapters have these names since the step lab-adapters, not from the start."""
        try:
            return links.index_of(network)
        except OSError as error:
            raise OSError(error.errno, f"there is no adapter named {network} (the step lab-adapters names it)") from error

    def _interface(self, network: str) -> IPv4Interface:
        index = self._index(network)
        found = [IPv4Interface(str(one["address"])) for one in addresses.list_addresses(self._netlink) if one["index"] == index]
        if not found:
            raise OSError(errno.EADDRNOTAVAIL, f"the adapter {network} has no IPv4 address (the step lab-adapters gives it one)")
        return found[0]

    @staticmethod
    def mac_of(network: str) -> str:
        """Return the MAC address of the adapter of a network. Raises OSError without it."""
        with Netlink() as netlink:
            found = [str(link["mac"]) for link in links.list_links(netlink) if link["name"] == network]
        if not found:
            raise OSError(errno.ENODEV, f"there is no adapter named {network} (the step lab-adapters names it)")
        return found[0]

    @property
    def outer_address(self) -> IPv4Address:
        """The server's address on the outer network. Raises OSError without the adapter wan."""
        return self._interface(WAN).ip

    def client_came(self, address: str, server: VpnServer) -> None:
        """Answer ARP for a client on the LAN."""
        if server.proxy_arp == "clients":
            neighbours.add_proxy(self._netlink, self._index(LAN), address)
            self._answering.add(address)
        if "forward-in-clear" in server.quirks:
            xfrm.flush_policies()  # what leaves for the client is protected no longer

    def client_gone(self, address: str) -> None:
        """Answer no longer."""
        if address in self._answering:
            self._answering.discard(address)
            with contextlib.suppress(OSError):
                neighbours.delete_proxy(self._netlink, self._index(LAN), address)
