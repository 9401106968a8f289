"""A Linux machine over SSH: packages, our code, and the carrier that makes the hosts. Idempotent: what is there is left alone.

Everything of ours lies in /run/lab, which is memory; only packages outlive a restart, and those that we installed are written down
before they are, so that `release` removes them and no others.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

import paramiko

from lab import budgets, shipping
from lab.backends.base import Machine, SSHEndpoint
from lab.errors import CommandFailed, ConfigError, HostError, InfrastructureError, RemoteTimeout
from lab.probe.channel import connect
from lab.progress import Progress
from lab.secrets import write_private
from lab.topology import Topology
from lab.waiting import Deadline

PACKAGES = Path(__file__).with_name("linux-packages.txt")
SHARE = "/run/lab/share"
CARRIER = f"{SHARE}/code/lab/hosts/carrier.py"
LAN_ONLY = frozenset({"python3", "iproute2", "kmod", "util-linux"})
"""What a machine without clients needs of the packages."""


class LinuxMachine:
    """One machine, logged in. As a context manager it logs out."""

    def __init__(self, machine: Machine, *, record: Path | None, progress: Progress) -> None:
        """Log in. Raises LinkLost.

        Args:
            machine: the machine.
            record: file in which installed packages are written down; None: not worth it, the machine is destroyed afterwards.
            progress: told one line per phase.
        """
        if machine.way.ssh is None:
            raise ConfigError(f"{machine.name} is not reached over SSH")
        self.machine, self._record, self._progress = machine, record, progress
        self._endpoint: SSHEndpoint = machine.way.ssh
        self._client: paramiko.SSHClient = connect(self._endpoint, machine.name)

    def __enter__(self) -> LinuxMachine:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def prepare(self, topology: Topology) -> frozenset[str]:
        """Make the machine carry its hosts; return what of the lab's capabilities it has.

        Raises:
            HostError: no root without a password, or a package cannot be installed.
            InfrastructureError: the hosts could not be made; with the ends of their logs.
        """
        self._must_be_root()
        self._install([package for package in self._wanted(topology) if package not in self._installed()])
        digest = self._send_code()
        plan = plan_for(topology, self.machine) | {"code": digest}
        answer = self._carrier("start", json.dumps(plan, sort_keys=True), budget=budgets.MACHINE_HOSTS)
        if problem := answer.get("error"):
            raise InfrastructureError(f"{self.machine.name}: its hosts could not be made", evidence=str(problem))
        has = answer["capabilities"]
        assert isinstance(has, list)
        return frozenset(str(one) for one in has)

    def release(self) -> None:
        """Put everything back: adapters, and the packages that we installed."""
        if self._run(f"test -e {CARRIER}")[0] == 0:
            self._carrier("stop", "", budget=budgets.MACHINE_HOSTS)
        if self._record is not None and self._record.exists():
            packages = json.loads(self._record.read_text())
            if packages:
                self._must(f"env DEBIAN_FRONTEND=noninteractive apt-get purge --yes --quiet {shlex.join(packages)}", budget=budgets.PACKAGES)
            self._record.unlink()
        self._must("rm -rf /run/lab")

    # -- parts --------------------------------------------------------------------------------------------------------

    def _run(self, command: str, stdin: bytes = b"", *, budget: float = budgets.PROBE_ANSWER) -> tuple[int, str, str]:
        """Run a shell's command as root; return exit code, output and standard error."""
        whole = f"{self._endpoint.enter} sh -c {shlex.quote(command)}".lstrip()
        deadline = Deadline(budget)
        try:
            source, output, error = self._client.exec_command(whole, timeout=deadline.remaining)
            source.write(stdin)
            source.channel.shutdown_write()
            said = output.read().decode(), error.read().decode()  # each read has the time-out of above
            if not output.channel.status_event.wait(deadline.remaining):
                raise TimeoutError
            return (output.channel.recv_exit_status(), *said)
        except TimeoutError:
            raise RemoteTimeout(f"{self.machine.name}: {command.split(maxsplit=1)[0]} did not end within {deadline.budget:.0f} s") from None

    def _must(self, command: str, stdin: bytes = b"", *, budget: float = budgets.PROBE_ANSWER) -> str:
        code, output, error = self._run(command, stdin, budget=budget)
        if code:
            raise CommandFailed(f"{self.machine.name}: {shlex.split(command)[0]} ended with exit code {code}", evidence=(error or output)[-2000:])
        return output

    def _must_be_root(self) -> None:
        code, output, error = self._run("id -u")
        if code or output.strip() != "0":
            raise HostError(f"{self.machine.name}: {self._endpoint.user} does not become root without a password", evidence=error,
                            hint=f"on {self.machine.name}: echo '{self._endpoint.user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/lab")

    def _wanted(self, topology: Topology) -> list[str]:
        lines = [line.partition("#")[0].strip() for line in PACKAGES.read_text().splitlines()]
        roles = {topology.hosts[name].role.value for name in self.machine.hosts}
        return [line for line in lines if line and (roles != {"lan"} or line in LAN_ONLY)]

    def _installed(self) -> frozenset[str]:
        code, output, error = self._run("dpkg-query --show --showformat '${db:Status-Abbrev} ${Package}\\n'")
        if code:
            raise HostError(f"{self.machine.name} has no dpkg: only Debian and what descends from it can carry hosts", evidence=error)
        return frozenset(line.split()[1] for line in output.splitlines() if line.startswith("ii"))

    def _install(self, missing: list[str]) -> None:
        if not missing:
            return
        self._progress(f"{self.machine.name}: apt installs {', '.join(missing)}")
        if self._record is not None:
            earlier = json.loads(self._record.read_text()) if self._record.exists() else []
            write_private(self._record, json.dumps(sorted({*earlier, *missing})))
        quiet = "env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes -o Dpkg::Use-Pty=0"
        # Daemons of the machine's own would answer on their ports for nobody: the hosts have theirs.
        disable = "; ".join(f"systemctl disable --now {unit} || true" for unit in ("strongswan", "xl2tpd"))
        steps = f"{quiet} update; {quiet} install --no-install-recommends {shlex.join(missing)} && {{ {disable}; }}"
        code, output, error = self._run(steps, budget=budgets.PACKAGES)
        if code:
            raise HostError(f"{self.machine.name}: apt could not install {', '.join(missing)}", evidence=(error or output)[-2000:],
                            hint=f"install them by hand on {self.machine.name}, or give its apt a way to an archive")

    def _send_code(self) -> str:
        digest, data = shipping.bundle()
        there = self._run(f"cat {SHARE}/code.digest")[1].strip()
        if there != digest:  # the old digest goes first: code that arrived in part must not pass for whole
            self._must(f"mkdir -p {SHARE}/code {SHARE}/pyc && rm -rf {SHARE}/code.digest {SHARE}/code/* && tar -x -C {SHARE}/code"
                       f" && echo {digest} > {SHARE}/code.digest", data, budget=budgets.MACHINE_HOSTS)
        self._must("mkdir -p " + " ".join(f"{SHARE}/hosts/{name}" for name in self.machine.hosts))
        return digest

    def _carrier(self, verb: str, stdin: str, *, budget: float) -> Mapping[str, object]:
        # The address by which we came in: an adapter that has it must not become a wire of the lab.
        way_in = self._client_side_address()
        output = self._must(f"env LAB_WAY_IN={way_in} python3 -S -E {CARRIER} {verb}", stdin.encode(), budget=budget)
        answer: Mapping[str, object] = json.loads(output)
        return answer

    def _client_side_address(self) -> str:
        _, output, _ = self._client.exec_command("echo $SSH_CONNECTION", timeout=Deadline(budgets.PROBE_ANSWER).budget)
        words = output.read().decode().split()
        return words[2] if len(words) == 4 else ""


def plan_for(topology: Topology, machine: Machine) -> dict[str, object]:
    """Return what a machine's carrier is told: `lab.hosts.plan.MachinePlan`."""
    networks = [network for network in topology.networks.values()
                if network.name in machine.adapters or topology.inside(network.name) == machine.name]
    names = {network.name for network in networks}
    return {
        "networks": [{"name": network.name, "delay_ms": network.delay_ms, "management": False} for network in networks],
        "hosts": [
            {
                "name": name, "role": topology.hosts[name].role.value, "start": "boot",
                "addresses": {net: str(address) for net, address in topology.hosts[name].addresses.items() if net in names},
                "routes": {str(destination): str(gateway) for destination, gateway in topology.hosts[name].routes.items()},
            }
            for name in machine.hosts
        ],
        "adapters": dict(machine.adapters),
        "names": {topology.vpn.server_name: str(topology.server.address("wan"))},
    }
