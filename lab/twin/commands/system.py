"""Get-WinEvent, Get-CimInstance, and who runs the scripts.

Source of classes and properties: learn.microsoft.com, Win32_OperatingSystem, Win32_ComputerSystem, SoftwareLicensingProduct (LicenseStatus 1 is
"licensed", GracePeriodRemaining is in minutes); .NET Framework, WindowsPrincipal.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator

from lab.twin.commands.services import machine_of
from lab.twin.powershell.convert import to_integer, to_text
from lab.twin.powershell.dates import DateTime
from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.registry import Call, cmdlet, dotnet_type
from lab.twin.powershell.runtime import Runtime
from lab.twin.powershell.values import PSHash, PSObject, each
from lab.twin.windows.machine import Machine

ADMINISTRATORS = 544
"""Relative identifier of the group BUILTIN\\Administrators."""
WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
"""ApplicationID of Windows among licensed products."""
CONDITION = re.compile(r"(\w+)\s*=\s*'([^']*)'|(\w+)\s+IS\s+NOT\s+NULL", re.I)  # Name = 'a', Name IS NOT NULL


@cmdlet("Get-WinEvent", "[string] LogName @0, [object] FilterHashtable, [int] MaxEvents, [string] ProviderName")
def get_win_event(call: Call) -> Iterator[object]:
    """Entries, newest first; an empty result is an error on Windows, and here."""
    filters = call.value("FilterHashtable")
    wanted = {to_text(key).lower(): value for key, value in filters.items()} if isinstance(filters, PSHash) else {}
    if unknown := set(wanted) - {"logname", "providername", "id"}:
        raise NotSupportedByTwin(f"Get-WinEvent -FilterHashtable @{{ {sorted(unknown)[0]} = … }}")
    log = to_text(wanted.get("logname", call.value("LogName"))).lower()
    source = to_text(wanted.get("providername", call.value("ProviderName"))).lower()
    numbers = [to_integer("int", one) for one in each(wanted.get("id"))]
    found = [event for event in reversed(machine_of(call).events.events)
             if (not log or event.log.lower() == log) and (not source or event.source.lower() == source)
             and (not numbers or event.identifier in numbers)]
    if not found:
        call.error("No events were found that match the specified selection criteria.", identifier="NoMatchingEventsFound",
                   category="ObjectNotFound", exception="System.Exception")
        return
    most = to_integer("int", call.value("MaxEvents")) if call.has("MaxEvents") else len(found)
    for event in found[:most]:
        yield PSObject([("TimeCreated", DateTime(dt.datetime.fromtimestamp(event.at, dt.UTC))), ("Id", event.identifier),
                        ("LevelDisplayName", event.level.value), ("Message", event.message), ("ProviderName", event.source),
                        ("LogName", event.log)], type_name="System.Diagnostics.Eventing.Reader.EventLogRecord",
                       view=("TimeCreated", "Id", "LevelDisplayName", "Message"))


def _operating_system(machine: Machine) -> list[tuple[str, object]]:
    booted = DateTime(dt.datetime.fromisoformat(machine.boot_time)) if machine.boot_time else None
    return [("Caption", "Microsoft Windows 10 Pro"), ("Version", f"10.0.{machine.build}"), ("BuildNumber", machine.build),
            ("LastBootUpTime", booted), ("LocalDateTime", DateTime(dt.datetime.now(dt.UTC))), ("CSName", machine.computer_name)]


def _computer_system(machine: Machine) -> list[tuple[str, object]]:
    """Nobody sits at it; it is in no domain, and its model says what it is."""
    return [("Name", machine.computer_name), ("PartOfDomain", False), ("Domain", "WORKGROUP"), ("UserName", None),
            ("Manufacturer", "incoming-connections"), ("Model", "twin of Windows 10")]


def _licence(_: Machine) -> list[tuple[str, object]]:
    """A retail Windows: nothing runs out."""
    return [("Name", "Windows(R), Professional edition"), ("Description", "Windows(R) Operating System, RETAIL channel"), ("ApplicationID", WINDOWS),
            ("PartialProductKey", "3V66T"), ("LicenseStatus", 1), ("GracePeriodRemaining", 0)]


CLASSES: dict[str, Callable[[Machine], list[tuple[str, object]]]] = {
    "Win32_OperatingSystem": _operating_system, "Win32_ComputerSystem": _computer_system, "SoftwareLicensingProduct": _licence}


def satisfies(text: str, instance: PSObject) -> bool:
    """Whether an instance is among those of a WQL condition. Raises NotSupportedByTwin for more than = and IS NOT NULL, joined by AND."""
    for part in re.split(r"\s+AND\s+", text.strip(), flags=re.I):
        found = CONDITION.fullmatch(part)
        name = instance.name_of(found[1] or found[3]) if found else None
        if found is None or name is None:
            raise NotSupportedByTwin(f"the WQL condition {part!r}")
        value = instance.get(name)
        if value is None if found[3] else to_text(value).lower() != found[2].lower():
            return False
    return True


@cmdlet("Get-CimInstance", "[string] ClassName @0 mandatory, [string] Filter")
def get_cim_instance(call: Call) -> Iterator[object]:
    """What the system is, what the computer is, what is licensed."""
    name = next((one for one in CLASSES if one.lower() == call.text("ClassName").lower()), None)
    if name is None:
        raise NotSupportedByTwin(f"Get-CimInstance {call.text('ClassName')}")
    properties = CLASSES[name](machine_of(call))
    instance = PSObject(properties, type_name="CimInstance", view=tuple(one for one, _ in properties[:3]))
    if not call.has("Filter") or satisfies(call.text("Filter"), instance):
        yield instance


# -- who runs the scripts -----------------------------------------------------------------------------------------------


def _is_in_role(role: object) -> bool:
    """Every user of the twin is an administrator with a full token."""
    if role != ADMINISTRATORS:
        raise NotSupportedByTwin(f"WindowsPrincipal.IsInRole({to_text(role)}) (ask for {ADMINISTRATORS})")
    return True


def _identity(_: Runtime) -> PSObject:
    return PSObject([("AuthenticationType", "NTLM")], type_name="System.Security.Principal.WindowsIdentity")


def _principal(_: Runtime, identity: object) -> PSObject:
    return PSObject([("Identity", identity)], type_name="System.Security.Principal.WindowsPrincipal", methods={"IsInRole": _is_in_role})


dotnet_type("System.Security.Principal.WindowsIdentity", methods={"GetCurrent": _identity})
dotnet_type("System.Security.Principal.WindowsPrincipal", construct=_principal)
