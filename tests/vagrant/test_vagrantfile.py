"""The Vagrantfile tells Vagrant what the topology says: machines, adapters, the MAC addresses by which the suite finds them again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from lab.topology import DEFAULT, load_topology, mac_of

ROOT = Path(__file__).parents[2]
VAGRANTFILE = ROOT / "Vagrantfile"
ruby = pytest.mark.skipif(shutil.which("ruby") is None, reason="Ruby is not installed here: the Vagrantfile is read by Vagrant alone")
vagrant = pytest.mark.skipif(shutil.which("vagrant") is None, reason="Vagrant is not installed here")
NETWORK_ORDER = DEFAULT.read_text()
OTHERS = {
    "the project's own": NETWORK_ORDER,
    "other addresses": NETWORK_ORDER.replace("203.0.113.", "198.51.100.").replace("172.20.5.", "172.29.250."),
    "a network inside a machine that becomes one between machines": NETWORK_ORDER.replace(
        "    machine: client\n    addresses: {home: 192.168.50.21", "    machine: lan\n    addresses: {home: 192.168.50.21"),
    "a network that only hosts on another's machine have": NETWORK_ORDER.replace(
        "    machine: client\n    addresses: {wan: 203.0.113.21", "    machine: lan\n    addresses: {wan: 203.0.113.21").replace(
        "    machine: client\n    addresses: {wan: 203.0.113.22", "    machine: lan\n    addresses: {wan: 203.0.113.22"),
}


def told(environment: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """What a Vagrant is told by the Vagrantfile."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("LAB_")}
    command = ["ruby", str(Path(__file__).with_name("vagrantfile.rb")), str(VAGRANTFILE)]
    done = subprocess.run(command, env=bare | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, dict[str, object]] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize(("address", "mac"), [("203.0.113.10", "52:54:cb:00:71:0a"), ("0.0.0.0", "52:54:00:00:00:00"),
                                              ("192.168.77.255", "52:54:c0:a8:4d:ff")])
def test_the_formula_of_a_mac_address(address: str, mac: str) -> None:
    assert mac_of(IPv4Address(address)) == mac


@ruby
@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS.keys())
def test_machines_and_adapters_are_the_topology_s(tmp_path: Path, content: str) -> None:
    file = tmp_path / "topology.yaml"
    file.write_text(content)
    topology = load_topology(file)

    machines = told({"LAB_TOPOLOGY": str(file)})

    macs = {name: ["".join(mac.split(":")) for mac in topology.adapters(name).values()] for name in topology.machines}
    assert {name: [network["mac"] for network in machine["networks"]] for name, machine in machines.items()} == macs  # type: ignore[attr-defined]


@ruby
def test_names_begin_with_the_run_and_nothing_is_configured_inside(tmp_path: Path) -> None:
    machines = told({"LAB_PREFIX": "lab3f2a91", "LAB_SERVER_BOX": "my-windows-10", "LAB_LINUX_BOX": "debian"})
    for name, machine in machines.items():
        networks, settings = machine["networks"], machine["set"]
        assert isinstance(networks, list)
        assert isinstance(settings, dict)
        assert all(one["libvirt__network_name"].startswith("lab3f2a91-") and one["auto_config"] is False for one in networks)
        assert settings["default_prefix="] == "lab3f2a91_"
        assert (settings["box="], settings["guest="]) == (("my-windows-10", "windows") if name == "server" else ("debian", "debian"))
        assert not {"hostname=", "provision="} & settings.keys()


@ruby
def test_it_is_ruby_and_short() -> None:
    assert subprocess.run(["ruby", "-c", str(VAGRANTFILE)], capture_output=True, text=True, check=False).stdout.strip() == "Syntax OK"
    assert len(VAGRANTFILE.read_text().splitlines()) <= 90


@vagrant
def test_vagrant_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    environment = os.environ | {"VAGRANT_DOTFILE_PATH": str(tmp_path / ".vagrant"), "VAGRANT_CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(["vagrant", "validate"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
