"""What stands at the hypervisors: listed, and removed by exact name. Never a pattern, never "all".

libvirt through virsh, VirtualBox through VBoxManage, because after a killed run Vagrant may know nothing of its machines any more.
Facts: virsh(1); `undefine --remove-all-storage` would also remove images that are only inserted (an ISO), so volumes go by name.
VBoxManage's part follows its manual and has not been run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Protocol

from lab import budgets
from lab.errors import HostError, InfrastructureError
from lab.waiting import Deadline

URI = "qemu:///system"
"""vagrant-libvirt's default."""
VARIABLE = "LIBVIRT_DEFAULT_URI"
"""Both virsh and vagrant-libvirt obey it."""
GONE = re.compile(r"failed to get (?:domain|network|pool|vol)|not found|not running|not active|Could not find a registered machine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A disk in a storage pool of libvirt."""

    pool: str
    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Names of all that a hypervisor has, whosever it is."""

    machines: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[Volume, ...] = ()


class Hypervisor(Protocol):
    """One way to virtual machines. Its methods raise HostError (cannot be asked) or InfrastructureError (it refuses)."""

    name: str

    @property
    def objection(self) -> str:
        """Why it cannot be asked; empty: its program is installed."""

    def look(self) -> Inventory:
        """List what it has."""

    def remove_machine(self, name: str) -> None:
        """End and remove one, with its snapshots; harmless if it is gone."""

    def remove_network(self, name: str) -> None:
        """End and remove one; harmless if it is gone."""

    def remove_volume(self, volume: Volume) -> None:
        """Delete one; harmless if it is gone."""


class Libvirt:
    """The system's libvirt, or the one that LIBVIRT_DEFAULT_URI names."""

    name = "libvirt"

    def __init__(self) -> None:
        self.uri = os.environ.get(VARIABLE) or URI

    @property
    def objection(self) -> str:
        """Why it cannot be asked; empty: virsh is installed."""
        return "" if shutil.which("virsh") else "virsh is not installed (apt install libvirt-clients)"

    def look(self) -> Inventory:
        """List domains, networks and volumes."""
        pools = self._names("pool-list", "--name")
        return Inventory(machines=self._names("list", "--all", "--name"), networks=self._names("net-list", "--all", "--name"),
                         volumes=tuple(volume for pool in pools for volume in self._volumes(pool)))

    def remove_machine(self, name: str) -> None:
        """Pull its plug and undefine it; its disks are volumes of their own."""
        self._remove("destroy", name)
        self._remove("undefine", "--managed-save", "--snapshots-metadata", "--nvram", name)

    def remove_network(self, name: str) -> None:
        """Stop and undefine it."""
        self._remove("net-destroy", name)
        self._remove("net-undefine", name)

    def remove_volume(self, volume: Volume) -> None:
        """Delete it from its pool."""
        self._remove("vol-delete", "--pool", volume.pool, volume.name)

    def base_of(self, volume: Volume) -> str | None:
        """Return the path of the volume that this one is an overlay of."""
        described = _told("virsh", "-c", self.uri, "vol-dumpxml", "--pool", volume.pool, volume.name)
        found = re.search(r"<backingStore>.*?<path>([^<]*)</path>", described, re.DOTALL)
        return found[1] if found else None

    def version(self) -> str:
        """Return what the daemon says of itself: "Running hypervisor: QEMU 7.2.22"."""
        lines = _told("virsh", "-c", self.uri, "version").splitlines()
        return next((line for line in lines if line.startswith("Running hypervisor")), lines[-1] if lines else "it says nothing")

    def _names(self, *arguments: str) -> tuple[str, ...]:
        return tuple(line.strip() for line in _told("virsh", "-c", self.uri, *arguments).splitlines() if line.strip())

    def _volumes(self, pool: str) -> list[Volume]:
        """Read vol-list: two lines of heading, then name and path; those with a space in the name are not ours."""
        rows = (line.split() for line in _told("virsh", "-c", self.uri, "vol-list", "--pool", pool).splitlines()[2:])
        return [Volume(pool=pool, name=row[0], path=row[1]) for row in rows if len(row) == 2]

    def _remove(self, *arguments: str) -> None:
        _told("virsh", "-c", self.uri, *arguments, gone=True)


class VirtualBox:
    """VirtualBox of this user. The lab's networks there are internal ones, which exist only while a machine uses them."""

    name = "VirtualBox"

    @property
    def objection(self) -> str:
        """Why it cannot be asked; empty: VBoxManage is installed."""
        return "" if shutil.which("VBoxManage") else "VBoxManage is not installed"

    def look(self) -> Inventory:
        """List the machines: `"name" {uuid}`."""
        return Inventory(machines=tuple(re.findall(r'^"(.*)" \{[^}]*\}$', _told("VBoxManage", "list", "vms"), re.MULTILINE)))

    def remove_machine(self, name: str) -> None:
        """Pull its plug and delete it with its disks."""
        _told("VBoxManage", "controlvm", name, "poweroff", gone=True)
        _told("VBoxManage", "unregistervm", name, "--delete", gone=True)

    def remove_network(self, name: str) -> None:
        """Do nothing: there are none of that name."""

    def remove_volume(self, volume: Volume) -> None:
        """Do nothing: disks go with their machine."""


def _told(*command: str, gone: bool = False) -> str:
    """Return what a program prints. With `gone`, what is not there is no failure.

    Raises:
        HostError: it is missing, or cannot reach its daemon.
        InfrastructureError: it refuses, or does not answer in time.
    """
    line = f"`{' '.join(command)}`"
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                              env={**os.environ, "LC_ALL": "C.UTF-8"}, timeout=Deadline(budgets.VAGRANT_CALL).budget)
    except FileNotFoundError as error:
        raise HostError(f"{command[0]} is not installed", hint="apt install libvirt-clients") from error
    except subprocess.TimeoutExpired as error:
        raise InfrastructureError(f"{line} has not answered after {error.timeout:.0f} s", hint="systemctl status libvirtd") from error
    if done.returncode == 0 or (gone and GONE.search(done.stderr)):
        return done.stdout
    if "failed to connect to the hypervisor" in done.stderr:
        refused = "denied" in done.stderr or "authentication" in done.stderr
        what, hint = ("refuses this user", 'adduser "$USER" libvirt, then log in anew') if refused else (
            "cannot be reached", "apt install libvirt-daemon-system; systemctl start libvirtd")
        raise HostError(f"libvirt's daemon {what} at {command[2]}", evidence=done.stderr, hint=hint)
    raise InfrastructureError(f"{line} failed with exit code {done.returncode}", evidence=done.stderr, hint="`lab reap` tries again")
