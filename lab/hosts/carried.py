"""The hosts that this machine carries: made, wired, started, awaited."""

from __future__ import annotations

import os
import signal

from lab.hosts import daemons, namespaces, wires
from lab.wire.inotify import await_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.hosts.plan import HostPlan, Plan

READY_WITHIN = 45.0
"""Seconds for daemons to be ready; the other side gives up a little later, so that this error is the one that is seen."""
OBSERVER = wires.OBSERVER


class Carried:
    """All hosts, by name."""

    def __init__(self, plan: Plan, lower: str) -> None:
        self.plan = plan
        self._lower = lower
        self.pids: dict[str, int] = {}
        """Each host's first process."""
        self._go: dict[str, int] = {}
        self.started: set[str] = set()
        """Hosts that were started on demand."""

    def host(self, name: str) -> HostPlan:
        """Return a host of the plan. Raises StopIteration if there is none."""
        return next(host for host in self.plan["hosts"] if host["name"] == name)

    def make(self) -> None:
        """Fork them all, then wait for their roots. Raises RuntimeError for one that could not be made."""
        born = []
        os.makedirs(namespaces.ROOTS, exist_ok=True)
        for host in self.plan["hosts"]:
            if host["name"] != OBSERVER:
                process = daemons.FirstProcess(host, self.plan)
                pid, ready, go = namespaces.fork_host(host["name"], self._lower, process.run)
                self.pids[host["name"]], self._go[host["name"]] = pid, go
                born.append((host["name"], ready))
        for name, ready in born:
            said = os.read(ready, 4096)
            os.close(ready)
            if said != namespaces.READY:
                raise RuntimeError(f"the host {name} could not be made: {said.decode()}")

    def wire(self) -> None:
        """Make the networks, and let the hosts begin."""
        wires.connect(self.plan, self.pids)

    def begin(self) -> None:
        """Let every host know that its wires are there; those that start at boot start their daemons."""
        for name in self.pids:
            os.write(self._go[name], b"g")

    def start(self, name: str) -> None:
        """Start the daemons of a host that starts on demand; idempotent. Raises TimeoutError."""
        os.write(self._go[name], b"s")
        self.await_daemons([self.host(name)])
        self.started.add(name)

    def up(self) -> list[str]:
        """Return the hosts whose daemons were started."""
        return [host["name"] for host in self.plan["hosts"] if host["start"] == "boot" or host["name"] in self.started]

    def await_boot(self) -> None:
        """Wait for every host that starts at boot. Raises TimeoutError."""
        self.await_daemons([host for host in self.plan["hosts"] if host["start"] == "boot"])

    def await_daemons(self, hosts: list[HostPlan]) -> None:
        """Wait until the daemons of these hosts can be used. Raises TimeoutError that names what is missing."""
        files = []
        for host in hosts:
            root = f"/proc/{self.pids[host['name']]}/root" if host["name"] in self.pids else ""
            if host["role"] in ("client", "server"):
                files.append(f"{root}/run/charon.vici")
            if host["role"] == "server":
                files.append(f"{root}/run/lab/twin.ready")
            if host["role"] == "dns":
                files.append(f"{root}/run/lab/dnsmasq.pid")  # written once its sockets are bound
            if host["role"] == "nat":
                files.append(f"{root}{daemons.NAT_READY}")
        if missing := await_files(files, READY_WITHIN):
            raise TimeoutError(f"not ready after {READY_WITHIN:.0f} s: {', '.join(sorted(missing))}")

    def router_files(self) -> list[str]:
        """Return the files in which routers with NAT say whether they masquerade."""
        return [f"/proc/{self.pids[host['name']]}/root{daemons.NAT_READY}" for host in self.plan["hosts"] if host["role"] == "nat"]

    def log_folders(self) -> dict[str, str]:
        """Return where the daemons of each host log."""
        return {name: f"/proc/{pid}/root/run/lab/log" for name, pid in self.pids.items()}

    def last_words(self) -> list[str]:
        """Return the ends of the daemons' logs, for the message of a start that failed."""
        found = []
        for name, folder in self.log_folders().items():
            if os.path.isdir(folder):
                for log in sorted(os.listdir(folder)):
                    found += [f"{name}/{log}: {line}" for line in daemons.last_lines(f"{folder}/{log}")]
        return found

    def end(self) -> None:
        """End every host with all that runs in it."""
        for pid in self.pids.values():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.pids.clear()
