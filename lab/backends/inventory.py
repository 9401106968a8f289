"""The lab of machines that exist already (`--lab=inventory:FILE`): they are changed for a run and put back afterwards.

Bringing it up touches nothing: it takes the lock, asks for the secret, compares host keys. Machines are examined and prepared by
`lab.prepare`, and released by it too, before `down`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.backends.base import CapturePoint, Host, Machine, SSHEndpoint, WinRMEndpoint
from lab.backends.host_keys import pinned_key
from lab.backends.machines import ExistingServer, capture_points, hosts_on, in_use, own_side
from lab.backends.terminal import ask_on_terminal
from lab.errors import ConfigError, InfrastructureError, LabBusy
from lab.inventory_file import Inventory, LinuxEntry, ServerEntry, load_inventory
from lab.progress import Progress, quiet
from lab.secrets import Secret
from lab.statedir import state_folder
from lab.topology import Topology


class InventoryLab:
    """Machines of one's own; keeps the Lab protocol of `lab.backends.base`."""

    name = "inventory"
    capabilities = frozenset({"capture", "name-service"})
    joined = False

    def __init__(
        self, topology: Topology, file: Path, *, progress: Progress = quiet, ask: Callable[[str], Secret] = ask_on_terminal
    ) -> None:
        """Read the inventory.

        Args:
            topology: hosts and networks.
            file: the inventory.
            progress: told one line per phase.
            ask: gets a password that no variable holds.

        Raises:
            ConfigError: the file is wrong, or its server is not marked.
        """
        self._topology, self._progress, self._ask = topology, progress, ask
        self._inventory: Inventory = load_inventory(file, topology)
        self.pace: float = self._inventory.pace
        self._hosts: dict[str, Host] = {}
        self._machines: list[Machine] = []
        self._lock: int | None = None

    @property
    def state(self) -> Path:
        """The folder of the inventory's name, made if need be."""
        return state_folder("inventory", self._inventory.name)

    @property
    def capture_points(self) -> Sequence[CapturePoint]:
        """Bridges of the Linux machines, and their ways in."""
        return capture_points(self._topology)

    @property
    def machines(self) -> Sequence[Machine]:
        """All of them, once it is up."""
        return self._machines

    @property
    def hosts(self) -> Mapping[str, Host]:
        """All hosts by name, once it is up; those on Linux machines can be used when these are prepared."""
        return self._hosts

    def up(self) -> Mapping[str, Host]:
        """Take the machines for us alone.

        Raises:
            LabBusy: another run uses them.
            ConfigError: the server's password is to be had from nowhere.
            LinkLost: a Linux machine cannot be reached, or shows another host key than before.
        """
        self._take_lock()
        try:
            self._add_server()
            for name, entry in self._inventory.linux.items():
                self._add_linux(name, entry)
            in_use(self.state).touch(mode=0o600)
        except BaseException:
            self.down()
            raise
        addresses = {self._topology.server.name: self._inventory.server.address}
        addresses |= {name: entry.address for name, entry in self._inventory.linux.items()}
        self._progress(f"{self._inventory.name}: " + ", ".join(f"{name} at {address}" for name, address in addresses.items()))
        return self._hosts

    def start(self, name: str) -> Host:
        """Return a host; all daemons run once its machine is prepared."""
        if name not in self._hosts:
            raise ConfigError(f"the inventory lab has no host {name!r}", hint=f"it has {', '.join(self._hosts) or 'none before it is up'}")
        return self._hosts[name]

    def reset(self) -> None:
        """Do nothing: what tests change on these machines, they revert."""

    def death(self) -> InfrastructureError | None:
        """Return None: that a machine is gone shows when it is used."""
        return None

    def down(self) -> None:
        """Let others have the machines."""
        self._hosts, self._machines = {}, []
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # -- parts --------------------------------------------------------------------------------------------------------

    def _take_lock(self) -> None:
        descriptor = os.open(self.state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode()
            os.close(descriptor)
            raise LabBusy(f"the machines of {self._inventory.name} are in use by process {holder}", hint="wait for it, or end it") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._lock = descriptor

    def _add_server(self) -> None:
        server = existing_server(self._topology.server.name, self._inventory.server, self._ask)
        self._hosts[server.name] = server.way
        self._machines.append(server)

    def _add_linux(self, name: str, entry: LinuxEntry) -> None:
        key = pinned_key(self.state / "known_hosts", name, entry.address, entry.port)
        endpoint = SSHEndpoint(address=entry.address, port=entry.port, user=entry.user, key_file=entry.key_file, host_key=key)
        hosts = hosts_on(name, endpoint, self._topology)
        self._hosts |= hosts
        carried = tuple(host for host in hosts if host != own_side(name))
        self._machines.append(Machine(name=name, way=hosts[own_side(name)], hosts=carried, adapters=entry.adapters))


def existing_server(name: str, entry: ServerEntry, ask: Callable[[str], Secret]) -> ExistingServer:
    """Return the server of an inventory, with the way to it.

    Args:
        name: as the topology names it.
        entry: what the inventory says of it.
        ask: gets a password that no variable holds.

    Raises:
        ConfigError: its password is to be had from nowhere.
    """
    way = Host(name=name, winrm=WinRMEndpoint(
        address=entry.address, http_port=entry.http_port, https_port=entry.https_port, user=entry.user, password=_password(entry, ask),
        ca_file=entry.ca_file, certificate=entry.certificate, key=entry.key))
    return ExistingServer(name=name, way=way, hosts=(name,), adapters=entry.adapters, also_used_by_people=entry.also_used_by_people)


def _password(entry: ServerEntry, ask: Callable[[str], Secret]) -> Secret:
    if entry.certificate is not None:
        return Secret("")
    if entry.password_env is None:
        return ask(f"password of {entry.user} on {entry.address}")
    if not (value := os.environ.get(entry.password_env)):
        raise ConfigError(f"the variable {entry.password_env}, which should hold the password of {entry.user}, is not set",
                          hint=f"read -rs {entry.password_env} && export {entry.password_env}")
    return Secret(value)
