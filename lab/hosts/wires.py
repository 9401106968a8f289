"""Wires: one bridge per network in the root namespaces, one pair of interfaces per host and network.

Bridges are outside of every host, so a capture on one sees what is on the wire and nothing else (an interface inside a host
also shows packets that the kernel has already decapsulated). What leaves a bridge by a port is copied: a host decrypts ESP in UDP
where it lies, and a capture that shares the packet's memory would show it in clear. A bridge leads to other machines by its uplink,
an adapter of this one. Ports of the management bridge are isolated: hosts reach the way to the outside through it, not each other.
"""

from __future__ import annotations

import os

from lab.hosts.namespaces import CLONE_NEWNET, set_namespace
from lab.wire.netlink import Netlink, addresses, links, qdiscs, routes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.hosts.plan import HostPlan, NetworkPlan, Plan

OBSERVER = "observer"


def bridge_of(network: str) -> str:
    """Return the name of a network's bridge."""
    return f"br-{network}"


def port_of(network: str, host: str) -> str:
    """Return the name of a host's port of a network's bridge."""
    return f"{network}-{host}"


def links_of(networks: list[NetworkPlan], hosts: list[HostPlan]) -> list[str]:
    """Return the names of all links that `connect` makes in the root namespaces; the end inside a host goes with its port."""
    ports = [port_of(network["name"], host["name"]) for host in hosts if host["name"] != OBSERVER
             for network in networks if network["name"] in host["addresses"]]
    return [bridge_of(network["name"]) for network in networks] + ports


def connect(plan: Plan, pids: dict[str, int]) -> None:
    """Make bridges and interfaces, set addresses and routes. `pids` are the hosts' first processes."""
    netlink = Netlink()
    links.set_state(netlink, "lo", links.index_of("lo"), up=True)
    bridges = {}
    for network in plan["networks"]:
        name = bridge_of(network["name"])
        links.add(netlink, name, "bridge")
        bridges[network["name"]] = links.index_of(name)
        links.set_state(netlink, name, bridges[network["name"]], up=True, promiscuous=True)
        if uplink := plan["uplinks"].get(network["name"]):
            links.set_master(netlink, uplink, links.index_of(uplink), bridges[network["name"]])
    for host in plan["hosts"]:
        if host["name"] == OBSERVER:
            set_addresses(netlink, host, {network: bridge_of(network) for network in host["addresses"]})
            continue
        for network in plan["networks"]:
            if network["name"] in host["addresses"]:
                port = port_of(network["name"], host["name"])
                links.add_veth(netlink, port, network["name"], pids[host["name"]])
                index = links.index_of(port)
                links.copy_what_leaves(port)
                links.set_master(netlink, port, index, bridges[network["name"]])
                if network["delay_ms"]:
                    qdiscs.set_delay(netlink, port, index, network["delay_ms"])
                if network["management"]:
                    isolate(port)
        configure(host, pids[host["name"]])


def isolate(port: str) -> None:
    """Forbid a bridge's port to reach other isolated ports."""
    with open(f"/sys/class/net/{port}/brport/isolated", "w") as file:
        file.write("1")


def configure(host: HostPlan, pid: int) -> None:
    """Set addresses and routes inside a host."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        set_namespace(there, CLONE_NEWNET)
        with Netlink() as netlink:
            set_addresses(netlink, host, {network: network for network in host["addresses"]})
            for destination, gateway in host["routes"].items():
                routes.add(netlink, destination, gateway=gateway)
    finally:
        set_namespace(home, CLONE_NEWNET)
        os.close(there)
        os.close(home)


def set_addresses(netlink: Netlink, host: HostPlan, interfaces: dict[str, str]) -> None:
    """Give each interface its address and set it up."""
    for network, name in interfaces.items():
        index = links.index_of(name)
        addresses.add(netlink, index, host["addresses"][network])
        links.set_state(netlink, name, index, up=True)
