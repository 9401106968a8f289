"""A machine without a machine: network, mount and PID namespaces of their own, an empty /run, and in it our code as it is sent."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from lab import shipping
from lab.waiting import Deadline, wait_until

CODE = "/run/lab/share/code"
CARRIER = f"{CODE}/lab/hosts/carrier.py"
UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork")
PEER = "peer-"
BORN = "mount -t tmpfs run /run && mkdir -p /run/lab/share/code /run/lab/share/pyc && echo born && exec cat"


def objection() -> str:
    """Return why there can be none here; empty if there can."""
    tried = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "run", "/run"], capture_output=True, text=True, check=False)
    return tried.stderr.strip()


class BareMachine:
    """One of them; as a context manager it ends with all that runs on it."""

    def __enter__(self) -> BareMachine:
        self._life = subprocess.Popen(
            [*UNSHARE, "--mount-proc", "--kill-child", "sh", "-c", BORN], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._life.stdout is not None
        assert self._life.stdout.readline() == b"born\n"
        self._first = Path(f"/proc/{self._life.pid}/task/{self._life.pid}/children").read_text().strip()
        self.path(CODE).mkdir(parents=True, exist_ok=True)
        subprocess.run(["tar", "-x", "-C", self.path(CODE)], input=shipping.bundle()[1], check=True)  # as on a machine
        self.must("ip", "link", "set", "lo", "up")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._life.stdin is not None
        self._life.stdin.close()
        self._life.wait()
        assert self._life.stdout is not None
        self._life.stdout.close()

    def path(self, inside: str) -> Path:
        """Return one of its paths as it is seen from here."""
        return Path(f"/proc/{self._first}/root{inside}")

    def run(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command on it."""
        into = ["nsenter", "--target", self._first, "--net", "--mount", "--pid", "--"]
        return subprocess.run([*into, *command], input=stdin, capture_output=True, text=True, check=False)

    def must(self, *command: str) -> str:
        """Run a command that must succeed; return what it wrote."""
        done = self.run(*command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def carrier(self, verb: str, plan: object = None, *, way_in: str = "10.9.9.1") -> dict[str, object]:
        """Run the carrier's program, as somebody who came in by an address of the machine; return its answer."""
        done = self.run("env", f"LAB_WAY_IN={way_in}", "python3", "-S", "-E", CARRIER, verb, stdin=json.dumps(plan, sort_keys=True))
        assert done.returncode == 0, done.stderr
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    def start(self, plan: object) -> dict[str, object]:
        """Start the carrier, which must succeed."""
        answer = self.carrier("start", plan)
        assert "error" not in answer, answer["error"]
        return answer

    def adapter(self, name: str, mac: str, *addresses: str) -> None:
        """Plug in an adapter that is up."""
        self.must("ip", "link", "add", name, "address", mac, "type", "veth", "peer", "name", f"{PEER}{name}")
        for end in (name, f"{PEER}{name}"):
            self.must("ip", "link", "set", end, "up")
        for address in addresses:
            self.must("ip", "address", "add", address, "dev", name)

    def links(self) -> set[str]:
        """Return the names of its links, without what its adapters are plugged into."""
        return {name for link in json.loads(self.must("ip", "-json", "link")) if not (name := link["ifname"]).startswith(PEER)}

    def network(self, name: str) -> tuple[list[str], list[str]]:
        """Return an adapter's addresses and routes."""
        (shown,) = json.loads(self.must("ip", "-json", "-4", "address", "show", "dev", name)) or [{"addr_info": []}]
        routes = json.loads(self.must("ip", "-json", "route", "show", "dev", name))
        return ([f"{one['local']}/{one['prefixlen']}" for one in shown.get("addr_info", [])],
                sorted(f"{one['dst']} {one.get('gateway', '')} {one.get('metric', 0)}" for one in routes))

    def kill(self, pid: object) -> None:
        """Kill -9 a process, and wait for its end."""
        self.must("kill", "-9", str(pid))
        self.await_end(pid)

    def await_end(self, pid: object) -> None:
        """Wait until a process has ended."""
        state = self.path(f"/proc/{pid}/stat")
        wait_until(lambda: not state.exists() or ") Z " in state.read_text(), Deadline(5), lambda: AssertionError(f"{pid} lives"))
