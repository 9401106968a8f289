"""Removes what killed runs left: machines, networks, disks, folders.

Rules: a run is left over when nobody holds its lock and it is not detached, or is detached and older than asked for. Everything is
listed first, matched by its whole name, and removed by that name. A Vagrant that outlived its owner is ended first, and what it made
until then is listed anew. A run's folder goes last, so that whoever fails half-way can be called again. What has a run's name but no folder here may be another user's (or of another LAB_STATE): it is told apart.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from lab import budgets
from lab.backends.vagrant import runs
from lab.backends.vagrant.command import Vagrant
from lab.backends.vagrant.hypervisors import Hypervisor, Inventory, Libvirt, VirtualBox, Volume
from lab.embedded.uml.groups import kill_group
from lab.errors import HostError, InfrastructureError, LabError
from lab.progress import Progress, quiet
from lab.waiting import Deadline, wait_until

_T = TypeVar("_T")

BASE_VOLUME = re.compile(r"(?P<box>incoming-connections-.+?)_vagrant_box_image_(?P<version>[^_]+(?:_\d+)?)_.+")
"""A box's disk in the pool, of which machines' disks are overlays: vagrant-libvirt's name for it, and only of our boxes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What was left under one name."""

    name: str
    """The run, or the base volume of a box."""
    why: str
    folder: Path | None = None
    machines: tuple[tuple[str, str], ...] = ()
    """Hypervisor and name."""
    networks: tuple[tuple[str, str], ...] = ()
    volumes: tuple[Volume, ...] = ()
    doubtful: bool = False
    """Nothing shows that it is ours but its name."""

    @property
    def contents(self) -> str:
        """What it consists of, for people."""
        parts = [*(name for _, name in self.machines), *(name for _, name in self.networks), *(volume.name for volume in self.volumes)]
        return ", ".join(parts + [str(self.folder)] * (self.folder is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All that was found."""

    leftovers: tuple[Leftover, ...]
    remarks: tuple[str, ...]
    """What could not be looked at, and why."""


@dataclass(slots=True)
class _Things:
    """What the hypervisors have of one run."""

    machines: list[tuple[str, str]] = field(default_factory=list)
    networks: list[tuple[str, str]] = field(default_factory=list)
    volumes: list[Volume] = field(default_factory=list)


def hypervisors() -> tuple[Hypervisor, ...]:
    """Return those that the lab can use."""
    return (Libvirt(), VirtualBox())


def leftovers(older_than: float | None = None) -> list[Leftover]:
    """Return what was left; detached runs too if they are older than so many seconds. Raises HostError for the state folder."""
    return list(survey(older_than).leftovers)


def survey(older_than: float | None = None) -> Survey:
    """Look at folders and hypervisors. Raises HostError when the state folder cannot be used."""
    seen, remarks = _look()
    things = _by_run(seen)
    found: list[Leftover] = []
    folders = {folder.name: folder for folder in runs.all_runs()}
    for name in sorted(folders.keys() | things.keys()):
        of_it, folder = things.get(name, _Things()), folders.get(name)
        why = _why(folder, older_than) if folder else f"it has no folder in {runs.runs_folder()}"
        if why:
            found.append(Leftover(name=name, why=why, folder=folder, machines=tuple(of_it.machines), networks=tuple(of_it.networks),
                                  volumes=tuple(of_it.volumes), doubtful=folder is None))
    if "libvirt" in seen:
        try:
            found += _base_volumes(seen["libvirt"].volumes)
        except LabError as error:
            remarks.append(f"volumes of boxes were not looked at: {error.message}")
    return Survey(leftovers=tuple(found), remarks=tuple(remarks))


def _look() -> tuple[dict[str, Inventory], list[str]]:
    seen: dict[str, Inventory] = {}
    remarks: list[str] = []
    for hypervisor in hypervisors():
        if hypervisor.objection:
            remarks.append(f"{hypervisor.name} was not looked at: {hypervisor.objection}")
            continue
        try:
            seen[hypervisor.name] = hypervisor.look()
        except (HostError, InfrastructureError) as error:
            remarks.append(f"{hypervisor.name} was not looked at: {error.message}")
    return seen, remarks


def _by_run(seen: dict[str, Inventory]) -> dict[str, _Things]:
    things: dict[str, _Things] = {}
    for hypervisor, inventory in seen.items():
        for machine in inventory.machines:
            if run := runs.run_of(machine):
                things.setdefault(run, _Things()).machines.append((hypervisor, machine))
        for network in inventory.networks:
            if run := runs.run_of(network):
                things.setdefault(run, _Things()).networks.append((hypervisor, network))
        for volume in inventory.volumes:
            if run := runs.run_of(volume.name):
                things.setdefault(run, _Things()).volumes.append(volume)
    return things


def _why(folder: Path, older_than: float | None) -> str:
    """Return why a run is left over; empty: it is not."""
    if runs.is_owned(folder):
        return ""
    record = runs.read_record(folder)
    if not record.detached:
        return "the process that owned it is gone"
    age = time.time() - record.since
    return f"`lab up` left it {age / 3600:.1f} h ago" if older_than is not None and age > older_than else ""


def _base_volumes(volumes: Sequence[Volume]) -> list[Leftover]:
    """Return the disks of our boxes that are no longer added, and on which no machine's disk depends."""
    candidates = [volume for volume in volumes if BASE_VOLUME.fullmatch(volume.name)]
    if not candidates:
        return []
    added = {(box.name, box.version) for box in _vagrant(quiet).boxes() if box.provider == "libvirt"}
    stale = [volume for volume in candidates if not _is_added(volume, candidates, added)]
    libvirt = Libvirt()
    needed = {libvirt.base_of(volume) for volume in volumes if volume not in candidates} if stale else set()
    return [Leftover(name=volume.name, why="its box is no longer added", volumes=(volume,)) for volume in stale if volume.path not in needed]


def _is_added(volume: Volume, others: Iterable[Volume], added: Iterable[tuple[str, str]]) -> bool:
    """Compare with the boxes; version 0 (added from a file) has the time of that file, as 0_1795598685, and the newest is it."""
    box, version = _of_box(volume)
    same = [_of_box(other)[1] for other in others if _of_box(other)[0] == box]
    is_newest = version == max(same, key=lambda one: int(one.partition("_")[2] or 0))
    return (box, version.partition("_")[0]) in added and (is_newest or "_" not in version)


def _of_box(volume: Volume) -> tuple[str, str]:
    found = BASE_VOLUME.fullmatch(volume.name)
    assert found is not None
    return found["box"].replace("-VAGRANTSLASH-", "/"), found["version"]


def reap(leftover: Leftover, progress: Progress = quiet) -> None:
    """Remove it, by exact names.

    Raises:
        HostError, InfrastructureError: a hypervisor refuses, or cannot be asked although the run has machines there.
    """
    if leftover.folder is None:
        _remove_things(leftover, progress)
        return
    with runs.owned(leftover.folder) as ours:
        if not ours:
            progress(f"{leftover.name}: somebody has taken it up again")
            return
        _end_vagrant_of(leftover.folder)
        _remove_things(_seen_now(leftover), progress)
        _leave_if_machines_remain(leftover)
        _prune(progress)  # before the folder goes: Vagrant looks for each machine in its folder, and makes the folder anew for that
        try:
            shutil.rmtree(leftover.folder)
        except OSError as error:
            raise InfrastructureError(f"{leftover.name}: its folder cannot be removed: {error}", hint="remove it, then `lab reap` again") from error
    progress(f"{leftover.name}: removed its folder")


def _seen_now(leftover: Leftover) -> Leftover:
    """Look again: between the survey and its end a Vagrant may have made more. Where nobody can be asked, what was seen counts."""
    things = _by_run(_look()[0]).get(leftover.name, _Things())
    return replace(leftover, machines=_joined(leftover.machines, things.machines), networks=_joined(leftover.networks, things.networks),
                   volumes=_joined(leftover.volumes, things.volumes))


def _joined(seen: Iterable[_T], now: Iterable[_T]) -> tuple[_T, ...]:
    """Return both, each once; to remove what is gone already does no harm."""
    return tuple(dict.fromkeys((*seen, *now)))


def _remove_things(leftover: Leftover, progress: Progress) -> None:
    by_name = {hypervisor.name: hypervisor for hypervisor in hypervisors()}
    for hypervisor, machine in leftover.machines:
        by_name[hypervisor].remove_machine(machine)
        progress(f"{leftover.name}: removed the machine {machine}")
    for volume in leftover.volumes:
        by_name[Libvirt.name].remove_volume(volume)
        progress(f"{leftover.name}: removed the volume {volume.name}")
    for hypervisor, network in leftover.networks:
        by_name[hypervisor].remove_network(network)
        progress(f"{leftover.name}: removed the network {network}")


def _leave_if_machines_remain(leftover: Leftover) -> None:
    """Keep the folder, the only trace of machines that their hypervisor could not be asked about."""
    assert leftover.folder is not None
    made_by = {path.parent.name for path in leftover.folder.glob("**/machines/*/*/id")}
    for hypervisor in hypervisors():
        if hypervisor.name.lower() not in made_by:
            continue
        if hypervisor.objection:
            raise HostError(f"{leftover.name} has machines of {hypervisor.name}, which cannot be asked: {hypervisor.objection}",
                            hint="install it, then `lab reap`")
        if still := [machine for machine in hypervisor.look().machines if runs.run_of(machine) == leftover.name]:
            raise InfrastructureError(f"{leftover.name} still has {', '.join(still)}", hint="`lab reap` looks again")


def _end_vagrant_of(folder: Path) -> None:
    """End a Vagrant that outlived the run's owner, and wait for its end: until then it writes into the folder.

    Raises InfrastructureError when it outlives SIGKILL, as a process that hangs in the kernel does.
    """
    for process in (found := _vagrants_of(folder)):
        kill_group(process)
    wait_until(lambda: not _vagrants_of(folder), Deadline(budgets.APPEAR), lambda: InfrastructureError(
        f"Vagrant of {folder.name} (process {', '.join(map(str, found))}) does not end", hint="`lab reap` once it is gone"))


def _vagrants_of(folder: Path) -> list[int]:
    """Return each process of Vagrant whose working folder or environment names the run's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and int(entry.name) != os.getpid() and _is_vagrant_of(entry, folder):
                found.append(int(entry.name))
    return found


def _is_vagrant_of(process: Path, folder: Path) -> bool:
    program = (process / "cmdline").read_bytes().split(b"\0")[:2]  # Ruby and the script, or the program itself
    if b"vagrant" not in {name.rpartition(b"/")[2] for name in program}:
        return False
    return os.fsencode(folder) in (process / "environ").read_bytes() or (process / "cwd").readlink().is_relative_to(folder)


def _vagrant(progress: Progress) -> Vagrant:
    folder = runs.runs_folder()
    return Vagrant(folder, environment={}, log=folder / "reap.log", progress=progress)


def _prune(progress: Progress) -> None:
    """Make Vagrant forget machines that are gone."""
    try:
        _vagrant(progress).forget_gone()
    except LabError as error:
        progress(f"vagrant's own list was not tidied: {error.message}")
