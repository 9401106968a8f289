"""Which process answers for the program, and for how long, as COM decides it: started for the first caller, with what the machine has then.

It is kept while conversations use it and for `IDLE` seconds more, then ended; so is one whose accounts, certificates or program are others by
now, as soon as its last conversation is over. Windows' program reads accounts and certificates itself, at every use; here they are files for
the moment between the start and its "ready". Not thread-safe: the front is one thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab.twin.rras.eap.papers import Papers
from lab.twin.rras.eap.program import Program, ProgramFailed
from lab.twin.windows.eaphost import EapHost

MONO = "/usr/bin/mono"
FOLDER = Path("/run/lab/eap")
LOG = Path("/run/lab/log/eaphost.log")
IDLE = 5.0
"""Seconds: longer than between a client's attempts, shorter than somebody waits who wants to replace the program."""
LSA = "lsa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a process is started with; two that are equal are answered by one process."""

    host: EapHost
    papers: Papers


@dataclass(slots=True)
class Process:
    """A process and who uses it."""

    launch: Launch
    program: Program
    users: int = 0
    idle_since: float = field(default_factory=time.monotonic)
    ended: Callable[[], None] = lambda: None
    """Told when it has ended."""


class Activation:
    """The processes that run: the current one, and older ones that are still in use."""

    def __init__(self, found: Callable[[], Launch], started: Callable[[Process], Callable[[], None]], *, folder: Path = FOLDER, log: Path = LOG) -> None:
        """Nothing runs before `use`.

        Args:
            found: returns what is to be started now. Raises ComponentMissing.
            started: told of each process; returns what is to be told of its end.
            folder: for files that only a moment needs; made with 0700.
            log: gets the processes' standard error.
        """
        self._found, self._started, self._folder, self._log = found, started, folder, log
        self._processes: list[Process] = []

    def use(self) -> Process:
        """Return the process for a new conversation, which `leave` ends. Raises ComponentMissing, ProgramFailed."""
        wanted = self._found()
        process = next((one for one in self._processes if one.launch == wanted and one.program.is_alive), None) or self._start(wanted)
        process.users += 1
        return process

    def leave(self, process: Process) -> None:
        """End one use."""
        process.users -= 1
        process.idle_since = time.monotonic()
        if process not in self._processes:
            return
        if not process.program.is_alive or (process.users == 0 and process is not self._processes[-1]):
            self._end(process)

    def give_up(self, process: Process) -> None:
        """End a process that does not answer as it should; its other conversations find that out."""
        if process in self._processes:
            self._end(process)

    @property
    def patience(self) -> float | None:
        """Seconds until `rest` has something to do; None: nothing."""
        idle = [one.idle_since + IDLE - time.monotonic() for one in self._processes if one.users == 0]
        return max(0.0, min(idle)) if idle else None

    def rest(self) -> None:
        """End what nobody has used for a while."""
        for one in list(self._processes):
            if one.users == 0 and time.monotonic() - one.idle_since >= IDLE:
                self._end(one)

    def stop(self) -> None:
        """End all of them."""
        for one in list(self._processes):
            self._end(one)

    def _start(self, launch: Launch) -> Process:
        for old in [one for one in self._processes if one.users == 0 or not one.program.is_alive]:
            self._end(old)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        paths = {name: self._folder / name for name in launch.papers.files()}
        try:
            for name, content in launch.papers.files().items():
                write_private(paths[name], content)
            command = [MONO, str(launch.host.build), *(f"{name}={path}" for name, path in paths.items())]
            process = Process(launch, Program(command, self._log))
        except OSError as error:
            raise ProgramFailed(f"the program's files cannot be written: {error}") from error
        finally:
            for path in paths.values():
                path.unlink(missing_ok=True)
        process.ended = self._started(process)
        self._processes.append(process)
        return process

    def _end(self, process: Process) -> None:
        self._processes.remove(process)
        process.program.end()
        process.ended()


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
