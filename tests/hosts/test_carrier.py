"""Hosts on a machine: made, entered, replaced, ended; the machine is as before, also after kill -9. In namespaces, as root; no VM."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from bare_machine import BareMachine, objection

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
    pytest.mark.skipif(os.geteuid() == 0 and bool(objection()), reason="this machine lets nobody make namespaces (unshare)"),
]
MAC, WAY_IN = "52:54:c0:a8:4d:1e", "52:54:00:00:00:01"
CONNECT = """
import socket
try:
    socket.create_connection(("192.168.77.31", 9), 2)
except OSError as error:
    print(type(error).__name__)
"""
BEFORE = (["192.0.2.5/24"], ["198.51.100.0/24 192.0.2.1 0", "192.0.2.0/24  0", "default 192.0.2.1 700"])


def plan(*, hosts: tuple[str, ...] = ("lan", "lan2"), mac: str = MAC, code: str = "a") -> dict[str, object]:
    """What lab.prepare tells a machine that carries LAN hosts."""
    return {
        "networks": [{"name": "lan", "delay_ms": 0, "management": False}],  # not every kernel has netem
        "hosts": [{"name": name, "role": "lan", "start": "boot", "addresses": {"lan": f"192.168.77.{30 + number}/24"},
                   "routes": {"203.0.113.0/24": "192.168.77.10"}} for number, name in enumerate(hosts)],
        "adapters": {"lan": mac}, "names": {}, "code": code,
    }


@pytest.fixture
def machine() -> Iterator[BareMachine]:
    """A machine with a way in, and an adapter in use."""
    with BareMachine() as one:
        one.adapter("eth0", WAY_IN, "10.9.9.1/24")
        one.adapter("eth1", MAC, "192.0.2.5/24")
        one.must("ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.1")
        one.must("ip", "route", "add", "default", "via", "192.0.2.1", "metric", "700")
        for name in ("lan", "lan2"):
            one.must("mkdir", "-p", f"/run/lab/share/hosts/{name}")
        assert as_before(one)
        yield one


def as_before(machine: BareMachine) -> bool:
    """Whether the adapter has again what it had, and no link of ours is left."""
    addresses, routes = machine.network("eth1")
    return machine.links() == {"lo", "eth0", "eth1"} and (addresses, routes) == (BEFORE[0], sorted(BEFORE[1]))


def enter(machine: BareMachine, host: str, *command: str) -> str:
    """Run a command in a host, as a probe comes in."""
    return machine.must("sh", "/run/lab/enter", host, *command)


def test_hosts_reach_each_other_and_write_into_memory_only(machine: BareMachine) -> None:
    answer = machine.start(plan())

    assert answer["uplinks"] == {"lan": "eth1"}
    assert set(answer["capabilities"]) <= {"l2tp", "eap"}, "as this machine's packages and kernel are"
    assert enter(machine, "lan2", "hostname").strip() == "lan2"
    assert enter(machine, "lan", "cat", "/sys/class/net/lan/operstate").strip() == "up"
    assert enter(machine, "lan", "python3", "-c", CONNECT).strip() == "ConnectionRefusedError", "the other host answers"
    enter(machine, "lan", "touch", "/var/tmp/written-by-lan")
    assert not machine.path("/var/tmp/written-by-lan").exists()
    assert machine.network("eth1")[0] == [], "the adapter's own address would answer beside the host's"


def test_a_router_without_nat_in_the_machines_kernel_costs_its_capability_and_nothing_else(machine: BareMachine) -> None:
    """Whether this machine's kernel has NAT does not matter here: what the router says is what the machine is found to have."""
    wanted = plan()
    hosts = wanted["hosts"]
    assert isinstance(hosts, list)
    hosts.append({"name": "nat", "role": "nat", "start": "boot", "addresses": {"lan": "192.168.77.40/24", "home": "192.168.50.1/24"}, "routes": {}})
    networks = wanted["networks"]
    assert isinstance(networks, list)
    networks.append({"name": "home", "delay_ms": 0, "management": False})
    machine.must("mkdir", "-p", "/run/lab/share/hosts/nat")

    answer = machine.start(wanted)

    said = enter(machine, "nat", "cat", "/run/lab/nat.ready")
    assert said in ("", "masquerades")
    assert ("nat" in str(answer["capabilities"])) is bool(said)
    assert enter(machine, "nat", "cat", "/proc/sys/net/ipv4/ip_forward").strip() == "1"
    assert "br-home" in machine.links(), "a network inside of the machine has a bridge and no adapter"
    machine.carrier("stop")
    assert as_before(machine)


def test_the_same_plan_leaves_the_hosts_alone_and_another_replaces_them(machine: BareMachine) -> None:
    first = machine.start(plan())
    assert machine.start(plan()) == first
    other = machine.start(plan(hosts=("lan",), code="b"))

    assert other["pid"] != first["pid"]
    assert machine.links() == {"lo", "eth0", "eth1", "br-lan", "lan-lan"}
    assert enter(machine, "lan", "hostname").strip() == "lan"


def test_stop_puts_everything_back_and_may_come_twice(machine: BareMachine) -> None:
    machine.start(plan())
    for _ in range(2):
        assert machine.carrier("stop") == {}
        assert as_before(machine)
    assert machine.carrier("status") == {}


def test_after_kill_9_hosts_end_stop_puts_everything_back_and_start_begins_anew(machine: BareMachine) -> None:
    answer = machine.start(plan())
    pids = answer["pids"]
    assert isinstance(pids, dict)
    machine.kill(answer["pid"])
    for pid in pids.values():
        machine.await_end(pid)

    assert machine.carrier("stop") == {}
    assert as_before(machine)
    assert machine.start(plan())["pid"] != answer["pid"]


def test_a_killed_carrier_is_replaced_without_a_stop_and_what_was_before_it_is_not_forgotten(machine: BareMachine) -> None:
    machine.kill(machine.start(plan())["pid"])
    machine.start(plan())
    machine.carrier("stop")
    assert as_before(machine)


def test_bridges_that_are_not_ours_stay(machine: BareMachine) -> None:
    """Docker's are called br-0123456789ab."""
    machine.must("ip", "link", "add", "br-0123456789ab", "type", "bridge")
    machine.start(plan())
    machine.carrier("stop")
    assert machine.links() == {"lo", "eth0", "eth1", "br-0123456789ab"}


def test_a_link_of_our_name_that_is_not_ours_is_not_touched(machine: BareMachine) -> None:
    machine.must("ip", "link", "add", "br-lan", "type", "bridge")
    answer = machine.carrier("start", plan())
    assert "the machine has a link of the lab's name already: br-lan" in str(answer["error"])
    assert "br-lan" in machine.links()
    assert machine.network("eth1")[0] == BEFORE[0]


def test_of_several_links_with_one_mac_address_the_adapter_is_meant(machine: BareMachine) -> None:
    machine.must("ip", "link", "add", "br0", "address", MAC, "type", "bridge")
    assert machine.start(plan())["uplinks"] == {"lan": "eth1"}


def test_an_adapter_that_is_a_port_already_is_refused(machine: BareMachine) -> None:
    """It would not come back into its bridge."""
    machine.must("ip", "link", "add", "br0", "address", MAC, "type", "bridge")
    machine.must("ip", "link", "set", "eth1", "master", "br0")
    assert "eth1 is a port of a bridge or a bond of this machine already" in str(machine.carrier("start", plan())["error"])
    assert machine.network("eth1")[0] == BEFORE[0]


def test_the_adapter_by_which_one_came_in_is_refused(machine: BareMachine) -> None:
    answer = machine.carrier("start", plan(), way_in="192.0.2.5")
    assert "eth1 has the address 192.0.2.5, by which this machine is reached" in str(answer["error"])
    assert as_before(machine)


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (plan(mac="52:54:ff:ff:ff:ff"), "no adapter of this machine has the MAC address 52:54:ff:ff:ff:ff, wanted for the network lan"),
        (plan(hosts=("lan", "stranger")), "the host stranger could not be made: FileNotFoundError"),
    ],
    ids=["no such adapter", "a host that cannot be made"],
)
def test_a_start_that_fails_says_why_and_leaves_everything_as_it_was(machine: BareMachine, wanted: dict[str, object], problem: str) -> None:
    assert problem in str(machine.carrier("start", wanted)["error"])
    assert as_before(machine)
    assert machine.carrier("status") == {}
    machine.start(plan())
