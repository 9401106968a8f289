"""Get-Process and Stop-Process, for the programs of `machine.programs`. Windows' own processes are not there: to ask for them is refused.

Source: learn.microsoft.com, Microsoft.PowerShell.Management 5.1; System.Diagnostics.Process; PowerShell/PowerShell, Process.cs (a process that has
ended already is passed over in silence; messages).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.twin.commands.services import machine_of
from lab.twin.powershell.compare import like
from lab.twin.powershell.convert import to_integer, to_text
from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.registry import Call, cmdlet
from lab.twin.powershell.values import PSObject, each
from lab.twin.windows.machine import Machine
from lab.twin.windows.programs import Program

WINDOWS_OWN = frozenset({"audiodg", "cmd", "conhost", "csrss", "ctfmon", "dllhost", "dwm", "explorer", "fontdrvhost", "idle", "lsass", "lsm", "memory compression",
                         "msmpeng", "powershell", "registry", "runtimebroker", "searchindexer", "secure system", "services", "sihost", "smss", "spoolsv", "svchost",
                         "system", "taskhostw", "wininit", "winlogon", "wmiprvse", "wsmprovhost"})
"""Processes of a Windows 10 that a script may ask for, and of which the twin can say nothing."""
EXCEPTION = "Microsoft.PowerShell.Commands.ProcessCommandException"


def _name(program: Program) -> str:
    return program.path.rpartition("\\")[2].removesuffix(".exe")


def as_object(machine: Machine, program: Program) -> PSObject:
    """Return a program as System.Diagnostics.Process shows it."""
    return PSObject(
        [("Id", program.identifier), ("ProcessName", _name(program)), ("Name", _name(program)), ("Path", program.path),
         ("HasExited", lambda: not machine.programs.runs(program))],
        type_name="System.Diagnostics.Process", view=("Id", "ProcessName"), handle=program, text=f"System.Diagnostics.Process ({_name(program)})",
        methods={"WaitForExit": lambda milliseconds: machine.programs.wait(program, to_integer("int", milliseconds) / 1000),
                 "Kill": lambda: machine.programs.stop(program)})


def _chosen(call: Call) -> Iterator[Program]:
    """Yield the programs that -Name or -Id names; one that does not run is an error, a pattern that fits none is not."""
    programs = machine_of(call).programs.running()
    if call.has("Name") == call.has("Id"):
        raise NotSupportedByTwin(f"{call.name} with a name and an id, or with neither")
    for name in call.strings("Name"):
        pattern = any(sign in name for sign in "*?[")
        if any(like(own, name) for own in WINDOWS_OWN):
            raise NotSupportedByTwin(f"{call.name} of Windows' own processes ({name})")
        found = [one for one in programs if like(_name(one), name)]
        if not found and not pattern:
            call.error(f'Cannot find a process with the name "{name}". Verify the process name and call the cmdlet again.', exception=EXCEPTION,
                       category="ObjectNotFound", target=name, identifier=f"NoProcessFoundForGivenName,Microsoft.PowerShell.Commands.{_command(call)}")
        yield from found
    for number in each(call.value("Id")):
        found = [one for one in programs if one.identifier == to_integer("int", number)]
        if not found:
            raise NotSupportedByTwin(f"{call.name} of the process {to_text(number)} (it may be one of Windows' own)")
        yield from found


def _command(call: Call) -> str:
    return call.name.replace("-", "") + "Command"


@cmdlet("Get-Process", "[string[]] Name @0, [int[]] Id")
def get_process(call: Call) -> Iterator[object]:
    """Programs by name, with wildcards, or by id."""
    for program in _chosen(call):
        yield as_object(machine_of(call), program)


@cmdlet("Stop-Process", "[int[]] Id @0, [string[]] Name, [object[]] InputObject pipeline, [switch] Force, [switch] PassThru")
def stop_process(call: Call) -> Iterable[object]:
    """End programs. All belong to the system, so without -Force Windows asks."""
    if not call.on("Force"):
        raise NotSupportedByTwin("Stop-Process without -Force (Windows asks before it ends another user's process)")
    if not call.has("InputObject"):
        chosen = list(_chosen(call))
    else:
        handles = [one.handle if isinstance(one, PSObject) else None for one in each(call.value("InputObject"))]
        chosen = [one for one in handles if isinstance(one, Program)]
        if len(chosen) != len(handles):
            raise NotSupportedByTwin("Stop-Process -InputObject of something else than a process")
    for program in chosen:
        machine_of(call).programs.stop(program)
        if call.on("PassThru"):
            yield as_object(machine_of(call), program)
