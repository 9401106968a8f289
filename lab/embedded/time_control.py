"""Time control of the embedded lab: the one clock that all hosts of a guest share, moved through the supervisor.

Only the guest's time moves. This machine's stays, and with it every deadline of ours, the supervisor's heartbeat, slirp4netns.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from lab.embedded.runs import Run
from lab.errors import ConfigError

MICROSECOND = dt.timedelta(microseconds=1)


class GuestTime:
    """The clock of a guest; keeps the protocol TimeControl of `lab.backends.base`."""

    def __init__(self, run: Callable[[], Run]) -> None:
        """`run` returns the guest, or raises ConfigError while there is none."""
        self._run = run

    def advance(self, duration: dt.timedelta) -> None:
        """Move the clock forward. Raises ConfigError for a duration that is not positive, InfrastructureError."""
        if duration <= dt.timedelta(0):
            raise ConfigError(f"the lab's clock can only go forward, not by {duration}", hint="advance(timedelta(minutes=8))")
        self._ahead(duration // MICROSECOND * 1000)

    @property
    def now(self) -> dt.datetime:
        """What the guest's hosts take for the time, UTC; nobody but `advance` sets it. Raises InfrastructureError."""
        return dt.datetime.now(dt.UTC) + self._ahead() / 1000 * MICROSECOND

    @property
    def moved(self) -> bool:
        """Whether anybody has moved it. Raises InfrastructureError."""
        return self._ahead() > 0

    def _ahead(self, further: int = 0) -> int:
        """Move it by so many nanoseconds; return how far it is ahead of this machine's."""
        ahead = self._run().request(op="advance", nanoseconds=further)["ok"]
        assert isinstance(ahead, int)
        return ahead
