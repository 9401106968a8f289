"""Regular expressions of .NET on Python's: what both mean alike is passed on, what differs is translated or refused."""

from __future__ import annotations

import re
from functools import lru_cache

from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.values import PSHash

SAME_ESCAPES = frozenset("dDwWsSbBAtnrfv0123456789xu\\.*+?|{}[]()^$#-/ '\"<>=!&%@,;:~`_")
GROUP = re.compile(r"\(\?(?:<(?![=!])(\w+)>|(:|=|!|<=|<!|>)|(i?m?s?n?x?)(\))?)")  # (?<name> (?: (?= (?i)
SUBSTITUTION = re.compile(r"\$(?:(\d+)|\{(\w+)\}|(\$)|(&)|([`'+_]))")  # $1 ${name} $$ $&


@lru_cache(maxsize=256)
def compiled(pattern: str, *, case: bool) -> re.Pattern[str]:
    """Return a .NET pattern compiled. Raises NotSupportedByTwin for what Python has not, or means otherwise."""
    try:
        found = re.compile(_translated(pattern), 0 if case else re.I)
    except (re.error, OverflowError) as error:
        raise NotSupportedByTwin(f"the regular expression {pattern!r} ({error})") from None
    if found.groupindex and found.groups != len(found.groupindex):
        raise NotSupportedByTwin(f"the regular expression {pattern!r}: named and numbered groups together (.NET numbers them otherwise)")
    return found


def _translated(pattern: str) -> str:
    parts: list[str] = []
    place = 0
    in_class = False
    while place < len(pattern):
        sign = pattern[place]
        if sign == "\\":
            text, place = _escape(pattern, place, in_class=in_class)
            parts.append(text)
            continue
        if in_class:
            if sign == "[" and parts[-1:] == ["-"]:
                raise _refused(pattern, "a subtraction of classes")
            in_class = sign != "]" or parts[-1] in ("[", "[^")
            parts.append("\\[" if sign == "[" else sign)
        elif sign == "[":
            in_class = True
            parts.append("[^" if pattern.startswith("[^", place) else "[")
            place += len(parts[-1]) - 1
        elif pattern.startswith("(?", place):
            text, place = _group(pattern, place)
            parts.append(text)
            continue
        elif pattern.startswith("{,", place) or re.match(r"[*+?}]\+", pattern[place:]):
            raise _refused(pattern, f"{pattern[place : place + 2]!r}")
        elif sign == "$":
            parts.append(r"(?=\n?\Z)")
        else:
            parts.append(sign)
        place += 1
    return "".join(parts)


def _refused(pattern: str, what: str) -> NotSupportedByTwin:
    return NotSupportedByTwin(f"{what} in the regular expression {pattern!r}")


def _escape(pattern: str, place: int, *, in_class: bool) -> tuple[str, int]:
    follows = pattern[place + 1 : place + 2]
    if follows == "z" and not in_class:
        return r"\Z", place + 2
    if follows == "Z" and not in_class:
        return r"(?=\n?\Z)", place + 2
    if follows == "k" and (named := re.compile(r"\\k<(\w+)>").match(pattern, place)):
        return f"(?P={named[1]})", named.end()
    if follows not in SAME_ESCAPES:
        raise _refused(pattern, f"'\\{follows}'")
    return pattern[place : place + 2], place + 2


def _group(pattern: str, place: int) -> tuple[str, int]:
    found = GROUP.match(pattern, place)
    if not found or (found[3] is not None and (found[4] is None or place > 0 or set(found[3]) & set("mn"))):
        raise _refused(pattern, f"{pattern[place : place + 4]!r}")
    if found[1]:
        return f"(?P<{found[1]}>", found.end()
    return found[0], found.end()


def substitute(pattern: str, replacement: str, text: str, *, case: bool) -> str:
    """Return Regex.Replace(text, pattern, replacement)."""
    expression = compiled(pattern, case=case)

    def expand(found: re.Match[str]) -> str:
        def one(reference: re.Match[str]) -> str:
            if reference[5]:
                raise NotSupportedByTwin(f"{reference[0]!r} in the replacement {replacement!r}")
            if reference[3] or reference[4]:
                return "$" if reference[3] else found[0]
            name: str | int = int(reference[1]) if reference[1] else reference[2]
            if isinstance(name, str) and name.isdigit():
                name = int(name)
            known = name in expression.groupindex if isinstance(name, str) else name <= expression.groups
            return (found[name] or "") if known else reference[0]

        return SUBSTITUTION.sub(one, replacement)

    return expression.sub(expand, text)


def matches_table(found: re.Match[str]) -> PSHash:
    """Return $Matches."""
    entries: list[tuple[object, object]] = [(0, found[0])]
    if found.re.groupindex:
        entries += [(name, value) for name, value in found.groupdict().items() if value is not None]
    else:
        entries += [(number, value) for number, value in enumerate(found.groups(), 1) if value is not None]
    return PSHash(entries)
