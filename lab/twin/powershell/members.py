"""Properties and methods of values: arrays, hashtables, objects, error records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.twin.powershell import dates
from lab.twin.powershell.compare import equal
from lab.twin.powershell.convert import to_bool, to_text
from lab.twin.powershell.dates import DateTime, TimeSpan
from lab.twin.powershell.errors import ErrorRecord, NotSupportedByTwin, PowerShellError, failure, method_failure
from lab.twin.powershell.formatting import formatted
from lab.twin.powershell.kinds import full_name, type_name
from lab.twin.powershell.registry import find_type
from lab.twin.powershell.strings import METHODS
from lab.twin.powershell.values import (
    NOTHING,
    EnumValue,
    Keys,
    NamedItems,
    PSHash,
    PSObject,
    ScriptBlock,
    SecureString,
    Switch,
    TypeValue,
    Version,
    collapse,
    each,
    items_of,
)

if TYPE_CHECKING:
    from lab.twin.powershell.evaluate import Evaluator

OF_EVERY_ARRAY = frozenset({"rank", "isfixedsize", "isreadonly", "issynchronized", "syncroot", "longlength"})
OF_EVERY_ITEM = frozenset({"trim", "trimstart", "trimend", "toupper", "tolower", "replace", "split", "substring", "startswith", "endswith",
                           "padleft", "padright"})
"""Methods of strings that an array has not itself."""
OF_EVERY_HASH = frozenset({"isfixedsize", "isreadonly", "issynchronized", "syncroot"})
MAY_BE_NULL = frozenset({"getvalue"})
INTRINSIC = frozenset({"psobject", "pstypenames", "psbase", "psadapted", "psextended"})


def missing(runtime: Evaluator, target: object, name: str) -> object:
    """Return what a property that is not there gives: $null, or 1 for Count and Length; an error under StrictMode."""
    if name.lower() in INTRINSIC or name.lower() in ("gettype", "tostring") or (isinstance(target, str) and name.lower() in METHODS) or \
            (isinstance(target, PSObject) and name.lower() in target.methods):
        raise NotSupportedByTwin(f"the property {name} of {type_name(target)} (a method wants parentheses)")
    if runtime.strict:
        raise failure(f"The property '{name}' cannot be found on this object. Verify that the property exists.",
                      exception="System.Management.Automation.PropertyNotFoundException", identifier="PropertyNotFoundStrict")
    return (0 if target is None else 1) if name.lower() in ("count", "length") else None


def read_property(runtime: Evaluator, target: object, name: str) -> object:
    """Return a property. Raises NotSupportedByTwin for those of Windows' own objects that the twin does not have."""
    folded = name.lower()
    if isinstance(target, PSHash):
        return _hash_property(runtime, target, name)
    if isinstance(target, PSObject):
        return _object_property(runtime, target, name)
    if isinstance(target, ErrorRecord):
        return _record_property(target, folded)
    if isinstance(target, (DateTime, TimeSpan)):
        return dates.read(target, name)
    if isinstance(target, Version):
        if folded not in ("major", "minor", "build", "revision"):
            raise NotSupportedByTwin(f"the property {name} of a [version]")
        return target.parts[("major", "minor", "build", "revision").index(folded)]
    if isinstance(target, (list, bytes)):
        return _array_property(runtime, target, name)
    if isinstance(target, str) and folded == "length":
        return len(target)
    if isinstance(target, Switch) and folded == "ispresent":
        return target.present
    if isinstance(target, TypeValue) and folded in ("fullname", "name"):
        full = full_name(target.name)
        return full if folded == "fullname" else full.rpartition(".")[2]
    if isinstance(target, (Switch, TypeValue, ScriptBlock, SecureString)):
        raise NotSupportedByTwin(f"the property {name} of a {type(target).__name__}")
    return missing(runtime, target, name)


def _object_property(runtime: Evaluator, target: PSObject, name: str) -> object:
    known = target.name_of(name)
    if known is not None:
        value = target.properties[known]
        return value() if callable(value) else value
    if name.lower() == "psobject":
        properties = NamedItems(PSObject([("Name", key), ("Value", one() if callable(one) else one)], type_name="PSNoteProperty")
                                for key, one in target.properties.items())
        return PSObject([("Properties", properties)], type_name="System.Management.Automation.PSObject")
    if target.type_name != "PSCustomObject" and name.lower() not in ("count", "length"):
        raise NotSupportedByTwin(f"the property {name} of {target.type_name}")
    return missing(runtime, target, name)


def _array_property(runtime: Evaluator, target: list[object] | bytes, name: str) -> object:
    """Count and Length; any other property is read from every item."""
    if name.lower() in ("length", "count"):
        return len(target)
    if name.lower() in OF_EVERY_ARRAY:
        raise NotSupportedByTwin(f"the property {name} of an array")
    found: list[object] = []
    lacking = 0
    strict, runtime.strict = runtime.strict, True
    try:
        for item in items_of(target):
            try:
                value = read_property(runtime, item, name)
                found.extend(each(value) if isinstance(value, (list, bytes)) else [value])
            except PowerShellError:
                lacking += 1
    finally:
        runtime.strict = strict
    if strict and lacking and lacking < len(target):
        raise NotSupportedByTwin(f"the property {name} of an array, some items of which lack it, under Set-StrictMode")
    if lacking == len(target):
        return missing(runtime, target, name)
    result = collapse(found)
    return None if result is NOTHING else result


def _hash_property(runtime: Evaluator, target: PSHash, name: str) -> object:
    if name in target:
        return target.get(name)
    folded = name.lower()
    if folded == "count":
        return len(target)
    if folded == "keys":
        return Keys(target, (key for key, _ in target.items()))
    if folded == "values":
        return Keys(target, (value for _, value in target.items()))
    if folded in OF_EVERY_HASH:
        raise NotSupportedByTwin(f"the property {name} of a hashtable")
    return missing(runtime, target, name)


def _record_property(record: ErrorRecord, name: str) -> object:
    inner = PSObject([("Message", record.message.partition(': "')[2].removesuffix('"') or record.message)], type_name=record.inner) \
        if record.inner else None
    exception = PSObject([("Message", record.message), ("InnerException", inner)], type_name=record.exception, text=record.message)
    values: dict[str, object] = {
        "exception": exception, "fullyqualifiederrorid": record.identifier, "targetobject": record.target or None,
        "categoryinfo": PSObject([("Category", record.category), ("TargetName", record.target)], type_name="ErrorCategoryInfo"),
        "errordetails": None,
        "invocationinfo": PSObject([("PositionMessage", "\n".join(record.lines()[1:4])), ("MyCommand", record.command)],
                                   type_name="System.Management.Automation.InvocationInfo"),
    }
    if name not in values:
        raise NotSupportedByTwin(f"the property {name} of an error record")
    return values[name]


def write_property(target: object, name: str, value: object) -> None:
    """Set a property. Raises PowerShellError for one that cannot be set, NotSupportedByTwin for those of Windows' own objects."""
    if isinstance(target, PSHash):
        target[name] = value
    elif isinstance(target, PSObject) and name.lower() in target.setters:
        target.setters[name.lower()](value)
    elif isinstance(target, PSObject) and target.type_name != "PSCustomObject":
        raise NotSupportedByTwin(f"an assignment to the property {name} of {target.type_name}")
    elif isinstance(target, PSObject) and target.name_of(name) is not None:
        target.set(name, value)
    elif isinstance(target, list):
        raise NotSupportedByTwin(f"an assignment to the property {name} of an array (write a loop)")
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


def call(runtime: Evaluator, target: object, name: str, arguments: list[object]) -> object:
    """Call a method of a value. Raises PowerShellError on null, NotSupportedByTwin for an unknown method or other arguments."""
    try:
        return _call(runtime, target, name, arguments)
    except (TypeError, ValueError, KeyError, IndexError) as error:  # the method does not take these arguments
        raise NotSupportedByTwin(f"the method {name} of {type_name(target)} with these arguments ({error})") from error


def _call(runtime: Evaluator, target: object, name: str, arguments: list[object]) -> object:
    folded = name.lower()
    if target is None:
        raise failure("You cannot call a method on a null-valued expression.", identifier="InvokeMethodOnNull",
                      category="InvalidOperation")
    if isinstance(target, PSObject) and folded in target.methods:
        result = target.methods[folded](*arguments)
        return NOTHING if result is None and folded not in MAY_BE_NULL else result  # the others without a value are void
    if isinstance(target, (DateTime, TimeSpan)) and folded != "gettype":
        return dates.call(target, name, arguments)
    if folded == "tostring":
        return _to_string(target, arguments)
    if folded == "gettype" and not arguments:
        full = type_name(target)
        return PSObject([("Name", full.rpartition(".")[2]), ("FullName", full)], type_name="System.RuntimeType", text=full)
    if isinstance(target, str) and not isinstance(target, EnumValue) and folded in METHODS:
        return METHODS[folded](target, *arguments)
    if isinstance(target, PSHash):
        return _call_hash(target, folded, name, arguments)
    if isinstance(target, ScriptBlock) and folded in ("invoke", "invokereturnasis"):
        output = runtime.invoke_block(target, arguments)
        return output if folded == "invoke" else collapse(output)
    if isinstance(target, list):
        return _call_array(runtime, target, name, arguments)
    raise NotSupportedByTwin(f"the method {name} of {type_name(target)}")


def _call_array(runtime: Evaluator, target: list[object], name: str, arguments: list[object]) -> object:
    folded = name.lower()
    if folded == "contains":
        return any(type(item) is type(arguments[0]) and item == arguments[0] for item in target)
    if folded in ("where", "foreach"):
        block, = arguments
        if not isinstance(block, ScriptBlock):
            raise NotSupportedByTwin(f"the method {name} of an array without a script block")
        output: list[object] = []
        for item in target:
            made = runtime.invoke_block(block, item=item, own_scope=False)
            output += ([item] if to_bool(collapse(made)) else []) if folded == "where" else made
        return output
    if folded == "clear" and target is runtime.errors:
        target.clear()
        return NOTHING
    if folded == "indexof":
        wanted, = arguments
        return next((place for place, item in enumerate(target) if type(item) is type(wanted) and item == wanted), -1)
    if folded in OF_EVERY_ITEM and target and all(isinstance(item, str) for item in target):
        return [METHODS[folded](item, *arguments) for item in target]
    raise NotSupportedByTwin(f"the method {name} of an array (write ForEach-Object {{ $_.{name}(…) }})")


def _to_string(target: object, arguments: list[object]) -> str:
    if arguments and isinstance(target, (int, float)):
        form, = arguments
        return formatted(target, to_text(form))
    if arguments:
        raise NotSupportedByTwin(f"ToString of {type_name(target)} with arguments")
    if isinstance(target, (list, bytes)):
        return type_name(target)
    if isinstance(target, PSObject) and target.type_name == "PSCustomObject":
        raise NotSupportedByTwin("ToString of a custom object (write \"$object\")")
    return to_text(target)


def _call_hash(target: PSHash, folded: str, name: str, arguments: list[object]) -> object:
    if folded in ("containskey", "contains"):
        key, = arguments
        return key in target
    if folded == "containsvalue" and not target.ordered:
        value, = arguments
        return any(equal(one, value, case=True) for _, one in target.items())
    if folded == "add":
        key, value = arguments
        if key in target:
            raise method_failure("Add", 2, f"Item has already been added. Key in dictionary: '{to_text(key)}'  Key being added:"
                                 f" '{to_text(key)}'", "System.ArgumentException")
        target[key] = value
        return NOTHING
    if folded == "remove":
        key, = arguments
        target.remove(key)
        return NOTHING
    if folded == "clear":
        for key, _ in target.items():
            target.remove(key)
        return NOTHING
    if folded == "getenumerator":
        return Keys(target, [PSObject([("Name", key), ("Key", key), ("Value", value)], type_name="System.Collections.DictionaryEntry",
                                      view=("Name", "Value")) for key, value in target.items()])
    raise NotSupportedByTwin(f"the method {name} of a hashtable")
