"""The shape of guest.json, which `lab.embedded.share` writes and the guest's first process reads."""

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
    role: Literal["server", "client", "lan", "dns", "observer"]
    start: Literal["boot", "on-demand"]
    addresses: dict[str, str]
    """Interface -> address/prefix length."""
    routes: dict[str, str]
    """Destination/prefix length -> gateway."""


class GuestPlan(TypedDict):
    """All of it."""

    networks: list[NetworkPlan]
    hosts: list[HostPlan]
    names: dict[str, str]
    """What the name service knows: name -> address."""
