"""One run of a program that has children, with a deadline: the only place where Vagrant is started, and ended.

Rules: the program leads a session of its own, so that its whole group can be ended and nothing else; whatever ends the wait
(the deadline, ^C, an error of the listener) ends the group: an interrupt first, since Vagrant then puts its locks away, then a kill.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lab import budgets
from lab.waiting import Deadline

TAIL = 60
"""Lines that are kept for an error's evidence: Vagrant's own message has up to 25, Ruby's trace 30."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    arguments: tuple[str, ...]
    """Without the program itself."""
    code: int
    """Exit code; negative: the number of the signal that ended it."""
    overdue: bool
    """It was ended here, because its budget was used up."""
    budget: float
    """Seconds, stretched by LAB_TIME_SCALE."""
    output: str
    errors: str
    tail: str
    """The last lines of both, as they arrived."""


Listener = Callable[[str], None]
"""Told each line without its end, of both streams as they arrive."""


class _Run:
    """One process and what it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said: dict[str, list[str]] = {"output": [], "errors": []}
        self.tail: deque[str] = deque(maxlen=TAIL)
        self._events: queue.Queue[tuple[str, str | None]] = queue.Queue()
        self._open = set(self.said)
        for name, stream in (("output", process.stdout), ("errors", process.stderr)):
            assert stream is not None
            threading.Thread(target=self._read, args=(name, stream), name=name, daemon=True).start()
        self._waiter = threading.Thread(target=self._wait, name="exit", daemon=True)
        self._waiter.start()

    def _read(self, name: str, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self._events.put((name, line.decode(errors="replace").rstrip("\r\n")))
        self._events.put((name, None))

    def _wait(self) -> None:
        self.process.wait()
        self._events.put(("exit", None))

    def listen(self, listener: Listener, deadline: Deadline) -> bool:
        """Pass lines on until the process has ended and said its last word; return whether it ended in time."""
        ended = False
        while not ended or self._open:
            try:
                name, line = self._events.get(timeout=deadline.remaining)
            except queue.Empty:
                return ended
            if name == "exit":
                ended = True
                deadline = Deadline(budgets.APPEAR)  # a child that outlives it may hold the streams open for ever
            elif line is None:
                self._open.discard(name)
            else:
                self.said[name].append(line)
                self.tail.append(line)
                listener(line)
        return True

    def end(self) -> None:
        """End the whole group, whoever of it still lives."""
        try:
            self._signal(signal.SIGINT)
            self._waiter.join(Deadline(budgets.VAGRANT_INTERRUPT).budget)
        finally:  # also when a second ^C ends this wait
            self._signal(signal.SIGKILL)
        self._waiter.join(Deadline(budgets.APPEAR).budget)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)  # its number is given to nobody else while a member of the group lives


def run_to_end(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], budget: float, listener: Listener
) -> Outcome:
    """Run a program to its end, or end it.

    Args:
        command: program and arguments.
        folder: its working directory.
        environment: all of it.
        budget: seconds.
        listener: what to tell of each line.

    Raises:
        OSError: it cannot be started.
    """
    deadline = Deadline(budget)
    process = subprocess.Popen(
        list(command), cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )
    run = _Run(process)
    try:
        in_time = run.listen(listener, deadline)
        if not in_time:
            run.end()
            run.listen(listener, Deadline(budgets.APPEAR))
    except BaseException:
        run.end()
        raise
    return Outcome(
        arguments=tuple(command[1:]), code=process.returncode if process.returncode is not None else -signal.SIGKILL, overdue=not in_time,
        budget=deadline.budget, output="\n".join(run.said["output"]), errors="\n".join(run.said["errors"]), tail="\n".join(run.tail),
    )
