"""Time: the only module that may sleep.

Rules: look first, then wait on an event; every wait has a deadline, anchored when the wait begins. `LAB_TIME_SCALE`
(default 1) stretches every budget, for slow machines. Budgets with their reasons live in `lab.budgets`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

from lab.errors import ConfigError

T = TypeVar("T")

VARIABLE = "LAB_TIME_SCALE"


def scale(written: str) -> float:
    """Return the factor that the variable means. Raises ConfigError for what is no positive number."""
    try:
        factor = float(written)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise ConfigError(f"{VARIABLE} is {written!r}, a positive number is expected", hint=f"{VARIABLE}=3 waits three times as long")
    return factor


class _Pace:
    """The factor in force."""

    factor = scale(os.environ.get(VARIABLE, "1"))


def stretch(pace: float) -> None:
    """Stretch every deadline that begins from now on, unless the user has set LAB_TIME_SCALE: how slow the lab in use is."""
    if VARIABLE not in os.environ:
        _Pace.factor = pace


def stretched(seconds: float) -> float:
    """Return seconds at the lab's pace."""
    return seconds * _Pace.factor


_FIRST_LOOK_S, _LAST_LOOK_S = 0.002, 0.1


class Deadline:
    """A moment by which something must have happened; seconds on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.budget = stretched(seconds)
        self._end = time.monotonic() + self.budget

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether the moment has passed."""
        return self.remaining == 0.0


def wait_until(look: Callable[[], T], deadline: Deadline, failure: Callable[[], Exception]) -> T:
    """Return the first true result of `look`; raise `failure()` when the deadline passes.

    For things that send no event. Looks at once, then at growing intervals of 2 to 100 ms.
    """
    pause = _FIRST_LOOK_S
    while True:
        if result := look():
            return result
        if deadline.expired:
            raise failure()
        time.sleep(min(pause, deadline.remaining))
        pause = min(pause * 1.5, _LAST_LOOK_S)
