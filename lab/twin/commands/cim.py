"""What the cmdlets made from CIM classes (NetAdapter, NetTCPIP, NetConnection, NetSecurity) have in common: their errors, their objects.

Source: identifiers, categories and texts as public logs of Windows show them: "CmdletizationQuery_NotFound_Name,Get-NetAdapter",
"Windows System Error 87,New-NetIPAddress". A wildcard that matches nothing is no error; a name that nothing has is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from lab.twin.powershell.compare import like
from lab.twin.powershell.convert import to_text
from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, complaint
from lab.twin.powershell.registry import Call
from lab.twin.powershell.values import EnumValue, PSObject, each
from lab.twin.windows.network import ERROR_INVALID_PARAMETER, ERROR_NOT_FOUND, ERROR_OBJECT_NAME_EXISTS, BeyondTheTwin, NetworkFailed

T = TypeVar("T")

CIM_INSTANCE = "Microsoft.Management.Infrastructure.CimInstance"
QUERY_EXCEPTION = "Microsoft.PowerShell.Cmdletization.Cim.CimJobException"
CATEGORIES = {ERROR_INVALID_PARAMETER: "InvalidArgument", ERROR_OBJECT_NAME_EXISTS: "ResourceExists", ERROR_NOT_FOUND: "ObjectNotFound"}
WILDCARDS = "*?["


def system_error(call: Call, code: int, message: str, *, of: str, category: str = "") -> PowerShellError:
    """Return the error of a cmdlet whose CIM method failed."""
    return complaint(message, exception="Microsoft.Management.Infrastructure.CimException", category=category or CATEGORIES[code],
                     target=f"{of}:ROOT/StandardCimv2/{of}", identifier=f"Windows System Error {code},{call.name}")


def not_found(call: Call, of: str, given: Iterable[tuple[str, object]]) -> PowerShellError:
    """Return the error of a query without result: it names the property if one value was asked for, otherwise only the class."""
    asked = [(name, to_text(value)) for name, value in given]
    if len(asked) == 1:
        name, value = asked[0]
        return complaint(f"No {of} objects found with property '{name}' equal to '{value}'.  Verify the value of the property and retry.",
                         exception=QUERY_EXCEPTION, category="ObjectNotFound", target=value,
                         identifier=f"CmdletizationQuery_NotFound_{name},{call.name}")
    where = " AND ".join(f"({name} = {value})" for name, value in asked)
    return complaint(f"No matching {of} objects found by CIM query for instances of the ROOT/StandardCimv2/{of} class on the  CIM server:"  # noqa: S608 - a message
                     f" SELECT * FROM {of}  WHERE {where}. Verify query parameters and retry.", exception=QUERY_EXCEPTION,
                     category="ObjectNotFound", target=of, identifier=f"CmdletizationQuery_NotFound,{call.name}")


def matching(call: Call, known: Iterable[T], name_of: Callable[[T], str], *, of: str, parameter: str, property_name: str) -> Iterator[T]:
    """Yield the objects that a parameter with wildcards names; a name without one that nothing has is reported."""
    objects = list(known)
    for wanted in call.strings(parameter):
        found = [one for one in objects if like(name_of(one), wanted)]
        if not found and not any(sign in wanted for sign in WILDCARDS):
            call.take(not_found(call, of, [(property_name, wanted)]))
        yield from found


def handles(call: Call, kind: type[T], parameter: str = "InputObject") -> list[T]:
    """Return what stands behind the objects of a parameter. Raises NotSupportedByTwin for objects of another kind."""
    found: list[T] = []
    for one in each(call.value(parameter)):
        if not isinstance(one, PSObject) or not isinstance(one.handle, kind):
            raise NotSupportedByTwin(f"{call.name} of an object of another cmdlet")
        found.append(one.handle)
    return found


def only_one_way(call: Call, *ways: str) -> None:
    """Refuse parameters that Windows takes together otherwise, or not at all; and none of them, which would mean every object."""
    given = [name for name in ways if call.has(name)]
    if len(given) != 1:
        raise NotSupportedByTwin(f"{call.name} with {' and '.join(f'-{name}' for name in given) or 'no selector'} (write one of -"
                                 f"{', -'.join(ways)})")


def carried_out(call: Call, act: Callable[[], None], *, of: str) -> bool:
    """Carry out a change of the network and return whether it was made; what Windows refuses is reported. Raises NotSupportedByTwin."""
    try:
        act()
    except NetworkFailed as failed:
        call.take(system_error(call, failed.code, str(failed), of=of))
        return False
    except BeyondTheTwin as beyond:
        raise NotSupportedByTwin(str(beyond)) from beyond
    except OSError as error:
        raise NotSupportedByTwin(f"{call.name} on this machine ({error})") from error
    return True


def enumeration(text: str, number: int, name: str) -> EnumValue:
    """Return a value of an enumeration of these modules."""
    return EnumValue(text, number, f"Microsoft.PowerShell.Cmdletization.GeneratedTypes.{name}")


def chosen_value(call: Call, parameter: str, allowed: dict[str, int], given: str | None = None) -> str:
    """Return an enumeration's value (the parameter's, or a given part of it) as it is spelt. Raises PowerShellError for another."""
    given = call.text(parameter) if given is None else given
    for known in allowed:
        if known.lower() == given.lower():
            return known
    message = (f"Cannot bind parameter '{parameter}'. Cannot convert value \"{given}\" to type \"{parameter}\". Error: \"Unable to match the"
               f" identifier name {given} to a valid enumerator name. Specify one of the following enumerator names and try again:"
               f" {', '.join(allowed)}\"")
    error = complaint(message, exception="System.Management.Automation.ParameterBindingException", category="InvalidArgument",
                      identifier=f"CannotConvertArgumentNoMessage,{call.name}")
    error.soft = False
    raise error
