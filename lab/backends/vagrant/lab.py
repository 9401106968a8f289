"""The vagrant lab: virtual machines from the project's Vagrantfile, one run of it in one folder under one name.

The server is whatever its box is: a Windows 10 (LAB_SERVER_BOX), or by default the stand-in that `lab box build` makes, on which the
twin runs. Everything inside the machines is the suite's own first step (`lab.prepare`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import budgets
from lab.backends.base import CapturePoint, Host, Machine
from lab.backends.machines import capture_points
from lab.backends.vagrant import runs, ways
from lab.backends.vagrant.command import Vagrant
from lab.backends.vagrant.management import free_subnet
from lab.backends.vagrant.virtualization import VARIABLE as DRIVER
from lab.backends.vagrant.virtualization import driver
from lab.box.boxes import ensure_boxes
from lab.errors import ConfigError, InfrastructureError, LabBusy, LabError
from lab.progress import Progress, quiet
from lab.secrets import write_private
from lab.topology import VARIABLE as TOPOLOGY
from lab.topology import Topology
from lab.waiting import Deadline

PROJECT = Path(__file__).parents[3]
"""Has the Vagrantfile."""
SERVER_BOX, LINUX_BOX, PROVIDER = "LAB_SERVER_BOX", "LAB_LINUX_BOX", "LAB_PROVIDER"
KEPT = "kept"
"""Name of the snapshot to which `restore` goes back."""
SETTINGS = "settings.json"
"""File of a run: what the Vagrantfile is told."""
STAND_IN_PROVIDER = "libvirt"
"""For which `lab box build` makes boxes; the default of LAB_PROVIDER too."""
PACE: Mapping[str, float] = {"kvm": 2.0, "qemu": 4.0}
"""Measured with the stand-in: a scenario takes about four times as long on an emulated processor as in the embedded lab."""


class VagrantLab:
    """Virtual machines under one run id; keeps the protocols Lab and Restorable of `lab.backends.base`."""

    name = "vagrant"
    capabilities = frozenset({"capture", "name-service", "snapshot"})

    def __init__(self, topology: Topology, *, log_folder: Path, detached: bool = False, progress: Progress = quiet) -> None:
        """Describe the lab; `up` makes it.

        Args:
            topology: hosts and networks; the Vagrantfile reads the same file.
            log_folder: where Vagrant's own words are kept.
            detached: leave the machines running when this process ends.
            progress: told one line per phase.
        """
        self.topology, self.log_folder, self.progress = topology, log_folder, progress
        self._detached, self._joined = detached, False
        self._run: Path | None = None
        self._ownership = contextlib.ExitStack()
        self._machines: dict[str, Machine] = {}
        self._hosts: dict[str, Host] = {}
        self.since = time.time()
        """When it was brought up, seconds since the epoch."""

    # -- the protocol -------------------------------------------------------------------------------------------------

    @property
    def capture_points(self) -> Sequence[CapturePoint]:
        """The bridges on the machines, which are nobody's interface."""
        return capture_points(self.topology)

    @property
    def machines(self) -> Sequence[Machine]:
        """All of them."""
        return list(self._machines.values())

    @property
    def state(self) -> Path:
        """The run's folder. Raises ConfigError before `up`."""
        if self._run is None:
            raise ConfigError("the lab must be up for this, is down", hint="lab up --lab vagrant")
        return self._run

    @property
    def run_name(self) -> str:
        """The run id, with which every name begins."""
        return self.state.name

    @property
    def pace(self) -> float:
        """As fast as the processor that the machines get, or were given when the run was made."""
        if self._run is not None and (self._run / SETTINGS).exists():
            return PACE[self._settings()[DRIVER]]
        return PACE[driver()]

    @property
    def hosts(self) -> Mapping[str, Host]:
        """All hosts by name, and every machine's own side."""
        return self._hosts

    @property
    def joined(self) -> bool:
        """Whether it was up before us, and stays."""
        return self._joined

    def up(self) -> Mapping[str, Host]:
        """Make and start the machines. Whatever goes wrong, nothing is left behind.

        Raises:
            HostError: Vagrant, its provider or something else is missing here.
            LabBusy: a detached lab is up already.
            BootTimeout, InfrastructureError: a machine did not come up; with Vagrant's last words.
        """
        if not self._detached:
            return self._make()
        with runs.alone() as alone:
            if not alone:
                raise LabBusy("another `lab up` brings virtual machines up", hint="wait for it: `lab status --lab vagrant`")
            if other := _detached():
                raise LabBusy(f"a lab is up already: {other.name}", hint="`lab down --lab vagrant` ends it")
            return self._make()

    def _make(self) -> Mapping[str, Host]:
        began = time.monotonic()
        self._run = runs.runs_folder() / runs.new_name()
        try:
            self._own(self._run, new=True)
            runs.write_record(self._run, runs.Record(detached=False, since=self.since))  # until it is up, a killed `lab up` is left over
            self._write_settings()
            vagrant = self._vagrant()
            vagrant.version()
            self._add_boxes(vagrant)
            vagrant = self._vagrant()  # which now knows the boxes
            self.progress(f"{self.run_name}: vagrant up, {'by hardware' if driver() == 'kvm' else 'emulated: a minute or two'}")
            vagrant.up([], provider=self._settings()[PROVIDER])
            self._find_ways(vagrant)
            runs.write_record(self._run, runs.Record(detached=self._detached, since=self.since))
        except BaseException:
            self.down()
            raise
        self.progress(f"{self.run_name} is up after {time.monotonic() - began:.0f} s")
        return self._hosts

    @classmethod
    def running(cls, topology: Topology, *, log_folder: Path) -> VagrantLab | None:
        """Return the lab that `lab up` left running, joined; None if there is none. Raises LabBusy if another process uses it."""
        folder = _detached()
        if folder is None:
            return None
        lab = cls(topology, log_folder=log_folder, detached=True)
        lab._own(folder)
        try:
            lab._run, lab._joined, lab.since = folder, True, runs.read_record(folder).since
            lab._load_ways()
        except BaseException:
            lab.down()
            raise
        return lab

    def start(self, name: str) -> Host:
        """Return a host; all run as soon as their machine is prepared. Raises ConfigError for an unknown name."""
        if name not in self._hosts:
            raise ConfigError(f"the lab has no host {name!r}", hint=f"it has {', '.join(self._hosts)}")
        return self._hosts[name]

    def started(self) -> frozenset[str]:
        """Return all hosts: each starts with its machine."""
        return frozenset(self._hosts)

    def reset(self) -> None:
        """Nothing: what a killed run left on the server is in its journal, and reverted from there."""

    def death(self) -> InfrastructureError | None:
        """Return what tells that a machine is gone: its port takes no connection any more. None while all do."""
        for name, machine in self._machines.items():
            address, port = _port_of(machine)
            try:
                socket.create_connection((address, port), Deadline(budgets.MACHINE_ANSWERS).budget).close()
            except OSError as error:
                return InfrastructureError(f"{name} does not answer at {address}:{port}: {error}", hint=f"the log of Vagrant: {self._log}")
        return None

    def down(self) -> None:
        """Destroy the machines and forget the run, unless it was joined. A failure is told: whatever led here is what is raised."""
        if self._joined:
            self._ownership.close()
        elif self._run is not None:
            try:
                self.end_joined()
            except LabError as error:
                self.progress(f"{error.message}; {error.hint}")

    def end_joined(self) -> None:
        """Destroy the machines and forget the run (`lab down`). Raises InfrastructureError: `lab reap` finishes it."""
        run = self.state
        try:
            if run.exists():
                runs.write_record(run, runs.Record(detached=False, since=self.since))  # what is left of it from now on is left over
                if (run / ".vagrant").exists():
                    self._vagrant().destroy()
                shutil.rmtree(run)
        except (LabError, OSError) as error:
            raise InfrastructureError(f"{run.name} could not be destroyed whole: {error.message if isinstance(error, LabError) else error}",
                                      hint="`lab reap` finishes it") from error
        finally:
            self._ownership.close()
            self._run, self._hosts, self._machines = None, {}, {}

    # -- Restorable ---------------------------------------------------------------------------------------------------

    def keep(self) -> None:
        """Save the server, memory and all."""
        self._vagrant().save_snapshot(self.topology.server.name, KEPT)

    def restore(self) -> None:
        """Put the server back to where it was saved. It answers a few seconds later, with the clock of then."""
        self._vagrant().restore_snapshot(self.topology.server.name, KEPT)

    def rebuild(self) -> None:
        """Make the server anew from its box."""
        vagrant = self._vagrant()
        vagrant.destroy([self.topology.server.name])
        vagrant.up([self.topology.server.name], provider=self._settings()[PROVIDER])
        self._find_ways(vagrant)

    # -- parts --------------------------------------------------------------------------------------------------------

    @property
    def _log(self) -> Path:
        return self.log_folder / f"{self.run_name}.vagrant.log"

    def _own(self, run: Path, *, new: bool = False) -> None:
        if not self._ownership.enter_context(runs.owned(run, new=new)):
            raise LabBusy(f"the lab {run.name} is in use by another process", hint="wait for it, or `pytest --fresh`")

    def _settings(self) -> dict[str, str]:
        """Return what the Vagrantfile is told."""
        settings: dict[str, str] = json.loads((self.state / SETTINGS).read_text())
        return settings

    def _vagrant(self) -> Vagrant:
        return Vagrant(PROJECT, environment=self._settings(), log=self._log, progress=self.progress)

    def _write_settings(self) -> None:
        """Decide once what the Vagrantfile is told: every later call of this run must see the same."""
        settings = {"LAB_PREFIX": self.run_name, DRIVER: driver(), "LAB_MANAGEMENT": str(free_subnet()),
                    PROVIDER: os.environ.get(PROVIDER, STAND_IN_PROVIDER), "VAGRANT_DOTFILE_PATH": str(self.state / ".vagrant")}
        settings |= {name: os.environ[name] for name in (TOPOLOGY, SERVER_BOX, LINUX_BOX, "LAB_SERVER_MEMORY", "LAB_SERVER_COMMUNICATOR")
                     if name in os.environ}
        write_private(self.state / SETTINGS, json.dumps(settings, indent=1))

    def _add_boxes(self, vagrant: Vagrant) -> None:
        """Build and add the stand-in boxes, as far as no others are wanted."""
        settings = self._settings()
        wanted = {variable: variant for variable, variant in ((SERVER_BOX, "twin"), (LINUX_BOX, "linux")) if variable not in settings}
        if not wanted:
            return
        if settings[PROVIDER] != STAND_IN_PROVIDER:
            raise ConfigError(f"the stand-in boxes are for {STAND_IN_PROVIDER}, {PROVIDER} is {settings[PROVIDER]!r}",
                              hint=f"name boxes of your own: {' and '.join(wanted)}")
        boxes = ensure_boxes(self.progress)
        there = {box.name for box in vagrant.boxes()}
        for variable, variant in wanted.items():
            box = boxes[variant]
            if box.name not in there:
                self.progress(f"vagrant box add {box.name}")
                vagrant.add_box(box.name, box.path, STAND_IN_PROVIDER)
            settings[variable] = box.name
        write_private(self.state / SETTINGS, json.dumps(settings, indent=1))

    def _find_ways(self, vagrant: Vagrant) -> None:
        """Ask Vagrant how each machine is reached, and write it down for those who join."""
        ways.write(self.state, ways.ask(vagrant, self.topology))
        self._load_ways()

    def _load_ways(self) -> None:
        for name, way in ways.read(self.state).items():
            self._machines[name], hosts = ways.machine(name, way, self.topology)
            self._hosts |= hosts


def _detached() -> Path | None:
    """Return the folder of the run that `lab up` left running."""
    return next((folder for folder in runs.all_runs() if runs.read_record(folder).detached), None)


def _port_of(machine: Machine) -> tuple[str, int]:
    if winrm := machine.way.winrm:
        return winrm.address, winrm.http_port or winrm.https_port or ways.HTTPS
    assert machine.way.ssh is not None
    return machine.way.ssh.address, machine.way.ssh.port
