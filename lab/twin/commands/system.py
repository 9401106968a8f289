"""Get-WinEvent, Get-CimInstance, and the RAS state that the suite reads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from lab.twin.commands.services import machine_of
from lab.twin.powershell.convert import to_integer, to_text
from lab.twin.powershell.dates import DateTime
from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.registry import Call, cmdlet
from lab.twin.powershell.values import PSHash, PSObject, each


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


@cmdlet("Get-CimInstance", "[string] ClassName @0 mandatory")
def get_cim_instance(call: Call) -> Iterator[object]:
    """Win32_OperatingSystem: build and time of the last boot."""
    if call.text("ClassName").lower() != "win32_operatingsystem":
        raise NotSupportedByTwin(f"Get-CimInstance {call.text('ClassName')}")
    machine = machine_of(call)
    yield PSObject([("Caption", "Microsoft Windows 10 Pro"), ("Version", f"10.0.{machine.build}"), ("BuildNumber", machine.build),
                    ("LastBootUpTime", DateTime(dt.datetime.fromisoformat(machine.boot_time)) if machine.boot_time else None), ("CSName", machine.computer_name)], type_name="CimInstance",
                   view=("Caption", "Version", "BuildNumber"))
