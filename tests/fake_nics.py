"""A machine's interfaces and its clock without the machine: for the twin's network, and for steps on a twin in this process."""

from __future__ import annotations

import dataclasses
import datetime as dt
from ipaddress import IPv4Address, IPv4Interface

from lab.twin.windows.network import Address, Nic

MANAGEMENT = Nic(index=2, name="eth0", mac="08:00:27:00:00:01", connected=True, gateway=IPv4Address("10.0.2.2"),
                 addresses=(Address(interface=IPv4Interface("10.0.2.10/24"), leased=True),))
FRESH = (MANAGEMENT, Nic(index=3, name="eth1", mac="52:54:cb:00:71:0a", connected=True),
         Nic(index=4, name="eth2", mac="52:54:c0:a8:4d:0a", connected=True), Nic(index=5, name="eth3", mac="52:54:ac:14:05:0a", connected=False))
"""A server as Vagrant leaves it: the way in, and three adapters without an address, one of them unplugged."""


class FakeNics:
    """Interfaces in memory."""

    def __init__(self, *nics: Nic) -> None:
        self.by_index = {nic.index: nic for nic in nics or FRESH}
        self.refusal: OSError | None = None
        """What the machine answers to every change."""

    def nics(self) -> list[Nic]:
        return list(self.by_index.values())

    def rename(self, nic: Nic, name: str) -> None:
        self._change(nic, name=name)

    def add(self, nic: Nic, address: IPv4Interface) -> None:
        self._change(nic, addresses=(*self.by_index[nic.index].addresses, Address(interface=address)))

    def delete(self, nic: Nic, address: IPv4Interface) -> None:
        self._change(nic, addresses=tuple(one for one in self.by_index[nic.index].addresses if one.interface != address))

    def _change(self, nic: Nic, **values: object) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.by_index[nic.index] = dataclasses.replace(self.by_index[nic.index], **values)


class FakeClock:
    """A clock that remembers what it was set to."""

    def __init__(self) -> None:
        self.moments: list[dt.datetime] = []
        self.refusal: OSError | None = None

    def set(self, moment: dt.datetime) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.moments.append(moment)
