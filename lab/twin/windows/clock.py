"""The machine's clock, where the twin may set it: on a machine of its own, never in the embedded lab, whose hosts share one."""

from __future__ import annotations

import datetime as dt
import time
from typing import Protocol


class Clock(Protocol):
    """Sets the time of the real machine."""

    def set(self, moment: dt.datetime) -> None:
        """Set it. Raises OSError when the machine refuses."""


class MachineClock:
    """The clock of the machine that the twin runs on."""

    def set(self, moment: dt.datetime) -> None:
        """Set it. Raises OSError (PermissionError without CAP_SYS_TIME)."""
        time.clock_settime(time.CLOCK_REALTIME, moment.timestamp())
