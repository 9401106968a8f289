"""Conversions and comparisons, as PowerShell makes them implicitly."""

from __future__ import annotations

import fnmatch
import re
import uuid

from lab.twin.powershell.errors import NotSupportedByTwin, failure
from lab.twin.powershell.values import Char, PSHash, PSObject, ScriptBlock, SecureString, Switch, TypeValue

INTEGERS = {"int": 32, "int32": 32, "long": 64, "int64": 64, "uint32": 32, "uint64": 64, "byte": 8, "uint16": 16, "int16": 16}


def to_text(value: object) -> str:
    """Return what a string makes of a value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, (list, bytes)):
        return " ".join(to_text(item) for item in value)
    if isinstance(value, PSObject):
        return _object_text(value)
    if isinstance(value, PSHash):
        return "System.Collections.Specialized.OrderedDictionary" if value.ordered else "System.Collections.Hashtable"
    if isinstance(value, TypeValue):
        return value.name
    if isinstance(value, ScriptBlock):
        return value.source
    if isinstance(value, Switch):
        return str(value.present)
    return str(value)


def _object_text(value: PSObject) -> str:
    if value.text is not None:
        return value.text
    if value.type_name == "PSCustomObject":
        return "@{" + "; ".join(f"{name}={to_text(content)}" for name, content in value.properties.items()) + "}"
    return value.type_name


def to_bool(value: object) -> bool:
    """Return what a condition makes of a value."""
    if isinstance(value, Switch):
        return value.present
    if isinstance(value, list):
        return to_bool(value[0]) if len(value) == 1 else bool(value)
    if isinstance(value, (PSObject, PSHash, TypeValue, ScriptBlock)):
        return True
    return bool(value)


def to_number(value: object) -> int | float:
    """Return a number. Raises PowerShellError for text that is none."""
    if isinstance(value, bool) or value is None:
        return int(bool(value))
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, Switch):
        return int(value.present)
    if isinstance(value, Char):
        return ord(value)
    text = to_text(value).strip()
    try:
        if text.lower().startswith("0x"):
            return int(text, 16)
        return float(text) if any(sign in text for sign in ".eE") else int(text or "0")
    except ValueError:
        raise failure(f'Cannot convert value "{text}" to type "System.Int32". Error: "Input string was not in a correct'
                      ' format."',
                      exception="System.Management.Automation.PSInvalidCastException", identifier="InvalidCastFromStringToInteger",
                      category="InvalidArgument") from None


def cast(name: str, value: object) -> object:
    """Convert a value to a type. Raises PowerShellError when it cannot be, NotSupportedByTwin for an unknown type."""
    kind = name.lower().removeprefix("system.")
    if kind.endswith("[]"):
        return _to_array(kind[:-2], value)
    if kind in ("object", "psobject"):
        return value
    if kind == "string":
        return to_text(value)
    if kind in ("bool", "boolean"):
        return to_bool(value)
    if kind == "switch":
        return value if isinstance(value, Switch) else Switch(to_bool(value))
    if kind in INTEGERS:
        return _to_integer(kind, value)
    if kind in ("double", "float", "decimal"):
        return float(to_number(value))
    if kind == "char":
        return Char(chr(value) if isinstance(value, int) else to_text(value)[:1])
    if kind == "array":
        return value if isinstance(value, list) else [value]
    if kind in ("hashtable", "collections.hashtable", "collections.idictionary"):
        if isinstance(value, PSHash) or value is None:
            return value
        raise failure(f'Cannot convert the "{to_text(value)}" value to type "System.Collections.Hashtable".',
                      identifier="ConvertToFinalInvalidCastException", category="InvalidArgument")
    if kind == "ordered" and isinstance(value, PSHash):
        return PSHash(value.items(), ordered=True)
    if kind in ("pscustomobject", "management.automation.pscustomobject"):
        return PSObject([(to_text(key), content) for key, content in value.items()]) if isinstance(value, PSHash) else value
    if kind == "void":
        return None
    if kind == "scriptblock" and isinstance(value, ScriptBlock):
        return value
    if kind == "guid":
        return str(uuid.UUID(to_text(value)))
    if kind == "security.securestring" and isinstance(value, SecureString):
        return value
    if kind == "version":
        return to_text(value)
    raise NotSupportedByTwin(f"a cast to [{name}]")


def _to_array(kind: str, value: object) -> object:
    if kind == "byte":
        if isinstance(value, bytes):
            return value
        return bytes(int(to_number(item)) for item in (value if isinstance(value, list) else [value]))
    items = value if isinstance(value, list) else list(value) if isinstance(value, bytes) else [] if value is None else [value]
    return [cast(kind, item) for item in items]


def _to_integer(kind: str, value: object) -> int:
    number = to_number(value)
    result = round(number)
    bits = INTEGERS[kind]
    low, high = (0, 1 << bits) if kind.startswith(("u", "byte")) else (-(1 << bits - 1), 1 << bits - 1)
    if not low <= result < high:
        raise failure(f'Cannot convert value "{to_text(value)}" to type "System.{kind}". Error: "Value was either too large or'
                      ' too small."',
                      exception="System.Management.Automation.PSInvalidCastException", identifier="InvalidCastIConvertible",
                      category="InvalidArgument")
    return result


def equal(left: object, right: object, *, case: bool = False) -> bool:
    """Whether -eq holds; the right side is converted to the left side's type."""
    if isinstance(left, str):
        other = to_text(right) if right is not None else None
        if other is None:
            return False
        return left == other if case else left.lower() == other.lower()
    if isinstance(left, bool):
        return left == to_bool(right)
    if isinstance(left, (int, float)):
        if right is None:
            return False
        try:
            return left == to_number(right)
        except Exception:  # noqa: BLE001 - text that is no number equals no number
            return False
    return left is right or left == right


def ordering(left: object, right: object) -> int:
    """Return -1, 0, 1 as the left side is less, equal, greater."""
    if isinstance(left, str):
        first, second = left.lower(), to_text(right).lower()
        return (first > second) - (first < second)
    one, other = to_number(left), to_number(right)
    return (one > other) - (one < other)


def like(text: str, pattern: str) -> bool:
    """Whether -like holds."""
    translated = fnmatch.translate(pattern.replace("`*", "[*]").replace("`?", "[?]"))
    return re.match(translated, text, re.I) is not None


def dotnet_pattern(pattern: str) -> str:
    """Return a .NET regular expression as Python's: groups are named otherwise."""
    return re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern)
