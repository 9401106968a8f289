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
from dataclasses import replace
from pathlib import Path

from lab import budgets
from lab.backends.base import CapturePoint, Host, Machine, Progress, SSHEndpoint, WinRMEndpoint, quiet
from lab.backends.machines import capture_points, hosts_on, own_side
from lab.backends.vagrant import runs
from lab.backends.vagrant.command import Vagrant
from lab.backends.vagrant.management import free_subnet
from lab.backends.vagrant.virtualization import Driver, driver
from lab.box.boxes import ensure_boxes
from lab.errors import ConfigError, InfrastructureError, LabBusy, LabError
from lab.secrets import Secret, write_private
from lab.topology import VARIABLE as TOPOLOGY
from lab.topology import Topology
from lab.waiting import Deadline

PROJECT = Path(__file__).parents[3]
"""Has the Vagrantfile."""
SERVER_BOX, LINUX_BOX, PROVIDER = "LAB_SERVER_BOX", "LAB_LINUX_BOX", "LAB_PROVIDER"
KEPT = "kept"
"""Name of the snapshot to which `restore` goes back."""
HTTPS = 5986
WAYS = "ways.json"
"""File of a run: how each machine is reached."""
PACE: Mapping[Driver, float] = {"kvm": 2.0, "qemu": 4.0}
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
        """As fast as the processor that the machines get."""
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
        if self._detached and (other := _detached()):
            raise LabBusy(f"a lab is up already: {other.name}", hint="`lab down --lab vagrant` ends it")
        began = time.monotonic()
        self._run = runs.runs_folder() / runs.new_name()
        try:
            self._own(self._run)
            runs.write_record(self._run, runs.Record(detached=False, since=self.since))  # until it is up, a killed `lab up` is left over
            self._write_settings()
            vagrant = self._vagrant()
            vagrant.version()
            self._add_boxes(vagrant)
            vagrant = self._vagrant()  # which now knows the boxes
            self.progress(f"{self.run_name}: vagrant up, {'by hardware' if driver() == 'kvm' else 'emulated: a minute or two'}")
            vagrant.up([], provider=_provider())
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
        lab._run, lab._joined, lab.since = folder, True, runs.read_record(folder).since
        lab._load_ways()
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
        for name, host in self._hosts.items():
            address, port = _port_of(host)
            try:
                socket.create_connection((address, port), Deadline(budgets.MACHINE_ANSWERS).budget).close()
            except OSError as error:
                return InfrastructureError(f"{name} does not answer at {address}:{port}: {error}", hint=f"the log of Vagrant: {self._log}")
        return None

    def down(self) -> None:
        """Destroy the machines and forget the run, unless it was joined."""
        if self._joined:
            self._ownership.close()
        elif self._run is not None:
            self.end_joined()

    def end_joined(self) -> None:
        """Destroy the machines and forget the run (`lab down`). A failure is told: `lab reap` finishes it."""
        run = self.state
        try:
            if (run / ".vagrant").exists():
                self._vagrant().destroy()
            shutil.rmtree(run)
        except LabError as error:
            self.progress(f"{run.name} could not be destroyed whole: {error.message}; `lab reap` finishes it")
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
        vagrant.up([self.topology.server.name], provider=_provider())
        self._find_ways(vagrant)

    # -- parts --------------------------------------------------------------------------------------------------------

    @property
    def _log(self) -> Path:
        return self.log_folder / f"{self.run_name}.vagrant.log"

    def _own(self, run: Path) -> None:
        if not self._ownership.enter_context(runs.owned(run)):
            raise LabBusy(f"the lab {run.name} is in use by another process", hint="wait for it, or `pytest --fresh`")

    def _vagrant(self) -> Vagrant:
        environment = json.loads((self.state / "settings.json").read_text())
        return Vagrant(PROJECT, environment=environment, log=self._log, progress=self.progress)

    def _write_settings(self) -> None:
        """Decide once what the Vagrantfile is told: every later call of this run must see the same."""
        settings = {"LAB_PREFIX": self.run_name, "LAB_LIBVIRT_DRIVER": driver(), "LAB_MANAGEMENT": str(free_subnet()),
                    "VAGRANT_DOTFILE_PATH": str(self.state / ".vagrant")}
        settings |= {name: os.environ[name] for name in (TOPOLOGY, SERVER_BOX, LINUX_BOX, "LAB_SERVER_MEMORY", "LAB_SERVER_COMMUNICATOR")
                     if name in os.environ}
        write_private(self.state / "settings.json", json.dumps(settings, indent=1))

    def _add_boxes(self, vagrant: Vagrant) -> None:
        """Build and add the stand-in boxes, as far as no others are wanted."""
        settings = json.loads((self.state / "settings.json").read_text())
        wanted = {variable: variant for variable, variant in ((SERVER_BOX, "twin"), (LINUX_BOX, "linux")) if variable not in settings}
        if not wanted:
            return
        boxes = ensure_boxes(self.progress)
        there = {box.name for box in vagrant.boxes()}
        for variable, variant in wanted.items():
            box = boxes[variant]
            if box.name not in there:
                self.progress(f"vagrant box add {box.name}")
                vagrant.add_box(box.name, box.path, "libvirt")
            settings[variable] = box.name
        write_private(self.state / "settings.json", json.dumps(settings, indent=1))

    def _find_ways(self, vagrant: Vagrant) -> None:
        """Ask Vagrant how each machine is reached, and write it down for those who join."""
        ways: dict[str, dict[str, object]] = {}
        for name in self.topology.machines:
            if name == self.topology.server.name:
                winrm = vagrant.winrm_config(name)
                ways[name] = {"address": winrm.address, "port": winrm.port, "user": winrm.user, "password": winrm.password.reveal()}
            else:
                ssh = vagrant.ssh_config(name)
                ways[name] = {"address": ssh.address, "port": ssh.port, "user": ssh.user, "key_file": str(ssh.key_file)}
        write_private(self.state / WAYS, json.dumps(ways, indent=1))
        self._load_ways()

    def _load_ways(self) -> None:
        for name, way in json.loads((self.state / WAYS).read_text()).items():
            carried = tuple(plan.name for plan in self.topology.machines[name])
            port = int(str(way["port"]))
            if "password" in way:
                secure = port == HTTPS
                winrm = WinRMEndpoint(address=str(way["address"]), http_port=None if secure else port, https_port=port if secure else None,
                                      user=str(way["user"]), password=Secret(str(way["password"])), ca_file=None)
                hosts: Mapping[str, Host] = {name: Host(name=name, winrm=winrm)}
            else:
                endpoint = SSHEndpoint(address=str(way["address"]), port=port, user=str(way["user"]), key_file=Path(str(way["key_file"])), host_key="")
                hosts = hosts_on(name, endpoint, self.topology)
            self._hosts |= hosts
            itself = hosts[name] if name == self.topology.server.name else replace(hosts[own_side(name)], name=name)
            self._machines[name] = Machine(name=name, way=itself, hosts=carried, adapters=self.topology.adapters(name))


def _provider() -> str:
    return os.environ.get(PROVIDER, "libvirt")


def _detached() -> Path | None:
    """Return the folder of the run that `lab up` left running."""
    return next((folder for folder in runs.all_runs() if runs.read_record(folder).detached), None)


def _port_of(host: Host) -> tuple[str, int]:
    if host.winrm:
        return host.winrm.address, host.winrm.http_port or host.winrm.https_port or HTTPS
    assert host.ssh is not None
    return host.ssh.address, host.ssh.port
