"""Comparisons: -eq, -lt, -like; the right side is converted to the left side's type."""

from __future__ import annotations

import re

from lab.twin.powershell.convert import to_bool, to_number, to_text, to_version
from lab.twin.powershell.dates import DateTime, TimeSpan
from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, failure
from lab.twin.powershell.values import NOTHING, Char, EnumValue, PSObject, Switch, Version


def equal(left: object, right: object, *, case: bool = False) -> bool:
    """Whether -eq holds."""
    if left is None or right is None or left is NOTHING or right is NOTHING:
        return left in (None, NOTHING) and right in (None, NOTHING)
    if isinstance(left, Switch):
        left = left.present
    if isinstance(left, bool):
        return left == to_bool(right)
    if isinstance(left, EnumValue) and isinstance(right, int):
        return left.number == right
    if isinstance(left, Char) and not isinstance(right, str):
        raise NotSupportedByTwin("a [char] compared with something else than text (cast it to [string] or [int])")
    if isinstance(left, str):
        other = to_text(right)
        return left == other if case else left.lower() == other.lower()
    if isinstance(left, (int, float)):
        try:
            return left == to_number(right)
        except PowerShellError:  # what is no number equals no number
            return False
    if isinstance(left, Version):
        return left == to_version(right)
    if isinstance(left, (DateTime, TimeSpan)):
        if type(left) is not type(right):
            raise NotSupportedByTwin(f"a {type(left).__name__} compared with something else")
        return left == right
    if isinstance(left, PSObject) and left.text is not None:
        return left.text.lower() == to_text(right).lower()
    return left is right


def ordering(left: object, right: object, *, case: bool = False) -> int:
    """Return -1, 0, 1 as the left side is less, equal, greater. Raises PowerShellError for what cannot be compared."""
    if left is None and right is None:
        return 0
    if left is None or right is None:
        return _with_null(left, right)
    if isinstance(left, Version):
        other_version = to_version(right)
        return (left > other_version) - (left < other_version)
    if isinstance(left, DateTime) and isinstance(right, DateTime):
        return (left > right) - (left < right)
    if isinstance(left, TimeSpan) and isinstance(right, TimeSpan):
        return (left > right) - (left < right)
    if isinstance(left, str) and not isinstance(left, EnumValue):
        return _texts(to_text(left), to_text(right), case=case)
    if not isinstance(left, (int, float, bool, EnumValue, Switch)):
        raise NotSupportedByTwin(f"an ordering comparison of {type(left).__name__} (compare a property)")
    try:
        one, other = to_number(left), to_number(right)
    except PowerShellError as error:
        raise failure(f'Could not compare "{to_text(left)}" to "{to_text(right)}". Error: "{error.record.message}"',
                      identifier="ComparisonFailure", category="NotSpecified") from None
    return (one > other) - (one < other)


def _with_null(left: object, right: object) -> int:
    """$null is less than text and than positive numbers, and greater than negative ones."""
    present = right if left is None else left
    sign = 1 if isinstance(present, str) and present else 0
    if isinstance(present, (int, float)):
        sign = (present > 0) - (present < 0)
    if sign == 0:
        raise NotSupportedByTwin("an ordering comparison with $null (test for $null first)")
    return -sign if left is None else sign


def _texts(left: str, right: str, *, case: bool) -> int:
    """Compare as Windows' collation does as far as that is plain: words of letters, digits, spaces and dots."""
    one, other = left.lower(), right.lower()
    if one == other:
        if case and left != right:
            raise NotSupportedByTwin("an ordering of texts that differ in case only")
        return 0
    if not (one + other).isascii() or "-" in one + other or "'" in one + other:
        raise NotSupportedByTwin(f"the order of {left!r} and {right!r}: Windows' collation is not that of the characters' numbers")
    place = next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if place is None:
        return (len(one) > len(other)) - (len(one) < len(other))
    first, second = one[place], other[place]
    ranks = [2 if sign.isalpha() else 1 if sign.isdigit() else 0 for sign in (first, second)]
    if ranks == [0, 0]:
        raise NotSupportedByTwin(f"the order of {left!r} and {right!r}: Windows' collation is not that of the characters' numbers")
    keys = ((ranks[0], first), (ranks[1], second))
    return (keys[0] > keys[1]) - (keys[0] < keys[1])


def like(text: str, pattern: str, *, case: bool = False) -> bool:
    """Whether -like holds: * ? [a-z], and ` before a character that is meant as such."""
    parts: list[str] = []
    place = 0
    while place < len(pattern):
        sign = pattern[place]
        if sign == "`" and place + 1 < len(pattern):
            place += 1
            parts.append(re.escape(pattern[place]))
        elif sign == "[":
            end = pattern.find("]", place + 2)
            if end < 0:
                raise failure(f"The specified wildcard character pattern is not valid: {pattern}", identifier="RuntimeException",
                              category="NotSpecified")
            inner = re.sub(r"([\\^\[&~|])", r"\\\1", pattern[place + 1 : end])
            parts.append(f"[{inner}]")
            place = end
        else:
            parts.append(".*" if sign == "*" else "." if sign == "?" else re.escape(sign))
        place += 1
    return re.fullmatch("".join(parts), text, re.S | (0 if case else re.I)) is not None
