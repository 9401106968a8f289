"""The embedded lab: hosts as namespaces of one User-Mode-Linux guest, the server as a twin of Windows 10.

`EmbeddedLab(...).up()` boots a guest of its own and ends it with `down()`; with `detached` the guest outlives this process
(`lab up`). `EmbeddedLab.running()` finds such a guest, to join it.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lab import budgets, rundir
from lab.backends.base import CapturePoint, Host, Machine, SSHEndpoint, WinRMEndpoint
from lab.embedded import runs
from lab.embedded.image.cache import cache_root, ensure_image, verify
from lab.embedded.share import RunKeys, keep_bytecode, make_share
from lab.embedded.time_control import GuestTime
from lab.embedded.uml.confine import landlock_version
from lab.embedded.uml.cpus import free_cpu
from lab.embedded.uml.kernel import command_line
from lab.embedded.uml.plan import Forward, Plan
from lab.embedded.uml.ptrace import ptrace_problem
from lab.errors import ConfigError, GuestDied, HostError, InfrastructureError, LabBusy
from lab.pki import winrm_identity
from lab.progress import Progress, quiet
from lab.secrets import Secret, write_private
from lab.topology import Role, Topology
from lab.waiting import Deadline


class EmbeddedLab:
    """One guest; keeps the Lab protocol of `lab.backends.base`."""

    name = "embedded"
    capabilities = frozenset({"inversion", "capture", "name-service", "time-control", "l2tp", "eap", "nat", "lan-dhcp"})
    machines: Sequence[Machine] = ()
    state: Path | None = None
    pace = 1.0

    def __init__(
        self, topology: Topology, *, log_folder: Path, worker: int = 0, detached: bool = False, progress: Progress = quiet
    ) -> None:
        """Describe the lab; `up` makes it.

        Args:
            topology: hosts and networks.
            log_folder: where the console is kept; survives the run.
            worker: number of the pytest worker; each guest is pinned to a CPU of its own where there are enough.
            detached: leave the guest running when this process ends.
            progress: told one line per phase.
        """
        self.topology, self.log_folder, self.progress = topology, log_folder, progress
        self._worker, self._detached = worker, detached
        self._run: runs.Run | None = None
        self._joined = False
        self.clock = GuestTime(lambda: self.run)
        """The guest's clock; moved, it makes a guest that is to be replaced."""
        self.since = time.time()
        """When it was brought up, seconds since the epoch."""
        self._hosts: dict[str, Host] = {}

    @property
    def capture_points(self) -> Sequence[CapturePoint]:
        """The bridges of the guest's root namespaces, which are nobody's interface."""
        return [CapturePoint(network=name, host="observer", interface=f"br-{name}") for name in self.topology.networks]

    @property
    def run(self) -> runs.Run:
        """The guest. Raises ConfigError before `up`."""
        if self._run is None:
            raise ConfigError("the lab must be up for this, is down", hint="lab up")
        return self._run

    @property
    def run_name(self) -> str:
        """The run id. Raises ConfigError before `up`."""
        return self.run.folder.name

    @property
    def is_alive(self) -> bool:
        """Whether the guest runs, as far as is known here."""
        return self._run is not None and self._run.is_alive

    @property
    def joined(self) -> bool:
        """Whether the guest was there before us, and stays."""
        return self._joined

    # -- up and down --------------------------------------------------------------------------------------------------

    def up(self) -> Mapping[str, Host]:
        """Boot the guest. Whatever goes wrong, nothing is left behind.

        Raises:
            HostError: this machine lacks something, or the cached image is corrupt.
            GuestDied, BootTimeout: the guest did not come up; with its last console lines.
            LabBusy: a detached lab is up already, or a port was taken in the moment after it was chosen.
        """
        for name in runs.sweep():
            self.progress(f"removed {name}, left behind by a killed supervisor")
        if self._detached and (other := runs.detached()):
            raise LabBusy(f"a lab is up already: {other.name}", hint="`lab down` ends it; `lab status` describes it")
        self._look_at_machine()
        image = ensure_image(self.progress)
        began = time.monotonic()
        folder = runs.new_run()
        self._run = runs.Run(folder=folder)
        try:
            self._run.launch()
            identity = winrm_identity()
            self._run.await_folder()
            keys = make_share(folder, self.topology, identity)
            ports = iter(runs.free_ports(len(self.topology.hosts) + 1))  # the server has two
            self._hosts = self._endpoints(keys, ports)
            self.log_folder.mkdir(parents=True, exist_ok=True)
            logs = self.log_folder.absolute() / folder.name  # the supervisor runs elsewhere
            plan: Plan = {
                "image": str(image.folder.absolute()), "cpu": free_cpu(self._worker), "silence": Deadline(budgets.HEARTBEAT).budget,
                "boot": Deadline(budgets.BOOT).budget, "detached": self._detached,
                "log": f"{logs}.console.log", "daemons": f"{logs}.daemons.log",
                "kernel": command_line(run=folder, share=folder / "share", root=image.root.absolute()), "forwards": self._forwards(),
            }
            self._save()  # first: a detached guest must be found even if this process ends now
            self._run.begin(plan)
            self._run.wait_ready()
            keep_bytecode(folder)
        except GuestDied as death:
            self.down()
            if problem := verify(image):
                remedy = "`lab image build --verify` builds it again"
                raise HostError(f"the cached image is corrupt: {problem}", evidence=str(death), hint=remedy) from death
            raise
        except BaseException:
            self.down()
            raise
        self.progress(f"{folder.name} is up after {time.monotonic() - began:.1f} s")
        return self._hosts

    @classmethod
    def running(cls, topology: Topology, *, log_folder: Path) -> EmbeddedLab | None:
        """Return the lab that `lab up` left running, joined; None if there is none."""
        runs.sweep()
        folder = runs.detached()
        if folder is None:
            return None
        lab = cls(topology, log_folder=log_folder)
        lab._run, lab._joined = runs.Run(folder=folder), True
        saved = json.loads((folder / "lab.json").read_text())
        lab._hosts, lab.since = _hosts_from(saved["hosts"]), float(saved["since"])
        return lab

    def start(self, name: str) -> Host:
        """Return a host, starting its daemons if it starts on demand."""
        if name not in self._hosts:
            raise ConfigError(f"the topology has no host {name!r}", hint=f"it has {', '.join(self._hosts)}")
        if self.topology.hosts[name].start.value == "on-demand":
            self.run.request(op="start", host=name)
        return self._hosts[name]

    def started(self) -> frozenset[str]:
        """Return the names of the hosts whose daemons run."""
        answer = self.run.request(op="started")["ok"]
        assert isinstance(answer, list)
        return frozenset(answer)

    def death(self) -> InfrastructureError | None:
        """Return the error that tells why the guest is gone; None if it lives. Whatever failed since then has this cause."""
        return self.run.death() if self._run is not None and not self._run.is_alive else None

    def reset(self) -> None:
        """Make the twin's Windows as new; end what the previous user of a joined lab left."""
        self.run.request(op="twin", request={"op": "reset"})

    def invert(self, behaviours: Sequence[str], *, strangers: Sequence[str] = ()) -> None:
        """Reset the twin and invert these behaviours of `lab/twin/fidelity.yaml`; none of them: an ordinary twin again.

        Args:
            behaviours: ids of the ledger's entries.
            strangers: roots (PEM) for the twin that trusts whom it does not know.
        """
        self.run.request(op="twin", request={"op": "invert", "ids": list(behaviours), "strangers": list(strangers)})

    def down(self) -> None:
        """End the guest, unless it was joined."""
        if self._run is not None and not self._joined:
            self._run.end()
            self._run = None

    def end_joined(self) -> None:
        """End a lab that `lab up` left running (`lab down`)."""
        self.run.end()
        self._run = None

    @property
    def hosts(self) -> Mapping[str, Host]:
        """All hosts by name."""
        return self._hosts

    # -- parts --------------------------------------------------------------------------------------------------------

    def _look_at_machine(self) -> None:
        """Look at what is quickly seen and, missing, would only show as a guest that does not come up. Raises HostError."""
        if shutil.which("slirp4netns") is None:
            raise HostError("slirp4netns is not installed; it is the guest's way in", hint="apt install slirp4netns, or `make setup`")
        if problem := ptrace_problem():
            raise HostError(problem, hint="`lab doctor` checks this machine")
        for passed_over in rundir.passed_over():
            self.progress(f"not in {passed_over.folder}, which {passed_over.objection}: the run is in {runs.base()}")
        if not landlock_version():
            self.progress("this machine's kernel has no Landlock: in the guest, root could read files of this machine by way of hostfs")

    def _endpoints(self, keys: RunKeys, ports: Iterable[int]) -> dict[str, Host]:
        free = iter(ports)
        hosts = {}
        for host in self.topology.hosts.values():
            if host.role is Role.SERVER:
                hosts[host.name] = Host(name=host.name, winrm=WinRMEndpoint(
                    address="127.0.0.1", http_port=next(free), https_port=next(free), user=keys.user, password=keys.password,
                    ca_file=keys.winrm_ca))
            else:
                hosts[host.name] = Host(name=host.name, ssh=SSHEndpoint(
                    address="127.0.0.1", port=next(free), user="root", key_file=keys.client_key,
                    host_key=keys.host_keys[host.name]))
        return hosts

    def _forwards(self) -> list[Forward]:
        forwards: list[Forward] = []
        for host in self._hosts.values():
            inside = str(self.topology.hosts[host.name].address("mgmt"))
            pairs = []
            if host.ssh:
                pairs = [(host.ssh.port, 22)]
            elif host.winrm and host.winrm.http_port and host.winrm.https_port:
                pairs = [(host.winrm.http_port, 5985), (host.winrm.https_port, 5986)]
            forwards += [Forward(host_port=outer, guest_address=inside, guest_port=inner) for outer, inner in pairs]
        return forwards

    def _save(self) -> None:
        described = {
            name: {
                "ssh": host.ssh and {"port": host.ssh.port, "key_file": str(host.ssh.key_file), "host_key": host.ssh.host_key},
                "winrm": host.winrm and {
                    "http_port": host.winrm.http_port, "https_port": host.winrm.https_port, "user": host.winrm.user,
                    "password": host.winrm.password.reveal(), "ca_file": str(host.winrm.ca_file)},
            }
            for name, host in self._hosts.items()
        }
        facts = {"detached": self._detached, "hosts": described, "since": self.since}
        write_private(self.run.folder / "lab.json", json.dumps(facts))


def _hosts_from(saved: Mapping[str, Mapping[str, dict[str, object]]]) -> dict[str, Host]:
    hosts = {}
    for name, ways in saved.items():
        ssh, winrm = ways.get("ssh"), ways.get("winrm")
        hosts[name] = Host(
            name=name,
            ssh=SSHEndpoint(address="127.0.0.1", port=int(str(ssh["port"])), user="root", key_file=Path(str(ssh["key_file"])),
                            host_key=str(ssh["host_key"])) if ssh else None,
            winrm=WinRMEndpoint(address="127.0.0.1", http_port=int(str(winrm["http_port"])),
                                https_port=int(str(winrm["https_port"])), user=str(winrm["user"]),
                                password=Secret(str(winrm["password"])), ca_file=Path(str(winrm["ca_file"]))) if winrm else None,
        )
    return hosts


def log_folder() -> Path:
    """Return where `lab up` keeps the consoles of its guests."""
    return cache_root() / "logs"
