"""Properties and methods of values: strings, arrays, hashtables, objects, error records."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.twin.powershell.convert import to_number, to_text
from lab.twin.powershell.errors import ErrorRecord, NotSupportedByTwin, failure
from lab.twin.powershell.registry import find_type
from lab.twin.powershell.values import PSHash, PSObject, ScriptBlock, SecureString, Switch, TypeValue

if TYPE_CHECKING:
    from lab.twin.powershell.evaluate import Evaluator

NAMES: dict[type, str] = {str: "System.String", bool: "System.Boolean", int: "System.Int32", float: "System.Double",
                          list: "System.Object[]", bytes: "System.Byte[]", ScriptBlock: "System.Management.Automation.ScriptBlock",
                          PSHash: "System.Collections.Hashtable", SecureString: "System.Security.SecureString",
                          Switch: "System.Management.Automation.SwitchParameter"}


def type_name(value: object) -> str:
    """Return the full name of a value's .NET type."""
    if isinstance(value, PSObject):
        return "System.Management.Automation.PSCustomObject" if value.type_name == "PSCustomObject" else value.type_name
    return NAMES.get(type(value), "System.Object")


def is_of_type(value: object, kind: object) -> bool:
    """Whether -is holds."""
    name = (kind.name if isinstance(kind, TypeValue) else to_text(kind)).lower().removeprefix("system.")
    own = type_name(value).lower().removeprefix("system.")
    same = {"int": "int32", "bool": "boolean", "array": "object[]", "hashtable": "collections.hashtable", "psobject": own,
            "pscustomobject": "management.automation.pscustomobject", "collections.idictionary": "collections.hashtable",
            "scriptblock": "management.automation.scriptblock"}
    return same.get(name, name) == own or (name == "object" and value is not None)


def read_property(runtime: Evaluator, target: object, name: str) -> object:
    """Return a property; under StrictMode a missing one is an error."""
    folded = name.lower()
    if isinstance(target, PSHash):
        return _hash_property(target, name)
    if isinstance(target, PSObject):
        known = target.name_of(name)
        if known is not None:
            value = target.properties[known]
            return value() if callable(value) else value
        if folded == "psobject":
            return PSObject([("Properties", [PSObject([("Name", key), ("Value", one)]) for key, one in target.properties.items()])])
    elif isinstance(target, ErrorRecord):
        return _record_property(target, folded)
    elif isinstance(target, (list, str, bytes)) and folded in ("length", "count"):
        return len(target) if not isinstance(target, str) or folded == "length" else 1
    elif isinstance(target, list):
        return [read_property(runtime, item, name) for item in target]
    elif isinstance(target, Switch) and folded == "ispresent":
        return target.present
    elif isinstance(target, TypeValue) and folded in ("fullname", "name"):
        return target.name if folded == "fullname" else target.name.rpartition(".")[2]
    elif folded in ("count", "length"):
        return 0 if target is None else 1
    if runtime.strict:
        raise failure(f"The property '{name}' cannot be found on this object. Verify that the property exists.",
                      exception="System.Management.Automation.PropertyNotFoundException", identifier="PropertyNotFoundStrict")
    return None


def _hash_property(target: PSHash, name: str) -> object:
    if name in target:
        return target.get(name)
    folded = name.lower()
    if folded == "count":
        return len(target)
    if folded == "keys":
        return [key for key, _ in target.items()]
    if folded == "values":
        return [value for _, value in target.items()]
    return None


def _record_property(record: ErrorRecord, name: str) -> object:
    exception = PSObject([("Message", record.message), ("HResult", -2146233087)], type_name=record.exception, text=record.message)
    values: dict[str, object] = {
        "exception": exception, "fullyqualifiederrorid": record.identifier, "targetobject": record.target,
        "categoryinfo": PSObject([("Category", record.category), ("TargetName", record.target)]),
        "scriptstacktrace": "", "errordetails": None,
        "invocationinfo": PSObject([("PositionMessage", "\n".join(record.lines()[1:4])), ("MyCommand", record.command)]),
    }
    if name not in values:
        raise NotSupportedByTwin(f"the property {name} of an error record")
    return values[name]


def write_property(target: object, name: str, value: object) -> None:
    """Set a property. Raises PowerShellError for one that cannot be set."""
    if isinstance(target, PSHash):
        target[name] = value
    elif isinstance(target, PSObject) and target.name_of(name) is not None:
        target.set(name, value)
    else:
        raise failure(f"The property '{name}' cannot be found on this object. Verify that the property exists and can be set.",
                      identifier="PropertyNotFound", category="InvalidOperation")


def static_property(target: object, name: str) -> object:
    """Return [type]::name. Raises NotSupportedByTwin."""
    if not isinstance(target, TypeValue):
        raise NotSupportedByTwin(f"::{name} of a value")
    known = find_type(target.name)
    if name.lower() not in known.properties:
        raise NotSupportedByTwin(f"[{target.name}]::{name}")
    return known.properties[name.lower()]


StringMethod = Callable[..., object]
STRING: dict[str, StringMethod] = {
    "trim": lambda text, *characters: text.strip("".join(map(to_text, characters)) or None),
    "trimstart": lambda text, *characters: text.lstrip("".join(map(to_text, characters)) or None),
    "trimend": lambda text, *characters: text.rstrip("".join(map(to_text, characters)) or None),
    "toupper": lambda text: text.upper(), "tolower": lambda text: text.lower(),
    "toupperinvariant": lambda text: text.upper(), "tolowerinvariant": lambda text: text.lower(),
    "startswith": lambda text, start, *_: text.startswith(to_text(start)),
    "endswith": lambda text, end, *_: text.endswith(to_text(end)),
    "contains": lambda text, part: to_text(part) in text,
    "indexof": lambda text, part, *_: text.find(to_text(part)),
    "replace": lambda text, old, new: text.replace(to_text(old), to_text(new)),
    "substring": lambda text, start, length=None: text[start:] if length is None else text[start : start + length],
    "split": lambda text, *separators: _split(text, "".join(to_text(one) for one in separators if not isinstance(one, int))),
    "padleft": lambda text, width, fill=" ": text.rjust(width, to_text(fill)),
    "padright": lambda text, width, fill=" ": text.ljust(width, to_text(fill)),
    "insert": lambda text, at, part: text[:at] + to_text(part) + text[at:],
    "remove": lambda text, at, length=None: text[:at] + (text[at + length :] if length is not None else ""),
    "tochararray": list, "equals": lambda text, other, *_: text == other, "gethashcode": hash,
}


def _split(text: str, separators: str) -> list[str]:
    parts = [""]
    for character in text:
        if character in (separators or " \t\n"):
            parts.append("")
        else:
            parts[-1] += character
    return parts


def call(runtime: Evaluator, target: object, name: str, arguments: list[object]) -> object:
    """Call a method of a value. Raises PowerShellError on null, NotSupportedByTwin for an unknown method."""
    folded = name.lower()
    if target is None:
        raise failure("You cannot call a method on a null-valued expression.", identifier="InvokeMethodOnNull",
                      category="InvalidOperation")
    if folded == "tostring" and not (isinstance(target, PSObject) and "tostring" in target.methods):
        return _to_string(target, arguments)
    if folded == "gettype":
        full = type_name(target)
        return PSObject([("Name", full.rpartition(".")[2]), ("FullName", full)], type_name="System.RuntimeType", text=full)
    if isinstance(target, str) and folded in STRING:
        return STRING[folded](target, *arguments)
    if isinstance(target, PSObject) and folded in target.methods:
        return target.methods[folded](*arguments)
    if isinstance(target, PSHash):
        return _call_hash(target, folded, name, arguments)
    if isinstance(target, ScriptBlock) and folded in ("invoke", "invokereturnasis"):
        return runtime.invoke_block(target, arguments)
    if isinstance(target, list) and folded in ("contains", "indexof"):
        return arguments[0] in target if folded == "contains" else target.index(arguments[0]) if arguments[0] in target else -1
    raise NotSupportedByTwin(f"the method {name} of {type_name(target)}")


def _to_string(target: object, arguments: list[object]) -> str:
    from lab.twin.powershell.formatting import dotnet_format  # noqa: PLC0415 - it imports this module's neighbours

    if arguments and isinstance(target, (int, float)):
        return dotnet_format("{0:" + to_text(arguments[0]) + "}", [to_number(target)])
    return to_text(target)


def _call_hash(target: PSHash, folded: str, name: str, arguments: list[object]) -> object:
    if folded in ("containskey", "contains"):
        return arguments[0] in target
    if folded == "add":
        if arguments[0] in target:
            raise failure(f"Item has already been added. Key in dictionary: '{to_text(arguments[0])}'",
                          exception="System.ArgumentException", identifier="ArgumentException")
        target[arguments[0]] = arguments[1]
        return None
    if folded == "remove":
        target.remove(arguments[0])
        return None
    if folded == "getenumerator":
        return [PSObject([("Name", key), ("Key", key), ("Value", value)], type_name="System.Collections.DictionaryEntry",
                         view=("Name", "Value")) for key, value in target.items()]
    raise NotSupportedByTwin(f"the method {name} of a hashtable")


def to_base64(data: object) -> str:
    """Return Convert.ToBase64String."""
    assert isinstance(data, bytes)
    return base64.b64encode(data).decode()
