"""Dates: System.DateTime and System.TimeSpan as far as scripts compare, add and format them. The twin's clock is UTC."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.numbers import literal

CUSTOM = {"yyyy": "{0.year:04d}", "MM": "{0.month:02d}", "dd": "{0.day:02d}", "HH": "{0.hour:02d}", "mm": "{0.minute:02d}",
          "ss": "{0.second:02d}", "yy": "{1:02d}", "fff": "{2:03d}"}
PIECE = re.compile(r"([A-Za-z])\1*|'([^']*)'|.", re.S)
STANDARD = {"s": "yyyy-MM-ddTHH:mm:ss", "u": "yyyy-MM-dd HH:mm:ssZ"}


@dataclass(frozen=True, slots=True, order=True)
class TimeSpan:
    """A duration."""

    value: dt.timedelta

    def __str__(self) -> str:
        raise NotSupportedByTwin("a [timespan] as text (write its TotalSeconds)")


@dataclass(frozen=True, slots=True, order=True)
class DateTime:
    """A point in time."""

    value: dt.datetime

    def __str__(self) -> str:
        return self.value.strftime("%m/%d/%Y %H:%M:%S")

    def plus(self, span: TimeSpan) -> DateTime:
        """Return a later one."""
        return DateTime(self.value + span.value)

    def minus(self, other: object) -> object:
        """Return an earlier one, or the duration between two."""
        if isinstance(other, DateTime):
            return TimeSpan(self.value - other.value)
        if isinstance(other, TimeSpan):
            return DateTime(self.value - other.value)
        raise NotSupportedByTwin("a date minus something that is neither date nor duration")

    def format(self, form: str) -> str:
        """Return it in a .NET format of digits. Raises NotSupportedByTwin for names of days and months, time zones, and so on."""
        parts = []
        for piece in PIECE.finditer(STANDARD.get(form, form) if len(form) > 1 or form in STANDARD else "?"):
            if piece[2] is not None:
                parts.append(piece[2])
            elif piece[0] in CUSTOM:
                parts.append(CUSTOM[piece[0]].format(self.value, self.value.year % 100, self.value.microsecond // 1000))
            elif piece[0] in (" ", "-", ":", ".", "_", "T", "Z", ","):
                parts.append(piece[0])
            else:
                raise NotSupportedByTwin(f"the date format {form!r}")
        return "".join(parts)


YEAR_ONE = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
PROPERTIES = ("year", "month", "day", "hour", "minute", "second")
UNITS = {"adddays": "days", "addhours": "hours", "addminutes": "minutes", "addseconds": "seconds"}
TOTALS = {"totaldays": 86400.0, "totalhours": 3600.0, "totalminutes": 60.0, "totalseconds": 1.0, "totalmilliseconds": 0.001}


def read(value: DateTime | TimeSpan, name: str) -> object:
    """Return a property. Raises NotSupportedByTwin."""
    folded = name.lower()
    if isinstance(value, DateTime) and folded in PROPERTIES:
        return getattr(value.value, folded)
    if isinstance(value, DateTime) and folded == "ticks":
        return literal((value.value - YEAR_ONE) // dt.timedelta(microseconds=1) * 10)
    if isinstance(value, TimeSpan) and folded in TOTALS:
        return value.value.total_seconds() / TOTALS[folded]
    raise NotSupportedByTwin(f"the property {name} of a {type(value).__name__}")


def call(value: DateTime | TimeSpan, name: str, arguments: list[object]) -> object:
    """Call a method. Raises NotSupportedByTwin."""
    folded = name.lower()
    if isinstance(value, DateTime) and len(arguments) == 1:
        amount = arguments[0]
        if folded in UNITS and isinstance(amount, (int, float)):
            return DateTime(value.value + dt.timedelta(**{UNITS[folded]: amount}))
        if folded == "tostring" and isinstance(amount, str):
            return value.format(amount)
    if isinstance(value, DateTime) and folded in ("touniversaltime", "tolocaltime") and not arguments:
        return value
    raise NotSupportedByTwin(f"the method {name} of a {type(value).__name__}, or its arguments")
