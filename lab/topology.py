"""The topology: who exists, on which networks. Read from topology.yaml by Python (and, later, by the Vagrantfile).

pydantic checks the file at its border; inside there are only frozen dataclasses. Every complaint names the path in the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
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

    def with_role(self, role: Role) -> list[HostPlan]:
        """Return the hosts with a role, in the file's order."""
        return [host for host in self.hosts.values() if host.role is role]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Network(_Entry):
    subnet: IPv4Network
    delay_ms: float = 0
    management: bool = False


class _Host(_Entry):
    role: Role
    start: Start = Start.BOOT
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
            name=name, role=entry.role, start=entry.start, routes=dict(entry.routes),
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
    if "lan" not in content.hosts[servers[0]].addresses:
        raise _wrong(file, f"hosts.{servers[0]}.addresses", "lacks lan, the network behind the server")
    _check_pool(content, file, _check_addresses(content, file))


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
    for address, name in taken.items():
        if pool.first <= address <= pool.last:
            raise _wrong(file, "vpn.pool", f"{pool.first} to {pool.last} contains {address}, the address of {name}")
