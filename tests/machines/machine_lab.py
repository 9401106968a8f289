"""A vagrant lab as a user has it: by the commands `lab` and `pytest`, with a state folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from lab import rundir
from lab.backends.vagrant.runs import NAME
from lab.topology import load_topology
from lab.waiting import Deadline, wait_until

ROOT = Path(__file__).parents[2]
LAB = Path(sys.executable).with_name("lab")
CONNECT = ["virsh", "-c", "qemu:///system"]


@dataclass(frozen=True)
class Done:
    """What a command gave back."""

    code: int
    output: str


class MachineLab:
    """The commands, run in the lab's own folders: an embedded lab that its user has up is none of theirs."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.environment = os.environ | {"LAB_STATE": str(state), rundir.VARIABLE: str(state), "STAND_IN_PASSWORD": "vagrant"}
        self.environment.pop("LAB", None)

    def run(self, *command: str, budget: float = 300) -> Done:
        """Run a command of the project to its end."""
        done = subprocess.run(command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              timeout=budget)
        return Done(done.returncode, done.stdout)

    def lab(self, *arguments: str, budget: float = 300) -> Done:
        """Run `lab …`."""
        return self.run(str(LAB), *arguments, budget=budget)

    def must(self, *arguments: str, budget: float = 300) -> str:
        """Run `lab …`, which must succeed; return what it said."""
        done = self.lab(*arguments, budget=budget)
        assert done.code == 0, done.output
        return done.output

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def pytest(self, *arguments: str) -> list[str]:
        """Return the command line of a pytest run."""
        return [sys.executable, "-m", "pytest", "e2e", "-q", "-p", "no:cacheprovider", *arguments]

    @property
    def folder(self) -> Path:
        """The run's folder."""
        (found,) = self.runs()
        return found

    def runs(self) -> list[Path]:
        """Return the folders of all runs."""
        return [folder for folder in (self.state / "vagrant").iterdir() if NAME.fullmatch(folder.name)]

    def things(self) -> dict[str, list[str]]:
        """Return all machines, networks and disks of runs at the hypervisor; base volumes of boxes stay for the next run."""
        listed = {"machines": ["list", "--all", "--name"], "networks": ["net-list", "--all", "--name"], "volumes": ["vol-list", "default"]}
        found = {}
        for kind, command in listed.items():
            lines = subprocess.run([*CONNECT, *command], capture_output=True, text=True, check=False).stdout.split("\n")
            names = [line.split()[0] for line in lines if line.strip() and not line.startswith(("-", " Name"))]
            found[kind] = sorted(name for name in names if "_vagrant_box_image_" not in name)
        return found

    def inventory(self, folder: Path) -> Path:
        """Write an inventory of the same machines, as their owner would."""
        ways = json.loads((self.folder / "ways.json").read_text())
        topology = load_topology()
        machines: dict[str, object] = {}
        for name, way in ways.items():
            adapters = dict.fromkeys(topology.adapters(name), "auto")
            if name == topology.server.name:
                machines[name] = {"lab": True, "address": way["address"], "winrm": {"http": way["port"]}, "user": way["user"],
                                  "password_env": "STAND_IN_PASSWORD", "adapters": adapters}
            else:
                machines[name] = {"address": way["address"], "port": way["port"], "user": way["user"], "key_file": way["key_file"],
                                  "adapters": adapters}
        file = folder / "machines.yaml"
        file.write_text(yaml.safe_dump({"name": "stand-in", "pace": 4.0, "machines": machines}))
        return file

    @staticmethod
    def kill(process: subprocess.Popen[bytes]) -> None:
        """Kill -9 a command with all that it started in its group."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(look: Callable[[], object], seconds: float) -> bool:
    """Whether something becomes true in time."""
    try:
        return bool(wait_until(look, Deadline(seconds), TimeoutError))
    except TimeoutError:
        return False
