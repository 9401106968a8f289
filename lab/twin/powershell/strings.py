"""Methods of strings, as System.String has them: ordinal, with .NET's bounds."""

from __future__ import annotations

from collections.abc import Callable

from lab.twin.powershell.convert import to_integer, to_text
from lab.twin.powershell.errors import NotSupportedByTwin, method_failure
from lab.twin.powershell.values import Char, TypedArray, each

RANGE = "System.ArgumentOutOfRangeException"
COMPARISON = {"ordinal": False, "ordinalignorecase": True, "invariantculture": False, "invariantcultureignorecase": True,
              "currentculture": False, "currentcultureignorecase": True}


def _folded(text: str, other: object, comparison: object) -> tuple[str, str]:
    if comparison is not None and to_text(comparison).lower() not in COMPARISON:
        raise NotSupportedByTwin(f"the string comparison {to_text(comparison)!r}")
    fold = comparison is not None and COMPARISON[to_text(comparison).lower()]
    return (text.lower(), to_text(other).lower()) if fold else (text, to_text(other))


def _starts(text: str, start: object, comparison: object = None) -> bool:
    one, other = _folded(text, start, comparison)
    return one.startswith(other)


def _ends(text: str, end: object, comparison: object = None) -> bool:
    one, other = _folded(text, end, comparison)
    return one.endswith(other)


def _equals(text: str, other: object, comparison: object = None) -> bool:
    one, second = _folded(text, other, comparison)
    return one == second


def _index_of(text: str, part: object, start: object = 0) -> int:
    if not isinstance(start, int):
        one, other = _folded(text, part, start)
        return one.find(other)
    return text.find(to_text(part), start)


def _checked(method: str, text: str, start: object, length: object) -> tuple[int, int]:
    """Return bounds that lie within the text. Raises PowerShellError."""
    first = to_integer("int", start)
    count = len(text) - first if length is None else to_integer("int", length)
    if first < 0 or count < 0 or first + count > len(text):
        raise method_failure(method, 1 if length is None else 2, "Index and length must refer to a location within the string.", RANGE)
    return first, count


def _substring(text: str, start: object, length: object = None) -> str:
    first, count = _checked("Substring", text, start, length)
    return text[first : first + count]


def _remove(text: str, start: object, length: object = None) -> str:
    first, count = _checked("Remove", text, start, length)
    return text[:first] + text[first + count :]


def _insert(text: str, at: object, part: object) -> str:
    first, _ = _checked("Insert", text, at, None)
    return text[:first] + to_text(part) + text[first:]


def _replace(text: str, old: object, new: object) -> str:
    if not to_text(old):
        raise method_failure("Replace", 2, "String cannot be of zero length.", "System.ArgumentException")
    return text.replace(to_text(old), to_text(new))


def _characters(values: tuple[object, ...]) -> str:
    return "".join(to_text(one) for value in values for one in each(value))


def _trimmed(method: Callable[[str, str | None], str]) -> Callable[..., str]:
    return lambda text, *characters: method(text, _characters(characters) or None)


def _split(text: str, *arguments: object) -> object:
    """Split at any of the characters; then a number of parts, then the option RemoveEmptyEntries."""
    given = list(arguments)
    drop = False
    most = 0
    if len(given) > 1 and isinstance(given[-1], str) and given[-1].lower() in ("removeemptyentries", "none"):
        drop = to_text(given.pop()).lower() != "none"
    if len(given) > 1 and isinstance(given[-1], int):
        most = int(str(given.pop()))
    if drop and most:
        raise NotSupportedByTwin("String.Split with a number of parts and RemoveEmptyEntries")
    separators = _characters(tuple(given))
    parts = [""]
    for character in text:
        if (character in separators if separators else character.isspace()) and (most == 0 or len(parts) < most):
            parts.append("")
        else:
            parts[-1] += character
    return TypedArray("string", [part for part in parts if part or not drop])


def _pad(method: Callable[[str, int, str], str]) -> Callable[..., str]:
    return lambda text, width, fill=" ": method(text, to_integer("int", width), to_text(fill))


def _case(method: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(changed if len(changed := method(sign)) == 1 else sign for sign in text)


METHODS: dict[str, Callable[..., object]] = {
    "trim": _trimmed(str.strip), "trimstart": _trimmed(str.lstrip), "trimend": _trimmed(str.rstrip),
    "toupper": _case(str.upper), "tolower": _case(str.lower), "toupperinvariant": _case(str.upper), "tolowerinvariant": _case(str.lower),
    "startswith": _starts, "endswith": _ends, "equals": _equals, "contains": lambda text, part: to_text(part) in text,
    "indexof": _index_of, "lastindexof": lambda text, part: text.rfind(to_text(part)), "replace": _replace, "substring": _substring,
    "split": _split, "padleft": _pad(str.rjust), "padright": _pad(str.ljust), "insert": _insert, "remove": _remove,
    "tochararray": lambda text: TypedArray("char", [Char(one) for one in text]),
}
"""By lower-case name; what they do not take is refused by whoever calls them."""
