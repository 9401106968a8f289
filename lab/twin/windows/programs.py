"""Programs that run on the machine: what Get-Process shows and Stop-Process ends. Windows' own are not in it.

Whoever starts a program says so (`started`) and how it is ended; whoever sees it end by itself says that too (`gone`). While a program
runs, its file can be neither written nor removed (`lab/twin/windows/files.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Program:
    """A program that runs, or has run."""

    path: str
    """Windows path of its file."""
    identifier: int
    """Process id."""
    end: Callable[[], None] = field(repr=False)
    """Ends it, and returns once it has ended."""


class Programs:
    """All of them, from any thread."""

    def __init__(self) -> None:
        self._running: list[Program] = []
        self._changed = threading.Condition()

    def started(self, path: str, identifier: int, end: Callable[[], None]) -> Program:
        """Note a program that has just been started; return it."""
        program = Program(path=path, identifier=identifier, end=end)
        with self._changed:
            self._running.append(program)
        return program

    def gone(self, program: Program) -> None:
        """Note that a program has ended; nothing when that is known."""
        with self._changed:
            if program in self._running:
                self._running.remove(program)
                self._changed.notify_all()

    def stop(self, program: Program) -> None:
        """End a program; nothing when it has ended."""
        if self.runs(program):
            program.end()  # may say itself that it is gone, from another thread
            self.gone(program)

    def stop_all(self) -> None:
        """End all of them."""
        for program in self.running():
            self.stop(program)

    def running(self) -> list[Program]:
        """Return those that run, in the order in which they were started."""
        with self._changed:
            return list(self._running)

    def runs(self, program: Program) -> bool:
        """Whether a program still runs."""
        with self._changed:
            return program in self._running

    def uses(self, path: str) -> bool:
        """Whether the file of this path, in lower case, is that of a program that runs."""
        return any(one.path.lower() == path for one in self.running())

    def wait(self, program: Program, seconds: float) -> bool:
        """Wait for a program's end; return whether it has ended."""
        with self._changed:
            return self._changed.wait_for(lambda: program not in self._running, seconds)
