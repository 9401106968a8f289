"""Network adapters as Windows shows them: names, MAC and IPv4 addresses, DHCP, the category of the network behind each.

What Windows has beside the machine is kept here: category and whether DHCP is on. Links and addresses are those of the real machine, which
whoever is attached (`Nics`) reads and changes; without one there are no adapters. A kernel's name ethN is shown as Windows names
adapters ("Ethernet", "Ethernet 2"); any other name is shown as it is.

Source: MicrosoftDocs/windows-powershell-docs, modules NetAdapter, NetTCPIP and NetConnection. System errors: observed in public logs of
these cmdlets (87 and 698 with their texts); 1168 for an adapter that is not there, and its text, are inferred.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface
from typing import Protocol

ERROR_INVALID_PARAMETER, ERROR_OBJECT_NAME_EXISTS, ERROR_NOT_FOUND = 87, 698, 1168
ETHERNET = re.compile(r"Ethernet(?: ([2-9]|[1-9]\d+))?", re.I)  # Ethernet, Ethernet 2
KERNEL_ETHERNET = re.compile(r"eth(\d+)")  # eth0
VPN_INTERFACE, VPN_INDEX = "RAS (Dial In) Interface", 0x10001
"""The interface that VPN clients are behind: its name (article, Addressing, Routing and Firewall), and a number that no adapter has."""
KERNEL_NAME = re.compile(r"(?!eth\d+$)[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")  # wan


class NetworkFailed(Exception):
    """Windows refuses a change; carries the system error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class BeyondTheTwin(Exception):
    """A change that Windows may make and the machine below the twin cannot, or would make otherwise."""


class Category(StrEnum):
    """What Windows takes a network for; a new one is public."""

    PUBLIC = "Public"
    PRIVATE = "Private"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An IPv4 address of an adapter."""

    interface: IPv4Interface
    leased: bool = False
    """Given by DHCP."""

    @property
    def ip(self) -> IPv4Address:
        """The address alone."""
        return self.interface.ip


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """An Ethernet interface of the real machine."""

    index: int
    name: str
    mac: str
    """"52:54:cb:00:71:0a"."""
    connected: bool
    gateway: IPv4Address | None = None
    """Of the default route through it."""
    addresses: tuple[Address, ...] = ()


class Nics(Protocol):
    """Acts on the real machine; every change is in force when the call returns. Raises OSError when the machine refuses."""

    def nics(self) -> Sequence[Nic]:
        """Return its Ethernet interfaces."""

    def rename(self, nic: Nic, name: str) -> None:
        """Give an interface another name."""

    def add(self, nic: Nic, address: IPv4Interface) -> None:
        """Give an interface a permanent address."""

    def delete(self, nic: Nic, address: IPv4Interface) -> None:
        """Take an address from an interface, and no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """An adapter as Windows shows it."""

    name: str
    nic: Nic
    dhcp: bool
    category: Category

    @property
    def mac(self) -> str:
        """As Windows writes it: 52-54-CB-00-71-0A."""
        return self.nic.mac.replace(":", "-").upper()

    @property
    def status(self) -> str:
        """Up, or Disconnected. Windows has every adapter enabled unless somebody disabled it."""
        return "Up" if self.nic.connected else "Disconnected"


class Network:
    """The adapters of a machine."""

    def __init__(self, nics: Nics | None = None) -> None:
        self._nics = nics
        self._private: set[int] = set()
        self._dhcp: dict[int, bool] = {}
        """By index of the adapter, where somebody switched it."""

    def forget_categories(self) -> None:
        """Take every network for a new one."""
        self._private.clear()

    @property
    def vpn(self) -> Adapter:
        """The VPN's interface as an adapter: it is none, but its network has a profile like theirs."""
        return Adapter(name=VPN_INTERFACE, nic=Nic(index=VPN_INDEX, name="", mac="", connected=True), dhcp=False, category=self.vpn_category)

    @property
    def vpn_category(self) -> Category:
        """What the VPN's network is taken for."""
        return Category.PRIVATE if VPN_INDEX in self._private else Category.PUBLIC

    def adapters(self) -> list[Adapter]:
        """Return all adapters in the order of their indices."""
        found = sorted(self._nics.nics(), key=lambda nic: nic.index) if self._nics is not None else []
        return [Adapter(name=shown_name(nic.name), nic=nic, category=Category.PRIVATE if nic.index in self._private else Category.PUBLIC,
                        dhcp=self._dhcp.get(nic.index, not any(not one.leased for one in nic.addresses)))
                for nic in found]

    @property
    def _machine(self) -> Nics:
        if self._nics is None:
            raise BeyondTheTwin("network adapters (none are attached)")
        return self._nics

    def rename(self, adapter: Adapter, new: str) -> None:
        """Give an adapter another name. Raises NetworkFailed if another one has it, BeyondTheTwin for one that the machine cannot take."""
        if any(one.name.lower() == new.lower() and one.nic.index != adapter.nic.index for one in self.adapters()):
            raise NetworkFailed(ERROR_OBJECT_NAME_EXISTS, "{Object Exists} An attempt was made to create an object and the object name already"
                                " existed.")
        if new != adapter.name:
            self._machine.rename(adapter.nic, kernel_name(new))

    def add(self, adapter: Adapter, address: IPv4Interface) -> None:
        """Give an adapter a static address, which ends DHCP on it. Raises NetworkFailed if it has it, BeyondTheTwin if another has it."""
        if any(one.ip == address.ip for one in adapter.nic.addresses):
            raise NetworkFailed(ERROR_INVALID_PARAMETER, "Instance MSFT_NetIPAddress already exists")
        if any(one.ip == address.ip for other in self.adapters() for one in other.nic.addresses):
            raise BeyondTheTwin(f"{address.ip} on two adapters")
        self.set_dhcp(adapter, on=False)
        self._machine.add(adapter.nic, address)

    def delete(self, adapter: Adapter, address: Address) -> None:
        """Take an address from an adapter. Raises BeyondTheTwin for one that DHCP gave: another program keeps it."""
        if address.leased:
            raise BeyondTheTwin(f"taking away {address.ip}, which DHCP gave")
        self._dhcp.setdefault(adapter.nic.index, adapter.dhcp)  # without an address it would look like one that waits for DHCP
        self._machine.delete(adapter.nic, address.interface)

    def set_dhcp(self, adapter: Adapter, *, on: bool) -> None:
        """Switch DHCP. Raises BeyondTheTwin where it would change addresses: the machine's DHCP client is not the twin's."""
        if on != adapter.dhcp and any(one.leased != on for one in adapter.nic.addresses):
            raise BeyondTheTwin(f"DHCP {'on' if on else 'off'} for {adapter.name}, which has an address")
        self._dhcp[adapter.nic.index] = on

    def set_category(self, adapter: Adapter, category: Category) -> None:
        """Take the network behind an adapter for public or private."""
        (self._private.add if category is Category.PRIVATE else self._private.discard)(adapter.nic.index)


def shown_name(kernel: str) -> str:
    """Return what Windows would call an interface: eth0 is "Ethernet", eth1 "Ethernet 2"; other names stay."""
    found = KERNEL_ETHERNET.fullmatch(kernel)
    if found is None:
        return kernel
    return f"Ethernet {int(found[1]) + 1}" if int(found[1]) else "Ethernet"


def kernel_name(shown: str) -> str:
    """Return the kernel's name for an adapter. Raises BeyondTheTwin for a name that no interface can have."""
    if found := ETHERNET.fullmatch(shown):
        return f"eth{int(found[1] or 1) - 1}"
    if not KERNEL_NAME.fullmatch(shown):
        raise BeyondTheTwin(f"the adapter name {shown!r} (the machine's interfaces have up to 15 letters, digits, '.', '_' and '-')")
    return shown
