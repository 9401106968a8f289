"""When a connection ends or is rekeyed by itself: idleTimeout, networkBlackoutTime, saDataSize and saLifeTime ([MS-RRASM] 2.2.3.4.2.1 to .4).

Windows sends no dead peer detection to VPN clients ([MS-IKEE], note 33): it learns that a client is gone from a request of its own that stays
unanswered for networkBlackoutTime. Such a request is the rekey of the child SA after saLifeTime or saDataSize. That both begin to count from
the SA's installation, that each direction counts its own bytes, and that nothing else asks, is inferred. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BOUNDS = {"idleTimeout": (300, 17_279_999), "networkBlackoutTime": (120, 0xFFFFFFFF), "saLifeTime": (300, 0xFFFFFFFF),
          "saDataSize": (1024, 0xFFFFFFFF)}
"""Smallest and largest value: seconds, of saDataSize kilobytes."""
DEFAULTS = {"idleTimeout": 300, "networkBlackoutTime": 1800, "saLifeTime": 28800, "saDataSize": 102400}
KILOBYTE = 1024
FOREVER = 30 * 86400
"""Seconds that charon can wait for an answer at most: its timers count milliseconds in 32 bits."""
FIRST, TRIES = 4.0, 5
"""Seconds until a request is sent again, and how often it is: charon's own defaults. Windows' schedule is not documented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Liveness:
    """Times of IKEv2 connections, seconds, and their volume; None: it never happens (inverted twins only)."""

    idle: int | None = DEFAULTS["idleTimeout"]
    """Without traffic for so long a connection is ended."""
    blackout: int | None = DEFAULTS["networkBlackoutTime"]
    """A request that is unanswered for so long ends it."""
    lifetime: int | None = DEFAULTS["saLifeTime"]
    """A child SA is rekeyed after so long."""
    data_size: int | None = DEFAULTS["saDataSize"]
    """And after so many kilobytes."""
    problems: tuple[str, ...] = ()
    """Values out of range, which were replaced by their defaults."""


def liveness(values: Mapping[str, object]) -> Liveness:
    """Return the times that the values of the key IKEV2 mean; absent ones have their defaults, ones out of range too, and are reported."""
    numbers, problems = dict(DEFAULTS), []
    for name, (least, most) in BOUNDS.items():
        value = values.get(name)
        if isinstance(value, int) and least <= value <= most:
            numbers[name] = value
        elif value is not None:
            problems.append(f"{name}={value} is out of range; {DEFAULTS[name]} is used")
    return Liveness(idle=numbers["idleTimeout"], blackout=numbers["networkBlackoutTime"], lifetime=numbers["saLifeTime"],
                    data_size=numbers["saDataSize"], problems=tuple(problems))


def retransmission(budget: int | None) -> str:
    """Return charon's settings by which an unanswered request is given up after so many seconds: the intervals grow by a constant factor."""
    seconds = float(min(budget or FOREVER, FOREVER))
    low, high = 1.0, seconds
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _total(middle) < seconds else (low, middle)
    return f"retransmit_timeout = {FIRST}\nretransmit_tries = {TRIES}\nretransmit_base = {high:.9f}\n"


def _total(factor: float) -> float:
    """Seconds from a request to giving it up."""
    return FIRST * sum(factor**number for number in range(TRIES + 1))
