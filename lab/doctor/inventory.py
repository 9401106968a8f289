"""The doctor for machines that exist already: the file that names them, and their server. Reads only; takes no lock, so a run goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lab.backends.inventory import existing_server
from lab.backends.machines import ExistingServer
from lab.backends.terminal import ask_on_terminal
from lab.doctor.findings import Finding, Grade, failed
from lab.doctor.server import examine_server
from lab.errors import ConfigError
from lab.inventory_file import load_inventory
from lab.prepare.preflight import objection_to_server
from lab.secrets import Secret
from lab.server.machine import WindowsMachine
from lab.topology import load_topology
from lab.waiting import stretch


def examine_inventory(file: str, *, ask: Callable[[str], Secret] = ask_on_terminal) -> list[Finding]:
    """Return what is found about an inventory and its server.

    Args:
        file: the inventory.
        ask: gets a password that no variable holds.

    Raises:
        ConfigError: no file is named.
    """
    if not file:
        raise ConfigError("inventory names no file", hint="--lab inventory:my-lab.yaml; docs/inventory.md has an example")
    topology = load_topology()
    try:
        inventory = load_inventory(Path(file), topology)
        server = existing_server(topology.server.name, inventory.server, ask)
    except ConfigError as error:
        return [failed("inventory", error)]
    stretch(inventory.pace)
    machines = ", ".join([server.name, *inventory.linux])
    named = Finding(check="inventory", grade=Grade.GOOD, text=f"{file} names {machines}")
    assert server.way.winrm is not None
    return [named, *examine_server(server.way.winrm, further=lambda found: _may_be_changed(server, found))]


def _may_be_changed(server: ExistingServer, found: WindowsMachine) -> Finding:
    """Tell beforehand what a run would object to."""
    objection = objection_to_server(server, found)
    return failed("to be changed", objection) if objection else Finding(check="to be changed", grade=Grade.GOOD, text="nothing speaks against it")
