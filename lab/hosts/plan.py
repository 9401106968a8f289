"""What a machine that carries hosts needs to know: written by `lab.embedded.share` or `lab.prepare`, read where the hosts are made."""

from __future__ import annotations

from typing import Literal, TypedDict


class NetworkPlan(TypedDict):
    """A bridge in the root namespaces."""

    name: str
    delay_ms: float
    """Delay of every packet that leaves the bridge towards a host, milliseconds."""
    management: bool
    """Hosts on it do not see each other; it leads to the outside."""


class HostPlan(TypedDict):
    """A host and its interfaces, which are named after the networks."""

    name: str
    role: Literal["server", "client", "lan", "dns", "nat", "observer"]
    start: Literal["boot", "on-demand"]
    addresses: dict[str, str]
    """Interface -> address/prefix length."""
    routes: dict[str, str]
    """Destination/prefix length -> gateway."""


class Plan(TypedDict):
    """All of it."""

    networks: list[NetworkPlan]
    hosts: list[HostPlan]
    uplinks: dict[str, str]
    """Network -> interface of this machine by which its bridge leads elsewhere."""
    names: dict[str, str]
    """What the name service knows: name -> address."""


class MachinePlan(TypedDict):
    """What a machine of its own is told: a plan whose uplinks are still MAC addresses."""

    networks: list[NetworkPlan]
    hosts: list[HostPlan]
    adapters: dict[str, str]
    """Network -> MAC address of the adapter that leads to it."""
    names: dict[str, str]
