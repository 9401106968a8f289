"""How the machines of a run are reached: asked of Vagrant once, then read from the run's folder by whoever joins.

`ways.json` holds the server's password (WinRM has no keys for a user that a box made), so only its owner can read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lab.backends.base import Host, Machine, SSHEndpoint, WinRMEndpoint
from lab.backends.machines import hosts_on, own_side
from lab.backends.vagrant.command import Vagrant
from lab.secrets import Secret, write_private
from lab.topology import Topology

FILE = "ways.json"
HTTPS = 5986


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The way to one machine: WinRM with a password, or SSH with a key."""

    address: str
    port: int
    user: str
    password: Secret | None = None
    key_file: Path | None = None


def ask(vagrant: Vagrant, topology: Topology) -> Mapping[str, Way]:
    """Return the way to each machine that runs. Raises what `Vagrant` raises."""
    return {name: _winrm_way(vagrant, name) if name == topology.server.name else _ssh_way(vagrant, name) for name in topology.machines}


def _winrm_way(vagrant: Vagrant, machine: str) -> Way:
    found = vagrant.winrm_config(machine)
    return Way(address=found.address, port=found.port, user=found.user, password=found.password)


def _ssh_way(vagrant: Vagrant, machine: str) -> Way:
    found = vagrant.ssh_config(machine)
    return Way(address=found.address, port=found.port, user=found.user, key_file=found.key_file)


def write(run: Path, ways: Mapping[str, Way]) -> None:
    """Write them down for those who join."""
    content = {}
    for name, way in ways.items():
        content[name] = {"address": way.address, "port": way.port, "user": way.user}
        if way.password is not None:
            content[name]["password"] = way.password.reveal()
        if way.key_file is not None:
            content[name]["key_file"] = str(way.key_file)
    write_private(run / FILE, json.dumps(content, indent=1))


def read(run: Path) -> Mapping[str, Way]:
    """Return what was written down."""
    return {
        name: Way(address=way["address"], port=way["port"], user=way["user"], password=Secret(way["password"]) if "password" in way else None,
                  key_file=Path(way["key_file"]) if "key_file" in way else None)
        for name, way in json.loads((run / FILE).read_text()).items()
    }


def machine(name: str, way: Way, topology: Topology) -> tuple[Machine, Mapping[str, Host]]:
    """Return a machine, and the ways to the hosts on it and to its own side."""
    carried = tuple(plan.name for plan in topology.machines[name])
    if way.key_file is None:
        itself = Host(name=name, winrm=_winrm(way))
        hosts: Mapping[str, Host] = {name: itself}
    else:
        endpoint = SSHEndpoint(address=way.address, port=way.port, user=way.user, key_file=way.key_file, host_key="")
        hosts = hosts_on(name, endpoint, topology)
        itself = replace(hosts[own_side(name)], name=name)
    return Machine(name=name, way=itself, hosts=carried, adapters=topology.adapters(name)), hosts


def _winrm(way: Way) -> WinRMEndpoint:
    assert way.password is not None
    secure = way.port == HTTPS
    return WinRMEndpoint(address=way.address, http_port=None if secure else way.port, https_port=way.port if secure else None,
                         user=way.user, password=way.password, ca_file=None)
