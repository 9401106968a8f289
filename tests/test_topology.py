"""topology.yaml: read right, and every way to write it wrong is refused by the path in the file and the value."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.errors import ConfigError
from lab.topology import DEFAULT, VARIABLE, Pool, Role, Start, load_topology

Change = Callable[[dict[str, Any]], object]


def changed(tmp_path: Path, change: Change) -> Path:
    content = yaml.safe_load(DEFAULT.read_text())
    change(content)
    file = tmp_path / "topology.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


def test_the_projects_own_file_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    topology = load_topology()

    assert topology.server.name == "server"
    assert topology.server.address("lan") in topology.networks["lan"].subnet
    assert [network.name for network in topology.networks.values() if network.management] == ["mgmt"]
    assert topology.networks["wan"].delay_ms == 2
    assert [host.name for host in topology.with_role(Role.CLIENT)] == ["client", "client2", "client3", "home", "home2"]
    assert topology.host("client2").start is Start.ON_DEMAND
    assert topology.hosts["lan2"].routes == {IPv4Network("192.168.77.0/24"): IPv4Address("172.20.5.10")}
    assert str(topology.server.addresses["lan"]) == "192.168.77.10/24"


def test_a_network_of_one_linux_machine_lies_inside_of_it(tmp_path: Path) -> None:
    topology = load_topology(DEFAULT)
    assert {network: topology.inside(network) for network in topology.networks if topology.inside(network)} == {"home": "client"}
    assert "home" not in topology.adapters("client")
    assert [topology.outer(topology.host(name)) for name in ("client", "home", "lan2")] == ["wan", "home", "lan2"]

    spread = load_topology(changed(tmp_path, lambda content: content["hosts"]["home2"].update(machine="lan")))
    assert spread.inside("home") == ""
    assert spread.adapters("lan")["home"] == "52:54:c0:a8:32:15"
    alone = load_topology(changed(tmp_path, lambda content: content["hosts"]["lan2"]["addresses"].pop("lan2") and content["hosts"]["lan2"].pop("routes")))
    assert alone.inside("lan2") == "", "the server may be Windows: it has an adapter for each of its networks"


def test_a_pool_knows_its_size_and_its_addresses() -> None:
    pool = Pool(first=IPv4Address("192.168.77.200"), last=IPv4Address("192.168.77.209"))

    assert pool.size == 10
    assert IPv4Address("192.168.77.200") in pool
    assert IPv4Address("192.168.77.209") in pool
    assert IPv4Address("192.168.77.210") not in pool
    assert "192.168.77.205" not in pool


def test_the_variable_names_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = changed(tmp_path, lambda content: content["vpn"].update(server_name="other.example.test"))
    monkeypatch.setenv(VARIABLE, str(file))

    assert load_topology().vpn.server_name == "other.example.test"


def test_what_is_not_there_is_refused_with_what_is() -> None:
    topology = load_topology()

    with pytest.raises(ConfigError, match=r"no host 'cleint'") as unknown_host:
        topology.host("cleint")
    with pytest.raises(ConfigError, match=r"client is not on the network 'lan'") as unknown_network:
        topology.host("client").address("lan")

    assert "client2" in unknown_host.value.hint
    assert unknown_network.value.hint == "it is on wan, mgmt"


def rename_network(content: dict[str, Any]) -> None:
    content["hosts"]["client"]["addresses"]["wna"] = content["hosts"]["client"]["addresses"].pop("wan")


WRONG: dict[str, tuple[Change, list[str]]] = {
    "unknown network": (rename_network, ["hosts.client.addresses.wna", "no such network", "wan, home, lan, lan2, mgmt"]),
    "outside of its subnet": (
        lambda content: content["hosts"]["client"]["addresses"].update(wan="203.0.114.20"),
        ["hosts.client.addresses.wan", "203.0.114.20 is not in 203.0.113.0/24"]),
    "the same address twice": (
        lambda content: content["hosts"]["client2"]["addresses"].update(wan="203.0.113.20"),
        ["hosts.client2.addresses.wan", "203.0.113.20 is the address of client already"]),
    "no address at all": (
        lambda content: content["hosts"]["client"]["addresses"].update(wan="203.0.113.256"), ["hosts.client.addresses.wan", "203.0.113.256"]),
    "unknown field of a host": (lambda content: content["hosts"]["client"].update(strat="boot"), ["hosts.client.strat", "'boot'"]),
    "unknown field of a network": (lambda content: content["networks"]["wan"].update(delay=2), ["networks.wan.delay", "2"]),
    "unknown role": (lambda content: content["hosts"]["lan"].update(role="router"), ["hosts.lan.role", "'router'", "'server', 'client'"]),
    "missing part": (lambda content: content.pop("vpn"), ["vpn", "Field required"]),
    "subnet with host bits": (lambda content: content["networks"]["wan"].update(subnet="203.0.113.1/24"), ["networks.wan.subnet", "203.0.113.1/24"]),
    "pool with a host inside": (
        lambda content: content["hosts"]["lan"]["addresses"].update(lan="192.168.77.205"),
        ["vpn.pool", "192.168.77.200 to 192.168.77.209 contains 192.168.77.205, the address of lan"]),
    "pool outside of the lan": (
        lambda content: content["vpn"]["pool"].update(last="192.168.78.9"), ["vpn.pool", "192.168.78.9 is not a range of 192.168.77.0/24"]),
    "pool of one address": (
        lambda content: content["vpn"]["pool"].update(last="192.168.77.200"), ["vpn.pool", "192.168.77.200 is one address, which the server takes itself"]),
    "pool turned round": (
        lambda content: content["vpn"]["pool"].update(first="192.168.77.210"), ["vpn.pool", "192.168.77.210 to 192.168.77.209"]),
    "two servers": (lambda content: content["hosts"]["lan"].update(role="server"), ["hosts", "role server, there are 2"]),
    "no server": (lambda content: content["hosts"]["server"].update(role="lan"), ["hosts", "role server, there are 0"]),
    "server without lan": (lambda content: content["hosts"]["server"]["addresses"].pop("lan"), ["hosts.server.addresses", "lacks lan"]),
    "host without the way in": (lambda content: content["hosts"]["client"]["addresses"].pop("mgmt"), ["hosts.client.addresses", "lacks mgmt"]),
    "nat on one network": (lambda content: content["hosts"]["nat"]["addresses"].pop("home"), ["hosts.nat.addresses", "lacks a network", "wan"]),
    "nat without wan": (lambda content: content["hosts"]["nat"]["addresses"].pop("wan"), ["hosts.nat.addresses", "lacks wan"]),
    "no management network": (lambda content: content["networks"]["mgmt"].pop("management"), ["networks", "management: true", "there are 0"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused_with_path_and_value(case: str, tmp_path: Path) -> None:
    change, expected = WRONG[case]
    file = changed(tmp_path, change)

    with pytest.raises(ConfigError) as refusal:
        load_topology(file)

    message = str(refusal.value)
    assert message.startswith(f"{file}: {expected[0]}: ")
    assert [part for part in expected if part not in message] == []


def test_a_missing_file_is_refused_with_its_name_and_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml cannot be read: No such file") as refusal:
        load_topology(tmp_path / "gone.yaml")

    assert VARIABLE in refusal.value.hint


@pytest.mark.parametrize("content", [b"hosts: [", b"hosts:\n\t- x", b"\xff\xfe\x00binary"])
def test_a_file_that_is_not_yaml_is_refused_as_such(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "topology.yaml"
    file.write_bytes(content)

    with pytest.raises(ConfigError, match=r"topology\.yaml is not YAML"):
        load_topology(file)


@pytest.mark.parametrize("content", ["", "- a list", "text"])
def test_a_file_of_another_shape_is_refused_as_a_whole(content: str, tmp_path: Path) -> None:
    file = tmp_path / "topology.yaml"
    file.write_text(content)

    with pytest.raises(ConfigError, match=r"the whole file"):
        load_topology(file)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("  lan:                          # an ordinary machine", "  client:                       # an ordinary machine", "'client' stands twice"),
        ("{wan: 203.0.113.20, mgmt: 10.0.2.20}", "{wan: 203.0.113.255, mgmt: 10.0.2.20}", "hosts.client.addresses.wan: 203.0.113.255 is the network's own"),
        ("172.20.5.10}      # the way", "172.20.6.10}      # the way", "hosts.lan2.routes.192.168.77.0/24: 172.20.6.10 is on none"),
        ("subnet: 172.20.5.0/24", "subnet: 203.0.0.0/16", "networks.lan2.subnet: 203.0.0.0/16 overlaps 203.0.113.0/24 of wan"),
    ],
)
def test_what_yaml_would_let_pass_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    whole = DEFAULT.read_text()
    assert old in whole
    changed = tmp_path / "topology.yaml"
    changed.write_text(whole.replace(old, new))

    with pytest.raises(ConfigError) as caught:
        load_topology(changed)
    assert complaint in str(caught.value)
