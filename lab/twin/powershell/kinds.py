"""The .NET types of values: GetType() and -is."""

from __future__ import annotations

from lab.twin.powershell.convert import FULL_NAMES, to_text
from lab.twin.powershell.dates import DateTime, TimeSpan
from lab.twin.powershell.errors import ErrorRecord, NotSupportedByTwin
from lab.twin.powershell.numbers import Sized
from lab.twin.powershell.values import (
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
)

NAMES: dict[type, str] = {
    str: "System.String", bool: "System.Boolean", int: "System.Int32", float: "System.Double", list: "System.Object[]",
    bytes: "System.Byte[]", ScriptBlock: "System.Management.Automation.ScriptBlock", SecureString: "System.Security.SecureString",
    Switch: "System.Management.Automation.SwitchParameter", Char: "System.Char", Version: "System.Version", DateTime: "System.DateTime",
    TimeSpan: "System.TimeSpan", ErrorRecord: "System.Management.Automation.ErrorRecord"}
ACCELERATORS = FULL_NAMES | {
    "string": "System.String", "bool": "System.Boolean", "boolean": "System.Boolean", "double": "System.Double", "char": "System.Char",
    "hashtable": "System.Collections.Hashtable", "scriptblock": "System.Management.Automation.ScriptBlock", "array": "System.Array",
    "switch": "System.Management.Automation.SwitchParameter", "datetime": "System.DateTime", "timespan": "System.TimeSpan",
    "version": "System.Version", "guid": "System.Guid", "securestring": "System.Security.SecureString", "object": "System.Object",
    "pscustomobject": "System.Management.Automation.PSCustomObject"}
"""Names of types -> full names, as far as the twin has values of them."""
KNOWN = {name.lower() for name in (*ACCELERATORS.values(), *NAMES.values(), "System.ValueType", "System.Array",
                                   "System.Collections.IDictionary", "System.Collections.Specialized.OrderedDictionary")}


def type_name(value: object) -> str:
    """Return the full name of a value's .NET type."""
    if value is None:
        return "null"
    if isinstance(value, PSObject):
        return "System.Management.Automation.PSCustomObject" if value.type_name == "PSCustomObject" else value.type_name
    if isinstance(value, PSHash):
        return "System.Collections.Specialized.OrderedDictionary" if value.ordered else "System.Collections.Hashtable"
    if isinstance(value, Sized):
        return value.full_name
    if isinstance(value, EnumValue):
        return value.type_name
    if isinstance(value, TypedArray):
        return full_name(value.kind) + "[]"
    if type(value) not in NAMES:
        raise NotSupportedByTwin(f"the type of a {type(value).__name__}")
    return NAMES[type(value)]


def full_name(name: str) -> str:
    """Return a type's full name. Raises NotSupportedByTwin for one of which the twin has no values."""
    folded = name.lower()
    if folded in ACCELERATORS:
        return ACCELERATORS[folded]
    plain = folded if folded.startswith(("system.", "microsoft.")) else f"system.{folded}"
    found = next((known for known in (*ACCELERATORS.values(), *NAMES.values()) if known.lower() == plain), None)
    if found is None:
        raise NotSupportedByTwin(f"the type [{name}]")
    return found


def is_of_type(value: object, kind: object) -> bool:
    """Whether -is holds. Raises NotSupportedByTwin for a type that the twin cannot judge."""
    name = (kind.name if isinstance(kind, TypeValue) else to_text(kind)).lower()
    if value is None:
        return False
    own = type_name(value).lower()
    if name.endswith("[]"):
        return full_name(name[:-2]).lower() + "[]" == own
    wanted = ACCELERATORS.get(name, name if name.startswith(("system.", "microsoft.")) else f"system.{name}").lower()
    if wanted == "system.management.automation.pscustomobject" and isinstance(value, PSObject) and value.type_name != "PSCustomObject":
        raise NotSupportedByTwin("-is [pscustomobject] of an object of another type")
    if wanted in ("system.object", own):
        return True
    if wanted == "system.array":
        return isinstance(value, (list, bytes))
    if wanted == "system.valuetype":
        return isinstance(value, (int, float, bool, Char, EnumValue, DateTime, TimeSpan, Switch))
    if wanted == "system.collections.idictionary":
        return isinstance(value, PSHash)
    if wanted not in KNOWN:
        raise NotSupportedByTwin(f"-is [{name}]")
    return False
