"""What the tests of the guest share: a guest with a shell, what is left of a run, a process that owns a guest."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import paramiko

from lab.backends.embedded import EmbeddedLab
from lab.probe.channel import connect
from lab.probe.probe import Probe
from lab.rundir import VARIABLE

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class Guest:
    """A lab that is up, and root's shells in it."""

    def __init__(self, lab: EmbeddedLab) -> None:
        self.lab = lab
        self._shells: dict[str, paramiko.SSHClient] = {}
        self._probes: dict[str, Probe] = {}

    def __enter__(self) -> Guest:
        self.lab.up()
        return self

    def __exit__(self, *_: object) -> None:
        for opened in (*self._shells.values(), *self._probes.values()):
            opened.close()
        self.lab.down()

    def sh(self, command: str, host: str = "observer") -> str:
        """Run a command; return what it printed, both ways, whatever its exit code. The observer sits in the root namespaces."""
        if host not in self._shells:
            endpoint = self.lab.hosts[host].ssh
            assert endpoint is not None
            self._shells[host] = connect(endpoint, host)
        _, output, _ = self._shells[host].exec_command(f"{{ {command}\n}} 2>&1", timeout=20)
        return output.read().decode()

    def probe(self, host: str) -> Probe:
        """Return a host's probe."""
        if host not in self._probes:
            self._probes[host] = Probe.open(self.lab.hosts[host])
        return self._probes[host]


def processes_of(folder: Path) -> dict[int, str]:
    """Return the processes whose command line or environment names the folder, but ours; zombies name nothing."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in command + environment:
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def leftovers(folder: Path) -> list[str]:
    """Return everything of the runs below a folder: files, folders, processes. The user's folder of runs itself stays."""
    things = [f"{at}/{name}" for at, folders, files in os.walk(folder) for name in folders + files if Path(at) != folder]
    return things + [f"process {pid}: {command}" for pid, command in processes_of(folder).items()]


def start_owner(base: Path, log_folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start a process that brings a lab up and then waits; it prints what owner.py says."""
    environment = os.environ | {VARIABLE: str(base)}
    return subprocess.Popen([sys.executable, str(HERE / "owner.py"), str(log_folder), *options], stdout=subprocess.PIPE, text=True,
                            env=environment, cwd=ROOT, start_new_session=True)


def lab_up(before: str = "") -> list[str]:
    """Return the command `lab up`, after a Python statement that prepares its process."""
    return [sys.executable, "-c", f"{before}\nimport sys; from lab.cli.main import main; sys.exit(main(['up']))"]


def run_lab(base: Path, *, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `lab up` with this folder of runs and this environment."""
    return subprocess.run(lab_up(before), capture_output=True, text=True, check=False, timeout=60, cwd=ROOT,
                          env=os.environ | {VARIABLE: str(base)} | environment)


def in_own_mounts(mounts: str, command: list[str], base: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a mount namespace of its own, after a shell command that mounts there."""
    unshare = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount", "sh", "-c"]
    return subprocess.run([*unshare, f"{mounts} && exec {shlex.join(command)}"], capture_output=True, text=True, check=False, timeout=60,
                          cwd=ROOT, env=os.environ | {VARIABLE: str(base)})
