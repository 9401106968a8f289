"""Conversions as PowerShell makes them implicitly, and casts."""

from __future__ import annotations

import re
import uuid

from lab.twin.powershell.errors import ErrorRecord, NotSupportedByTwin, PowerShellError, failure
from lab.twin.powershell.numbers import KINDS, Sized, UInt32, UInt64, fits, literal
from lab.twin.powershell.values import (
    NOTHING,
    Char,
    EnumValue,
    PSHash,
    PSObject,
    ScriptBlock,
    SecureString,
    Switch,
    TypedArray,
    TypeValue,
    Version,
    items_of,
)

WHOLE = re.compile(r"[+-]?\d+", re.ASCII)  # 10 -3
REAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.I)  # 1.5 .5 1e3
HEXADECIMAL = re.compile(r"0x([0-9a-f]+)", re.ASCII | re.I)  # 0x1F
LIKE_A_NUMBER = re.compile(r"[+-]?(?:0x[0-9a-f]+|[\d,]*\.?\d+)(?:[ld])?(?:kb|mb|gb|tb|pb)?", re.ASCII | re.I)  # 1,000 10MB 5L
PLAIN_TEXT = frozenset({"System.ServiceProcess.ServiceController", "System.Collections.DictionaryEntry"})
"""Types whose text is their name."""
FULL_NAMES = {name: kind.full_name if issubclass(kind, Sized) else "System.Int32" for name, (kind, _, _) in KINDS.items()}


# -- text -------------------------------------------------------------------------------------------------------------


def to_text(value: object) -> str:
    """Return what a string makes of a value. Raises NotSupportedByTwin for what has no text that the twin knows."""
    if value is None or value is NOTHING:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, (list, bytes)):
        return " ".join("System.Object[]" if isinstance(item, (list, bytes)) else to_text(item) for item in items_of(value))
    if isinstance(value, PSObject):
        return _object_text(value)
    if isinstance(value, PSHash):
        return "System.Collections.Specialized.OrderedDictionary" if value.ordered else "System.Collections.Hashtable"
    if isinstance(value, ErrorRecord):
        return value.message
    if isinstance(value, ScriptBlock):
        return value.source
    if isinstance(value, Switch):
        return str(value.present)
    if isinstance(value, TypeValue):
        raise NotSupportedByTwin(f"the type [{value.name}] as text")
    return str(value)


def float_text(value: float) -> str:
    """Return a Double as .NET Framework writes it: 15 digits."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124
    text = format(value, ".15g").upper()
    return "0" if text == "-0" else text


def _object_text(value: PSObject) -> str:
    if value.type_name.endswith("Exception"):
        raise NotSupportedByTwin("an exception as text, which on Windows has its stack (write $_.Exception.Message)")
    if value.text is not None:
        return value.text
    if value.type_name == "PSCustomObject":
        parts = ((name, content() if callable(content) else content) for name, content in value.properties.items())
        return "@{" + "; ".join(f"{name}={_in_object(content)}" for name, content in parts) + "}"
    if value.type_name not in PLAIN_TEXT:
        raise NotSupportedByTwin(f"an object of type {value.type_name} as text (write a property)")
    return value.type_name


def _in_object(content: object) -> str:
    return "System.Object[]" if isinstance(content, (list, bytes)) else to_text(content)


# -- truth and numbers ------------------------------------------------------------------------------------------------


def to_bool(value: object) -> bool:
    """Return what a condition makes of a value."""
    if value is None or value is NOTHING:
        return False
    if isinstance(value, Switch):
        return value.present
    if isinstance(value, (list, bytes)):
        items = items_of(value)
        return to_bool(items[0]) if len(items) == 1 and not isinstance(items[0], list) else bool(items)
    if isinstance(value, EnumValue):
        return value.number != 0
    if isinstance(value, Char):
        return value != "\0"
    return bool(value) if isinstance(value, (str, int, float)) else True


def to_number(value: object) -> int | float:
    """Return a number. Raises PowerShellError for what is none."""
    if isinstance(value, bool) or value is None or value is NOTHING:
        return int(value is True)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, Switch):
        return int(value.present)
    if isinstance(value, EnumValue):
        return value.number
    if isinstance(value, Char):
        return ord(value)
    if isinstance(value, str):
        return text_to_number(value)
    if isinstance(value, (list, bytes)) and len(value) == 1:
        raise NotSupportedByTwin("an array of one item as a number (write its item [0])")
    kind = "System.Object[]" if isinstance(value, (list, bytes)) else value.type_name if isinstance(value, PSObject) else "value"
    raise failure(f'Cannot convert the "{kind}" value to type "System.Int32".', identifier="ConvertToFinalInvalidCastException",
                  exception="System.Management.Automation.PSInvalidCastException", category="InvalidArgument")


def text_to_number(text: str) -> int | float:
    """Return the number that a text is. Raises PowerShellError."""
    stripped = text.strip()
    if not stripped:
        return 0
    if WHOLE.fullmatch(stripped):
        return literal(int(stripped))
    if found := HEXADECIMAL.fullmatch(stripped):
        if int(found[1], 16) >= 1 << 31:
            raise NotSupportedByTwin(f"the text {stripped!r} as a number (whether it is signed depends on the type)")
        return int(found[1], 16)
    if REAL.fullmatch(stripped):
        return float(stripped)
    if LIKE_A_NUMBER.fullmatch(stripped):
        raise NotSupportedByTwin(f"the text {stripped!r} as a number")
    raise failure(f'Cannot convert value "{text}" to type "System.Int32". Error: "Input string was not in a correct format."',
                  exception="System.Management.Automation.PSInvalidCastException", identifier="InvalidCastFromStringToInteger",
                  category="InvalidArgument")


# -- casts ------------------------------------------------------------------------------------------------------------


def cast(name: str, value: object) -> object:
    """Convert a value to a type. Raises PowerShellError when it cannot be, NotSupportedByTwin for an unknown type."""
    kind = name.lower().removeprefix("system.")
    value = None if value is NOTHING else value
    if kind.endswith("[]"):
        return _to_array(kind[:-2], value)
    if kind in ("object", "psobject"):
        return value
    if kind == "string":
        return to_text(value)
    if kind in ("bool", "boolean"):
        return to_bool(value)
    if kind in ("switch", "management.automation.switchparameter"):
        return value if isinstance(value, Switch) else Switch(to_bool(value))
    if kind in KINDS:
        return to_integer(kind, value)
    if kind == "double":
        return float(to_number(value))
    if kind == "array":
        return value if value is None or isinstance(value, list) else list(items_of(value)) if isinstance(value, bytes) else [value]
    if kind == "void":
        return NOTHING
    return _to_object(name, kind, value)


def _to_object(name: str, kind: str, value: object) -> object:
    if kind == "char":
        return _to_char(value)
    if kind in ("hashtable", "collections.hashtable", "collections.idictionary"):
        if isinstance(value, PSHash) or value is None:
            return value
        raise failure(f'Cannot convert the "{to_text(value)}" value to type "System.Collections.Hashtable".',
                      identifier="ConvertToFinalInvalidCastException", category="InvalidArgument",
                      exception="System.Management.Automation.PSInvalidCastException")
    if kind == "ordered" and isinstance(value, PSHash):
        return PSHash(value.items(), ordered=True)
    if kind in ("pscustomobject", "management.automation.pscustomobject"):
        return PSObject([(to_text(key), content) for key, content in value.items()]) if isinstance(value, PSHash) else value
    if (kind in ("scriptblock", "management.automation.scriptblock") and isinstance(value, ScriptBlock)) or \
            (kind in ("securestring", "security.securestring") and isinstance(value, SecureString)):
        return value
    if kind == "guid":
        return _to_guid(value)
    if kind == "version":
        return to_version(value)
    raise NotSupportedByTwin(f"a cast to [{name}]")


def _to_char(value: object) -> Char:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFFFF:
        return Char(chr(value))
    if isinstance(value, str) and len(value) == 1:
        return Char(value)
    raise failure(f'Cannot convert value "{to_text(value)}" to type "System.Char". Error: "String must be exactly one character long."',
                  exception="System.Management.Automation.PSInvalidCastException", identifier="InvalidCastParseTargetInvocation",
                  category="InvalidArgument")


def _to_guid(value: object) -> PSObject:
    text = to_text(value)
    try:
        found = str(uuid.UUID(text))
    except ValueError:
        raise failure(f'Cannot convert value "{text}" to type "System.Guid".', identifier="InvalidCastParseTargetInvocation",
                      exception="System.Management.Automation.PSInvalidCastException", category="InvalidArgument") from None
    return PSObject([("Guid", found)], type_name="System.Guid", text=found)


def to_version(value: object) -> Version:
    """Return a version. Raises PowerShellError."""
    if isinstance(value, Version):
        return value
    parts = to_text(value).split(".")
    if not 2 <= len(parts) <= 4 or not all(re.fullmatch(r"\d+", part, re.ASCII) for part in parts):
        raise failure(f'Cannot convert value "{to_text(value)}" to type "System.Version".', identifier="InvalidCastParseTargetInvocation",
                      exception="System.Management.Automation.PSInvalidCastException", category="InvalidArgument")
    numbers = [int(part) for part in parts] + [-1] * (4 - len(parts))
    return Version((numbers[0], numbers[1], numbers[2], numbers[3]))


def _to_array(kind: str, value: object) -> object:
    if value is None:
        return None
    if kind == "byte" and isinstance(value, bytes):
        return value
    items = items_of(value) if isinstance(value, (list, bytes)) else [value]
    if kind == "byte":
        return bytes(to_integer("byte", item) for item in items)
    if kind in ("object", "psobject"):
        return list(items)
    return TypedArray(kind, [cast(kind, item) for item in items])


def to_integer(kind: str, value: object) -> int:
    """Return an integer of a type, rounded half to even. Raises PowerShellError when it does not fit."""
    of_type = KINDS[kind][0]
    if isinstance(value, str) and not isinstance(value, (Char, EnumValue)) and of_type in (UInt32, UInt64) and HEXADECIMAL.fullmatch(value):
        raise NotSupportedByTwin(f"hexadecimal text as [{kind}]")
    full = FULL_NAMES[kind]
    try:
        result = round(to_number(value))
    except PowerShellError as error:
        error.record.message = error.record.message.replace("System.Int32", full)
        raise
    except (OverflowError, ValueError):
        result = 1 << 80  # infinity, NaN: in no range
    if not fits(of_type, result):
        short = full.rpartition(".")[2]
        raise failure(f'Cannot convert value "{to_text(value)}" to type "{full}". Error: "Value was either too large or'
                      f' too small for a{"n" if short[0] in "IU" else ""} {short}."',
                      exception="System.Management.Automation.PSInvalidCastException", identifier="InvalidCastIConvertible",
                      category="InvalidArgument")
    return of_type(result)
