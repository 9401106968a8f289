"""What is looked at on machines that were there before us, before anything is touched: each objection is one sentence with a remedy.

A server that somebody works on, that a domain manages or that is about to restart is none to test on. Reads only.
"""

from __future__ import annotations

import socket
from pathlib import Path

from lab import budgets
from lab.backends.base import Lab, Machine
from lab.backends.machines import ExistingServer
from lab.errors import ConfigError, RemoteTimeout
from lab.prepare.ready import POLICY, await_ready
from lab.probe.channel import connect
from lab.progress import Progress
from lab.server import machine as windows_machine
from lab.server.machine import WindowsMachine
from lab.server.session import WindowsSession
from lab.waiting import Deadline

LOOK = "for one in /sys/class/net/*; do echo ${one##*/} $(cat $one/address); done; echo; echo $SSH_CONNECTION; echo; ip -o -4 address"
"""Names and MAC addresses; how we came in; addresses. Needs no root, and only what every Debian has."""
SHARED = "or write `also_used_by_people: true` beside `lab: true` in the inventory, if its owner agrees"


def preflight(lab: Lab, windows: WindowsSession, *, scripts: Path, progress: Progress) -> None:
    """Look at all machines of a lab that was there before us; at none of a lab that makes its own.

    Raises:
        ConfigError: one of them is not fit, or not to be changed; nothing was touched.
        InfrastructureError: one cannot be reached.
    """
    servers = [machine for machine in lab.machines if isinstance(machine, ExistingServer)]
    if not servers:
        return
    progress("looking at the machines; nothing is changed yet")
    await_ready(windows, budget=budgets.WINRM_FIRST_ANSWER, progress=progress)
    found = windows_machine.read(windows, scripts)
    for server in servers:
        if objection := objection_to_server(server, found):
            raise objection
    for machine in lab.machines:
        if machine.way.ssh:
            look_at_linux(machine)


def objection_to_server(server: ExistingServer, found: WindowsMachine) -> ConfigError | None:
    """Return why a server must not, or cannot, be changed; None if it may."""
    name = f"the server {found.computer_name}"
    if not found.is_elevated:
        return ConfigError(f"{name} gives our user no administrator's token: UAC filters it for local users who come in over the network",
                           hint=f"on the server: reg add {POLICY} /v LocalAccountTokenFilterPolicy /t REG_DWORD /d 1 /f; or be an administrator")
    if found.domain_joined and not server.also_used_by_people:
        return ConfigError(f"{name} is a member of the domain {found.domain}: it belongs to somebody's network",
                           hint=f"take a machine of its own, {SHARED}")
    if found.interactive_user and not server.also_used_by_people:
        return ConfigError(f"{name} has {found.interactive_user} logged on at its console: somebody works there",
                           hint=f"have them log off, {SHARED}")
    if found.pending_reboot:
        return ConfigError(f"{name} waits for a restart to finish an update or a new name: it may restart in the middle of a test",
                           hint="restart it first: `Restart-Computer` on the server")
    if objection := objection_to_evaluation(found):
        return objection
    return _objection_to_adapters(server, found)


def objection_to_evaluation(found: WindowsMachine) -> ConfigError | None:
    """Return that a Windows' evaluation has expired, also one of a box; None if it has not, or is none."""
    if found.evaluation_minutes is None or found.evaluation_minutes > 0:
        return None
    return ConfigError(f"the server {found.computer_name} runs an evaluation that has expired: Windows then shuts down every hour",
                       hint="`slmgr /rearm` on the server extends it a few times; otherwise install it, or build its box, anew")


def _objection_to_adapters(server: ExistingServer, found: WindowsMachine) -> ConfigError | None:
    for network, mac in server.adapters.items():
        adapter = found.adapter_with(mac)
        if adapter is None:
            there = ", ".join(f"{one.mac} ({one.name})" for one in found.adapters)
            return ConfigError(f"the server {found.computer_name} has no adapter {mac}, wanted for the network {network}; it has {there}",
                               hint=f"machines.{server.name}.adapters.{network} in the inventory; `Get-NetAdapter` on the server lists them")
        assert server.way.winrm is not None
        if any(str(one.ip) in addresses_of(server.way.winrm.address) for one in adapter.addresses):
            return way_in(server.name, f"{mac} ({adapter.name})", network, server.way.winrm.address)
    return None


def way_in(machine: str, adapter: str, network: str, address: str) -> ConfigError:
    """Return the objection to an adapter that would be taken from under our feet."""
    return ConfigError(f"the adapter {adapter} of {machine}, wanted for the network {network}, has the address {address}, by which we reach it",
                       hint="give the machine a further adapter for the lab, or reach it by another address")


def addresses_of(name: str) -> frozenset[str]:
    """Return the IPv4 addresses of a name, or the address itself. Raises ConfigError."""
    try:
        return frozenset(str(one[4][0]) for one in socket.getaddrinfo(name, None, socket.AF_INET))
    except OSError as error:
        raise ConfigError(f"nobody knows the address of {name}: {error.strerror}", hint="write an address into the inventory") from error


def look_at_linux(machine: Machine) -> None:
    """Look at a Linux machine's adapters.

    Raises:
        ConfigError: one is missing, or is the way in.
        LinkLost: it cannot be reached, or is another machine than before.
    """
    assert machine.way.ssh is not None
    with connect(machine.way.ssh, machine.name) as client:
        deadline = Deadline(budgets.PROBE_ANSWER)
        try:
            _, output, error = client.exec_command(LOOK, timeout=deadline.budget)
            said, complaint = output.read().decode(), error.read().decode()
        except TimeoutError:
            raise RemoteTimeout(f"{machine.name}: it did not tell its adapters within {deadline.budget:.0f} s") from None
    if objection := objection_to_linux(machine, said, complaint):
        raise objection


def objection_to_linux(machine: Machine, said: str, complaint: str) -> ConfigError | None:
    """Return why a Linux machine cannot carry its hosts; None if it can.

    Args:
        machine: with the adapters that are wanted.
        said: what `LOOK` wrote: MAC addresses, SSH_CONNECTION, addresses.
        complaint: what it wrote to standard error.
    """
    parts = said.split("\n\n")
    if len(parts) != 3 or len(came := parts[1].split()) != 4 or not parts[2].strip():
        return ConfigError(f"{machine.name} did not tell its adapters: {(complaint or said).strip()[:200]}",
                           hint=f"on {machine.name}: apt install iproute2; only Debian and what descends from it can carry hosts")
    there = {words[1].lower(): words[0] for words in map(str.split, parts[0].splitlines()) if len(words) == 2}
    # 2: eth0    inet 192.0.2.2/24 brd …
    held = {(words[1], words[3].partition("/")[0]) for words in map(str.split, parts[2].splitlines())}
    for network, mac in machine.adapters.items():
        if mac.lower() not in there:
            known = ", ".join(f"{one} ({name})" for one, name in there.items())
            return ConfigError(f"{machine.name} has no adapter {mac}, wanted for the network {network}; it has {known}",
                               hint=f"machines.{machine.name}.adapters.{network} in the inventory; `ip link` on it lists them")
        name = there[mac.lower()]
        if (name, came[2]) in held:
            return way_in(machine.name, f"{mac} ({name})", network, came[2])
    return None
