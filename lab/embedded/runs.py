"""Runs: a folder, a lock and a supervisor each.

A run's folder lies on a memory file system chosen by `lab.rundir`, below one folder per user, and holds everything of the
run: lock, plan, share (what the guest sees), memory file, sockets, state. The lock is held by the supervisor for as long as it
lives, so a folder whose lock is free was left by a killed supervisor: `sweep` ends what still runs in it and removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lab import budgets
from lab.embedded.uml.supervisor import Plan, kill_group
from lab.errors import BootTimeout, GuestDied, InfrastructureError, LinkLost
from lab.rundir import choose_run_base
from lab.waiting import Deadline, wait_until

CONSOLE_TAIL = 30


def base() -> Path:
    """Return this user's folder of runs, making it if need be."""
    folder = choose_run_base() / f"incoming-connections-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def new_run() -> tuple[Path, int]:
    """Make a run's folder; return it and the descriptor that holds its lock."""
    stamp = os.urandom(3).hex()
    fresh = base() / f".new-{stamp}"
    fresh.mkdir(mode=0o700)
    lock = os.open(fresh / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    folder = fresh.rename(base() / f"run-{stamp}")
    return folder, lock


def left_over() -> list[str]:
    """Return the names of the runs that killed supervisors left."""
    return [folder.name for folder in sorted(base().glob("run-*")) if _is_abandoned(folder)]


def sweep() -> list[str]:
    """Remove what killed supervisors left; return the names of the runs that were removed."""
    removed = []
    for folder in sorted(base().glob("run-*")):
        if _is_abandoned(folder):
            end_processes_of(folder)
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder.name)
    return removed


def _is_abandoned(folder: Path) -> bool:
    try:
        lock = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def detached() -> Path | None:
    """Return the folder of the guest that `lab up` left running, if there is one."""
    for folder in sorted(base().glob("run-*")):
        with contextlib.suppress(OSError, ValueError):
            if json.loads((folder / "lab.json").read_text())["detached"] and (folder / "control.sock").exists():
                return folder
    return None


def end_processes_of(run: Path) -> None:
    """Kill every process group with a process whose command line names the run's folder."""
    needle = f"{run}/".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            if needle in command and (b"linux.uml" in command or b"slirp4netns" in command):
                with contextlib.suppress(ProcessLookupError):
                    kill_group(os.getpgid(int(entry.name)))


@dataclass(kw_only=True)
class Run:
    """A guest that this process owns, or that a detached supervisor keeps."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    """The supervisor, when this process owns it."""
    console: deque[str] = field(default_factory=lambda: deque(maxlen=CONSOLE_TAIL))
    marks: dict[str, int] = field(default_factory=dict)
    """What the guest reported while it booted, in milliseconds since the supervisor's start."""
    ended: str | None = None
    on_console: Callable[[str, int], None] | None = None
    _ready: threading.Event = field(default_factory=threading.Event)
    _control: socket.socket | None = None
    _control_file: IO[bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # -- life -----------------------------------------------------------------------------------------------------

    def launch(self, plan: Plan, lock: int) -> None:
        """Start the supervisor. Returns at once; `wait_ready` waits."""
        path = self.folder / "plan.json"
        path.write_text(json.dumps(plan))
        detached = plan["detached"]
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-m", "lab.embedded.uml.supervisor", str(path)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL if detached else subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=(self.folder / "supervisor.err").open("wb"), pass_fds=[lock], start_new_session=True,
        )
        os.close(lock)
        threading.Thread(target=self._listen, name="supervisor", daemon=True).start()

    def _listen(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            event = json.loads(raw)
            if event["event"] == "console":
                self._console(event["line"], event["ms"])
            elif event["event"] == "ready":
                self.marks["ready"] = event["ms"]
                self._ready.set()
            elif event["event"] == "end":
                self.ended = event["why"]
        if self.ended is None:  # the supervisor itself was killed: do its work
            self.ended = "its supervisor was killed"
            end_processes_of(self.folder)
            shutil.rmtree(self.folder, ignore_errors=True)
        self._ready.set()

    def _console(self, line: str, milliseconds: int) -> None:
        self.console.append(line)
        if line.startswith("@"):
            self.marks[line[1:].split(maxsplit=1)[0]] = milliseconds
        if self.on_console:
            self.on_console(line, milliseconds)

    def wait_ready(self) -> None:
        """Wait until all hosts that start at boot can be reached.

        Raises:
            GuestDied: the guest ended instead; with its last console lines.
            BootTimeout: neither happened within the budget.
        """
        arrived = self._ready.wait(Deadline(budgets.BOOT + 5).budget)
        if self.ended is not None:
            raise self.death()
        if not arrived:
            raise BootTimeout(f"the guest was not ready after {budgets.BOOT:.0f} s", evidence="\n".join(self.console))

    def death(self) -> InfrastructureError:
        """Return the error that tells why the guest ended."""
        errors = self.folder / "supervisor.err"
        text = errors.read_text(errors="replace") if errors.exists() else ""
        return GuestDied(
            f"the guest of {self.folder.name} is gone: {self.ended}", evidence="\n".join([*self.console, *text.splitlines()]),
            hint="the whole console is in the evidence folder; `lab doctor` checks this machine",
        )

    @property
    def is_alive(self) -> bool:
        """Whether the guest runs, as far as is known here."""
        return self.ended is None and (self.folder / "control.sock").exists()

    def request(self, **request: object) -> Mapping[str, object]:
        """Ask the guest's first process for something; return its answer.

        Raises:
            GuestDied, LinkLost: no answer, because the guest is gone or the line broke.
            InfrastructureError: the guest could not do it.
        """
        with self._lock:
            try:
                answer = self._exchange(request)
            except OSError as error:
                lost = LinkLost(f"the control line of {self.folder.name} broke: {error}")
                raise (self.death() if self.ended else lost) from error
        if "error" in answer:
            raise InfrastructureError(f"the guest could not {request.get('op')}: {answer['error']}")
        return answer

    def _exchange(self, request: Mapping[str, object]) -> dict[str, object]:
        if self._control is None:
            self._control = socket.socket(socket.AF_UNIX)
            self._control.settimeout(budgets.BOOT)
            self._control.connect(str(self.folder / "control.sock"))
            self._control_file = self._control.makefile("rb")
        self._control.sendall(json.dumps(request).encode() + b"\n")
        assert self._control_file is not None
        line = self._control_file.readline()
        if not line:
            raise ConnectionResetError("end of file")
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer

    def end(self) -> None:
        """End the guest and wait until nothing of it is left."""
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        elif self.folder.exists():
            with contextlib.suppress(OSError, InfrastructureError):
                self._exchange({"op": "down"})
        for resource in (self._control_file, self._control):
            if resource is not None:
                resource.close()
        self._control = self._control_file = None
        if self.process is not None:
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGKILL)
                end_processes_of(self.folder)
        else:
            wait_until(lambda: not self.folder.exists(), Deadline(budgets.APPEAR),
                       lambda: InfrastructureError(f"{self.folder} is still there", hint="the next `lab up` removes it"))
        shutil.rmtree(self.folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that were free a moment ago, all different."""
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(count):
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            ports.append(int(probe.getsockname()[1]))
        return ports
