"""Ending processes and waiting for their end without polling (pidfd_open(2)), on hosts and in the twin."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def end(pids: Iterable[int], *, patience: float) -> None:
    """Ask processes to end (SIGTERM) and wait; after `patience` seconds they are killed. Children of ours stay to be reaped."""
    left = wait_for(pids, signal.SIGTERM, patience)
    wait_for(left, signal.SIGKILL, patience)


def wait_for(pids: Iterable[int], number: signal.Signals, seconds: float) -> list[int]:
    """Send a signal and wait for the ends; return those that have not ended in time."""
    waiting: dict[int, int] = {}
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        waiting[descriptor] = pid
        with contextlib.suppress(ProcessLookupError):  # it ended meanwhile: its descriptor is readable
            signal.pidfd_send_signal(descriptor, number)
    limit = time.monotonic() + seconds
    try:
        while waiting and (ready := select.select(list(waiting), [], [], max(0.0, limit - time.monotonic()))[0]):
            for descriptor in ready:
                os.close(descriptor)
                del waiting[descriptor]
        return list(waiting.values())
    finally:
        for descriptor in waiting:
            os.close(descriptor)
