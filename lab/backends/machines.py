"""What labs made of machines have in common: the ways to the hosts on a machine, where packets are seen, machines that were there before.

A machine's own side is a host of the name "MACHINE-machine"; a host on it is entered through /run/lab/enter (`lab.hosts.carrier`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lab.backends.base import CapturePoint, Host, Machine, SSHEndpoint
from lab.topology import Topology

ENTER = "sh /run/lab/enter"
MANAGEMENT = "management"
"""What a capture calls the interface of the machine's way in (`lab.probe.agent.main`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingServer(Machine):
    """A server that was there before the lab, perhaps somebody's: it is examined before it is changed."""

    also_used_by_people: bool
    """Whether its owner lets us change it while others use it, or while a domain manages it."""


def own_side(machine: str) -> str:
    """Return the name of a machine's own side, as a host."""
    return f"{machine}-machine"


def hosts_on(machine: str, endpoint: SSHEndpoint, topology: Topology) -> Mapping[str, Host]:
    """Return the ways to a Linux machine's own side and to the hosts that it carries.

    Args:
        machine: its name.
        endpoint: how one logs in; root, or a user who becomes root by sudo without a password.
        topology: who is on it.
    """
    root = "" if endpoint.user == "root" else "sudo -n"
    name = own_side(machine)
    hosts = {name: Host(name=name, ssh=replace(endpoint, enter=root))}
    for plan in topology.machines[machine]:
        hosts[plan.name] = Host(name=plan.name, ssh=replace(endpoint, enter=f"{root} {ENTER} {plan.name}".lstrip()))
    return hosts


def capture_points(topology: Topology) -> list[CapturePoint]:
    """Return where each network is seen.

    A network of the lab: on its bridge at the first Linux machine with an adapter on it, or at the one inside of which it lies. The management network: at every Linux
    machine, on the interface of its way in, which sees what arrives there and no more.
    """
    linux = [name for name in topology.machines if name != topology.server.name]
    points = []
    for network in topology.networks:
        if network == topology.management:
            points += [CapturePoint(network=network, host=own_side(name), interface=MANAGEMENT) for name in linux]
        elif there := topology.inside(network) or next((name for name in linux if network in topology.adapters(name)), None):
            points.append(CapturePoint(network=network, host=own_side(there), interface=f"br-{network}"))
    return points


def in_use(state: Path) -> Path:
    """Return the file that stands in the state folder of a lab of existing machines from before the first change to after the last revert."""
    return state / "in-use"
