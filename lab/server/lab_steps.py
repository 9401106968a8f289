"""The suite's own first steps on a server that is a machine of its own: adapters, firewall, clock. Nothing of them is under test.

Vagrant and existing machines leave the lab's adapters alone; these steps give them names and addresses, let the VPN in and set the clock.
Order: the clock first and alone, because its time is that of its making; then adapters; then the firewall, whose rules name adapters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from lab import budgets
from lab.errors import ConfigError
from lab.probe.probe import JSON
from lab.server.machine import windows_mac
from lab.server.steps import Step
from lab.topology import HostPlan
from lab.waiting import stretched

RULES = "incoming-connections-lab"
"""What the names of all firewall rules of the suite begin with; the fingerprint knows them by it."""
ECHO_REQUEST = "8"
YEAR_ONE, TICKS_PER_MICROSECOND = datetime(1, 1, 1, tzinfo=UTC), 10
"""What .NET counts time from, and how finely (DateTime.Ticks)."""
SERVED: tuple[tuple[str, str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("ike", "IKE and IPsec through NAT", "UDP", ("500", "4500"), ()),
    ("l2tp", "L2TP", "UDP", ("1701",), ()),
    ("pptp", "PPTP", "TCP", ("1723",), ()),
    ("sstp", "SSTP", "TCP", ("443",), ()),
    ("gre", "GRE, for PPTP", "47", (), ()),
    ("echo", "echo requests", "ICMPv4", (), (ECHO_REQUEST,)),
)
"""Name, what it is, protocol, ports, ICMP types: IANA's numbers of what a RAS server serves."""


def lab_adapters(server: HostPlan, macs: Mapping[str, str]) -> Step:
    """Name the lab's adapters after their networks and give them the topology's addresses.

    Args:
        server: whose addresses.
        macs: MAC address of the adapter on each network, as `Topology.adapters` or an inventory has them.

    Raises:
        ConfigError: the server is not on a network, or two networks have one adapter.
    """
    adapters: list[JSON] = []
    for network, mac in macs.items():
        interface = server.addresses.get(network)
        if interface is None:
            raise ConfigError(f"{server.name} has a MAC address for the network {network!r}, on which it is not")
        adapters.append({"mac": windows_mac(mac), "name": network, "address": str(interface.ip), "prefix": interface.network.prefixlen})
    if len({windows_mac(mac) for mac in macs.values()}) != len(macs):
        raise ConfigError(f"{server.name}: two networks have the same MAC address: {', '.join(macs.values())}")
    return Step(name="lab-adapters", script="lab-adapters", parameters={"adapters": adapters},
                because="adapters of the lab have neither name nor address at first")


def lab_firewall(adapters: Iterable[str]) -> Step:
    """Let in what the server serves, on the adapters of these names: rules with names of ours, for every profile."""
    rules: list[JSON] = [
        {"name": f"{RULES}-{name}", "display": f"{RULES} {what}", "protocol": protocol, "ports": list(ports), "types": list(types)}
        for name, what, protocol, ports, types in SERVED
    ]
    return Step(name="lab-firewall", script="lab-firewall", parameters={"prefix": RULES, "adapters": list(adapters), "rules": rules},
                because="a new network is public, and Windows lets little in on it")


def lab_clock(now: datetime | None = None, *, way: float = budgets.WINRM_CALL) -> Step:
    """Set the server's clock to this machine's if it is wrong: the time of the call, so apply it at once.

    Args:
        now: another time, with its zone.
        way: how long it may take until the server inspects its clock, seconds at the lab's pace. A clock that seems ahead by no more is
            taken for right, since the way shows as being ahead; so is one that is 2 s behind. The run's certificates are older by days.
    """
    ticks = ((now or datetime.now(UTC)) - YEAR_ONE) // timedelta(microseconds=1) * TICKS_PER_MICROSECOND
    return Step(name="lab-clock", script="lab-clock", parameters={"ticks": ticks, "way": round(stretched(way))},
                because="a restored machine goes on with its old time, and certificates are not yet valid for it")
