"""Runs: a folder, a lock and a supervisor each.

A run's folder lies on a memory file system chosen by `lab.rundir`, below one folder per user, and holds everything of the
run: lock, plan, share (what the guest sees), memory file, sockets, state. The lock is held by the supervisor for as long as it
lives, so a folder whose lock is free was left by a killed supervisor: `sweep` ends what still runs in it and removes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lab import budgets
from lab.embedded.uml.groups import kill_group
from lab.embedded.uml.plan import Plan
from lab.errors import BootTimeout, GuestDied, HostError, InfrastructureError, LabBusy, LinkLost
from lab.locks import is_held
from lab.rundir import VARIABLE, choose_run_base
from lab.waiting import Deadline, wait_until

CONSOLE_TAIL = 30
SOCKET_PATH, LONGEST_NAME = 107, "/uml/u/mconsole"
ENDS = {
    "died": (GuestDied, "the whole console is in the evidence folder; `lab doctor` checks this machine"),
    "timeout": (BootTimeout, "LAB_TIME_SCALE=3 waits three times as long; `lab doctor` checks this machine"),
    "busy": (LabBusy, "try again: ports are chosen anew each time"),
}
"""What the supervisor calls an end: the error that it is, and what to do."""


def base() -> Path:
    """Return this user's folder of runs, making it if need be. Raises HostError if somebody else has made it."""
    folder = choose_run_base() / f"incoming-connections-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()  # its parent is open to everybody, and its name is known
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise HostError(f"{folder} is not a folder of yours that only you can open", hint=f"remove it, or set {VARIABLE} to another folder")
    return folder


def new_run() -> Path:
    """Return the folder of a new run, which its supervisor makes."""
    return base() / f"run-{os.urandom(3).hex()}"


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
    for folder in base().glob(".new-*"):  # of a supervisor that was killed before its run had a name
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
    return removed


def _is_abandoned(folder: Path) -> bool:
    try:
        return not is_held(folder / "lock")
    except OSError:
        return False


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
    _kind: str = "died"
    _errors: str = ""
    """What the supervisor wrote to its standard error."""
    _made: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _ready: threading.Event = field(default_factory=threading.Event)
    _control: socket.socket | None = None
    _control_file: IO[bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # -- life -----------------------------------------------------------------------------------------------------

    def launch(self) -> None:
        """Start the supervisor, which makes the folder. Returns at once. Raises HostError."""
        if (excess := len(os.fsencode(self.folder)) + len(LONGEST_NAME) - SOCKET_PATH) > 0:
            raise HostError(f"the path of {self.folder.parent.parent} is {excess} characters too long for the sockets of a run",
                            hint=f"set {VARIABLE} to a folder with a shorter path")
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-m", "lab.embedded.uml.supervisor", str(self.folder)],
            cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )
        threading.Thread(target=self._listen, name="supervisor", daemon=True).start()

    def await_folder(self) -> None:
        """Wait until the supervisor has made the folder. Raises GuestDied."""
        made = self._made.wait(Deadline(budgets.APPEAR).budget)
        if self.ended is not None:
            raise self.death()
        if not made:
            raise BootTimeout(f"the supervisor of {self.folder.name} does not start")

    def begin(self, plan: Plan) -> None:
        """Give the supervisor its plan; a detached one is left alone from then on. Raises GuestDied."""
        assert self.process is not None
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(plan).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            self._ready.wait(Deadline(budgets.APPEAR).budget)
            raise self.death() from None
        if plan["detached"]:
            self.process.stdin.close()
            self.process.stdin = None

    def _listen(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            event = json.loads(raw)
            if event["event"] == "console":
                self._console(event["line"], event["ms"])
            elif event["event"] == "folder":
                self._made.set()
            elif event["event"] == "ready":
                self.marks["ready"] = event["ms"]
                self._ready.set()
            elif event["event"] == "end":
                self._kind, self._errors, self.ended = event["kind"], event["errors"], event["why"]
        if self.ended is None:  # the supervisor itself was killed: do its work
            self.ended = "its supervisor was killed"
            end_processes_of(self.folder)
            shutil.rmtree(self.folder, ignore_errors=True)
        for event in (self._made, self._ready, self._over):
            event.set()

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
        """Return the error that tells why the guest ended. Waits for the supervisor's last word, which follows at once."""
        if self.process is not None:
            self._over.wait(Deadline(budgets.APPEAR).budget)
        elif self.ended is None:
            self.ended = "it was ended, or it died"
        error, hint = ENDS[self._kind]
        return error(f"the guest of {self.folder.name} is gone: {self.ended}", hint=hint,
                     evidence="\n".join([*self.console, *self._errors.splitlines()]))

    @property
    def is_alive(self) -> bool:
        """Whether the guest runs, as far as is known here."""
        return self.ended is None and (self.folder / "control.sock").exists()

    def _is_over(self) -> bool:
        """Whether the guest's end explains that its line broke. A supervisor that ends closes its socket before it tells why."""
        if self.process is not None:
            return self._over.wait(Deadline(budgets.APPEAR).budget) or self.ended is not None
        return self.ended is not None or not self.folder.exists()

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
                raise (self.death() if self._is_over() else lost) from error
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
        if self.process is not None:
            if self.process.stdin is not None:
                with contextlib.suppress(OSError):
                    self.process.stdin.close()
            else:
                self.process.terminate()
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
