"""The topology: who exists, on which networks. Read from topology.yaml by Python and by the Vagrantfile.

pydantic checks the file at its border; inside there are only frozen dataclasses. Every complaint names the path in the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lab.errors import ConfigError
from lab.yamlfile import read_yaml

VARIABLE = "LAB_TOPOLOGY"
DEFAULT = Path(__file__).with_name("topology.yaml")


class Role(StrEnum):
    """What a host is for."""

    SERVER = "server"
    CLIENT = "client"
    LAN = "lan"
    DNS = "dns"
    NAT = "nat"
    OBSERVER = "observer"


class Start(StrEnum):
    """When a host's daemons start."""

    BOOT = "boot"
    ON_DEMAND = "on-demand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network of the lab."""

    name: str
    subnet: IPv4Network
    delay_ms: float
    """Delay each way, milliseconds."""
    management: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    """A host: its interfaces are named after its networks."""

    name: str
    role: Role
    start: Start
    machine: str
    """The machine that carries it, where hosts are on machines: itself, or one that it shares with others."""
    addresses: Mapping[str, IPv4Interface]
    routes: Mapping[IPv4Network, IPv4Address]

    def address(self, network: str) -> IPv4Address:
        """Return the host's address on a network. Raises ConfigError if it is not on it."""
        if network not in self.addresses:
            raise ConfigError(f"{self.name} is not on the network {network!r}", hint=f"it is on {', '.join(self.addresses)}")
        return self.addresses[network].ip


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The static address pool of the server."""

    first: IPv4Address
    last: IPv4Address

    def __contains__(self, address: object) -> bool:
        return isinstance(address, IPv4Address) and self.first <= address <= self.last

    @property
    def size(self) -> int:
        """Number of addresses; the server itself takes one."""
        return int(self.last) - int(self.first) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Vpn:
    """What the VPN is about."""

    server_name: str
    pool: Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """All of it."""

    networks: Mapping[str, Network]
    hosts: Mapping[str, HostPlan]
    vpn: Vpn

    @property
    def server(self) -> HostPlan:
        """The one host with the role "server"."""
        return self.with_role(Role.SERVER)[0]

    def host(self, name: str) -> HostPlan:
        """Return a host. Raises ConfigError if there is none of that name."""
        if name not in self.hosts:
            raise ConfigError(f"the topology has no host {name!r}", hint=f"it has {', '.join(self.hosts)}")
        return self.hosts[name]

    @property
    def management(self) -> str:
        """Name of the one management network."""
        return next(network.name for network in self.networks.values() if network.management)

    @property
    def machines(self) -> Mapping[str, Sequence[HostPlan]]:
        """The hosts that each machine carries, the one that it is named after first; the observer is on none."""
        carried = [host for host in self.hosts.values() if host.role is not Role.OBSERVER]
        return {name: sorted((host for host in carried if host.machine == name), key=lambda host: host.name != name)
                for name in dict.fromkeys(host.machine for host in carried)}

    def inside(self, network: str) -> str:
        """Return the Linux machine inside of which a network lies, since all hosts on it share that machine; empty if there is none."""
        there = {host.machine for host in self.hosts.values() if network in host.addresses and host.role is not Role.OBSERVER}
        return there.pop() if len(there) == 1 and self.server.name not in there and network != self.management else ""

    def adapters(self, machine: str) -> Mapping[str, str]:
        """Return the MAC address of a machine's adapter on each of its networks, in the file's order; none on the management network, nor on
        one that lies inside of a machine.

        An adapter that several hosts share has the address of the first.
        """
        found: dict[str, str] = {}
        for network in self.networks:
            if network != self.management and not self.inside(network) and (hosts := [host for host in self.machines[machine] if network in host.addresses]):
                found[network] = mac_of(hosts[0].address(network))
        return found

    def outer(self, host: HostPlan) -> str:
        """Return the network by which a host leads to the others: its first that is not the management network."""
        return next(network for network in host.addresses if network != self.management)

    def with_role(self, role: Role) -> list[HostPlan]:
        """Return the hosts with a role, in the file's order."""
        return [host for host in self.hosts.values() if host.role is role]


def mac_of(address: IPv4Address) -> str:
    """Return the MAC address of a virtual machine's adapter: 52:54 (locally administered) and its IPv4 address."""
    return ":".join(f"{byte:02x}" for byte in b"\x52\x54" + address.packed)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Network(_Entry):
    subnet: IPv4Network
    delay_ms: float = 0
    management: bool = False


class _Host(_Entry):
    role: Role
    start: Start = Start.BOOT
    machine: str = ""
    addresses: dict[str, IPv4Address]
    routes: dict[IPv4Network, IPv4Address] = {}


class _Pool(_Entry):
    first: IPv4Address
    last: IPv4Address


class _Vpn(_Entry):
    server_name: str
    pool: _Pool


class _File(_Entry):
    networks: dict[str, _Network]
    hosts: dict[str, _Host]
    vpn: _Vpn


def load_topology(path: Path | None = None) -> Topology:
    """Return the topology of a file: the argument, else the variable LAB_TOPOLOGY, else the project's own.

    Raises:
        ConfigError: the file is missing or wrong; names the path in the file, the value and what is expected.
    """
    file = path or Path(os.environ.get(VARIABLE, DEFAULT))
    read = read_yaml(file, called=f"the topology {file}", hint=f"{VARIABLE} names another file")
    try:
        content = _File.model_validate(read)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the whole file"
        raise ConfigError(f"{file}: {place}: {problem['input']!r}: {problem['msg']}") from error
    _check(content, file)
    networks = {
        name: Network(name=name, subnet=entry.subnet, delay_ms=entry.delay_ms, management=entry.management)
        for name, entry in content.networks.items()
    }
    hosts = {
        name: HostPlan(
            name=name, role=entry.role, start=entry.start, machine=entry.machine or name, routes=dict(entry.routes),
            addresses={net: IPv4Interface((address, networks[net].subnet.prefixlen)) for net, address in entry.addresses.items()},
        )
        for name, entry in content.hosts.items()
    }
    pool = Pool(first=content.vpn.pool.first, last=content.vpn.pool.last)
    return Topology(networks=networks, hosts=hosts, vpn=Vpn(server_name=content.vpn.server_name, pool=pool))


def _wrong(file: Path, place: str, problem: str) -> ConfigError:
    return ConfigError(f"{file}: {place}: {problem}")


def _check(content: _File, file: Path) -> None:
    """Check what concerns more than one entry."""
    management = [name for name, network in content.networks.items() if network.management]
    if len(management) != 1:
        raise _wrong(file, "networks", f"exactly one must be `management: true`, there are {len(management)}")
    subnets = list(content.networks.items())
    for number, (name, network) in enumerate(subnets):
        for other, earlier in subnets[:number]:
            if network.subnet.overlaps(earlier.subnet):
                raise _wrong(file, f"networks.{name}.subnet", f"{network.subnet} overlaps {earlier.subnet} of {other}")
    servers = [name for name, host in content.hosts.items() if host.role is Role.SERVER]
    if len(servers) != 1:
        raise _wrong(file, "hosts", f"exactly one must have the role server, there are {len(servers)}")
    for name, host in content.hosts.items():
        if management[0] not in host.addresses:
            raise _wrong(file, f"hosts.{name}.addresses", f"lacks {management[0]}, the way in")
        if host.role is Role.NAT and "wan" not in host.addresses:
            raise _wrong(file, f"hosts.{name}.addresses", "lacks wan: a router with NAT gives what it forwards its address there")
        if host.role is Role.NAT and len(host.addresses) < 3:
            raise _wrong(file, f"hosts.{name}.addresses", "lacks a network beside wan and the way in: a router with NAT leads from it to wan")
    if "lan" not in content.hosts[servers[0]].addresses:
        raise _wrong(file, f"hosts.{servers[0]}.addresses", "lacks lan, the network behind the server")
    _check_machines(content, file, servers[0])
    _check_pool(content, file, _check_addresses(content, file))


def _check_machines(content: _File, file: Path, server: str) -> None:
    """A machine is named after one of the hosts that it carries; the server, which may be Windows, has its own."""
    for name, host in content.hosts.items():
        carrier = host.machine or name
        if carrier not in content.hosts or (content.hosts[carrier].machine or carrier) != carrier:
            raise _wrong(file, f"hosts.{name}.machine", f"{carrier!r} is no host with a machine of its own")
        if server in (name, carrier) and name != carrier:
            raise _wrong(file, f"hosts.{name}.machine", "the server shares its machine with nobody: it may be Windows")


def _check_addresses(content: _File, file: Path) -> dict[IPv4Address, str]:
    """Check every address against its network and the others; return who has which."""
    taken: dict[IPv4Address, str] = {}
    for name, host in content.hosts.items():
        for network, address in host.addresses.items():
            place = f"hosts.{name}.addresses.{network}"
            if network not in content.networks:
                raise _wrong(file, place, f"no such network; there are {', '.join(content.networks)}")
            if address not in content.networks[network].subnet:
                raise _wrong(file, place, f"{address} is not in {content.networks[network].subnet}")
            if address in (content.networks[network].subnet.network_address, content.networks[network].subnet.broadcast_address):
                raise _wrong(file, place, f"{address} is the network's own or its broadcast address")
            if address in taken:
                raise _wrong(file, place, f"{address} is the address of {taken[address]} already")
            taken[address] = name
        for destination, gateway in host.routes.items():
            if not any(gateway in content.networks[network].subnet for network in host.addresses):
                raise _wrong(file, f"hosts.{name}.routes.{destination}", f"{gateway} is on none of the host's networks")
    return taken


def _check_pool(content: _File, file: Path, taken: Mapping[IPv4Address, str]) -> None:
    pool, subnet = content.vpn.pool, content.networks["lan"].subnet
    if pool.first > pool.last or pool.first not in subnet or pool.last not in subnet:
        raise _wrong(file, "vpn.pool", f"{pool.first} to {pool.last} is not a range of {subnet}")
    if pool.first == pool.last:
        raise _wrong(file, "vpn.pool", f"{pool.first} is one address, which the server takes itself: no client would have any")
    for address, name in taken.items():
        if pool.first <= address <= pool.last:
            raise _wrong(file, "vpn.pool", f"{pool.first} to {pool.last} contains {address}, the address of {name}")
