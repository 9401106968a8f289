"""The guest's clock as the supervisor holds it: one number in a file that linux.uml has mapped (lab/embedded/image/clock.c).

The file lies in the run's folder, outside of what the guest may open (confine.py): it inherits a descriptor that can only read. After
the number has changed, SIGALRM makes the kernel look at its timers: it is the signal of its own timer.

Rules of this file: standard library only, like its user.
"""

from __future__ import annotations

import mmap
import os
import signal
from pathlib import Path

VARIABLE = "LAB_CLOCK"
"""In linux.uml's environment: number of the descriptor."""
LIBRARY = "./clock.so"
"""Beside the kernel, in its working directory."""


class GuestClock:
    """How far the guest's clock is ahead of this machine's."""

    def __init__(self, file: Path) -> None:
        """Make the file. Raises OSError."""
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.ftruncate(descriptor, mmap.PAGESIZE)
        self._offset = memoryview(mmap.mmap(descriptor, mmap.PAGESIZE)).cast("q")  # an item is stored at once, never by halves
        os.close(descriptor)
        self.reader = os.open(file, os.O_RDONLY)
        """What linux.uml inherits."""

    @property
    def environment(self) -> dict[str, str]:
        """What makes linux.uml take this clock."""
        return {"LD_PRELOAD": LIBRARY, VARIABLE: str(self.reader)}

    def advance(self, nanoseconds: int, guest: int) -> int:
        """Move the clock of a guest, named by its process; return how far it is ahead in all, nanoseconds.

        Raises:
            ValueError: a clock that goes back would stop its guest: timers would wait for what has been already.
        """
        if nanoseconds < 0:
            raise ValueError(f"the clock can only go forward, not by {nanoseconds} ns")
        if nanoseconds:
            self._offset[0] += nanoseconds
            os.kill(guest, signal.SIGALRM)
        return self._offset[0]
