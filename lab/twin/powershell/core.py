"""The language's own cmdlets: text, JSON, the interpreter. Nothing here knows of the VPN; `objects` and `drives` have the others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from lab.twin.powershell import drives, json51, objects  # noqa: F401 - two of them register cmdlets
from lab.twin.powershell.convert import to_integer, to_text
from lab.twin.powershell.dates import DateTime
from lab.twin.powershell.errors import NotSupportedByTwin, complaint
from lab.twin.powershell.formatting import display, list_form
from lab.twin.powershell.objects import inputs
from lab.twin.powershell.registry import CMDLETS, NATIVES, PLACES, Call, cmdlet
from lab.twin.powershell.values import PSHash, PSObject, SecureString, written

# -- text ---------------------------------------------------------------------------------------------------------------


@cmdlet("Write-Output", "[object] InputObject @0 pipeline rest")
def write_output(call: Call) -> Iterable[object]:
    """Pass on."""
    return call.input if call.input else written(call.value("InputObject"))


@cmdlet("Write-Host", "[object] Object @0 pipeline rest, [string] ForegroundColor, [string] BackgroundColor, [switch] NoNewline")
def write_host(call: Call) -> Iterable[object]:
    """Write to the console: over WinRM that is standard output."""
    for item in call.input or [call.value("Object")]:
        if isinstance(item, PSHash):
            raise NotSupportedByTwin("Write-Host of a hashtable")
        call.interpreter.say("host", to_text(item) + ("" if call.on("NoNewline") else "\n"))
    return ()


@cmdlet("Write-Error", "[string] Message @0 mandatory empty, [string] ErrorId, [string] Category")
def write_error(call: Call) -> Iterable[object]:
    """Write an error."""
    call.error(call.text("Message"), identifier=call.text("ErrorId", "Microsoft.PowerShell.Commands.WriteErrorException"),
               category=call.text("Category", "NotSpecified"),
               exception="Microsoft.PowerShell.Commands.WriteErrorException")
    return ()


@cmdlet("Write-Warning", "[string] Message @0 mandatory empty pipeline")
def write_warning(call: Call) -> Iterable[object]:
    """Write a warning, unless -WarningAction or $WarningPreference says otherwise."""
    action = (call.text("WarningAction") or to_text(call.interpreter.variable("WarningPreference"))).lower()
    if action not in ("continue", "silentlycontinue", "ignore"):
        raise NotSupportedByTwin(f"Write-Warning with the action {action}")
    if action == "continue":
        call.interpreter.say("warning", call.text("Message"))
    return ()


@cmdlet("Write-Verbose", "[string] Message @0 mandatory empty pipeline")
@cmdlet("Write-Debug", "[string] Message @0 mandatory empty pipeline")
@cmdlet("Write-Information", "[object] MessageData @0 mandatory pipeline")
def write_verbose(call: Call) -> Iterable[object]:
    """Nothing: verbose, debug and information output are off, and cannot be turned on."""
    return ()


@cmdlet("Write-Progress", "[string] Activity @0, [string] Status @1, [int] PercentComplete, [switch] Completed")
def write_progress(call: Call) -> Iterable[object]:
    """Nothing that a script can see."""
    return ()


@cmdlet("Out-Null", "[object] InputObject pipeline")
def out_null(call: Call) -> Iterable[object]:
    """Discard."""
    return ()


@cmdlet("Out-String", "[switch] Stream, [object] InputObject pipeline")
def out_string(call: Call) -> Iterator[object]:
    """Return what would be displayed, whole or line by line."""
    text = display(inputs(call))
    if not call.on("Stream"):
        yield text
    else:
        yield from text.removesuffix("\r\n").split("\r\n") if text else []


@cmdlet("Format-Table", "[string[]] Property @0, [switch] AutoSize, [object] InputObject pipeline")
def format_table(call: Call) -> Iterator[object]:
    """Return a table as text."""
    names = tuple(call.strings("Property"))
    rows = [PSObject(item.properties, view=names or item.view) for item in _rows(call)]
    yield display(list(rows)).removesuffix("\r\n")


def _rows(call: Call) -> list[PSObject]:
    rows = inputs(call)
    if not all(isinstance(item, PSObject) for item in rows):
        raise NotSupportedByTwin(f"{call.name} of values that are no objects")
    return [item for item in rows if isinstance(item, PSObject)]


@cmdlet("Format-List", "[string[]] Property @0, [object] InputObject pipeline")
def format_list(call: Call) -> Iterator[object]:
    """Return a list as text."""
    wanted = [name for name in call.strings("Property") if name != "*"]
    rows = _rows(call)
    if wanted:
        rows = [PSObject([(name, row.get(name)) for name in wanted]) for row in rows]
    yield list_form(rows).removesuffix("\r\n")


@cmdlet("ConvertTo-Json", "[int] Depth, [switch] Compress, [object] InputObject @0 pipeline mandatory")
def convert_to_json(call: Call) -> Iterator[object]:
    """As 5.1: two levels unless told otherwise."""
    depth = to_integer("int", call.value("Depth")) if call.has("Depth") else 2
    value = call.value("InputObject")
    if call.input:
        value = call.input[0] if len(call.input) == 1 else call.input
        if len(call.input) == 1 and isinstance(value, (list, bytes)):
            raise NotSupportedByTwin("ConvertTo-Json of an array that comes through the pipeline as one object (write -InputObject)")
    if value is None or not 1 <= depth <= 100:
        raise NotSupportedByTwin("ConvertTo-Json of $null, or with a depth out of 1 to 100")
    yield json51.to_json(value, depth=depth, compress=call.on("Compress"))


@cmdlet("ConvertFrom-Json", "[string[]] InputObject @0 pipeline mandatory")
def convert_from_json(call: Call) -> Iterator[object]:
    """An array arrives as one object in 5.1."""
    yield json51.from_json("\n".join(call.strings("InputObject")))


@cmdlet("ConvertTo-SecureString", "[string] String @0 pipeline mandatory, [switch] AsPlainText, [switch] Force")
def convert_to_secure_string(call: Call) -> Iterator[object]:
    """Only from plain text."""
    if not call.on("AsPlainText"):
        raise NotSupportedByTwin("ConvertTo-SecureString without -AsPlainText")
    yield SecureString(call.text("String"))


@cmdlet("Get-Date", "[string] Format")
def get_date(call: Call) -> Iterator[object]:
    """Now, or its text."""
    now = DateTime(dt.datetime.now(dt.UTC))
    yield now.format(call.text("Format")) if call.has("Format") else now


# -- the interpreter ----------------------------------------------------------------------------------------------------


@cmdlet("Set-StrictMode", "[string] Version, [switch] Off")
def set_strict_mode(call: Call) -> Iterable[object]:
    """StrictMode: unset variables, missing properties and items outside of an array are errors."""
    if call.on("Off") == call.has("Version") or (call.has("Version") and call.text("Version").lower() not in ("latest", "3", "3.0")):
        raise NotSupportedByTwin("Set-StrictMode with another version than Latest or 3")
    call.interpreter.strict = not call.on("Off")
    return ()


@cmdlet("Invoke-Expression", "[string] Command @0 pipeline mandatory")
def invoke_expression(call: Call) -> Iterable[object]:
    """Run a script in the current scope."""
    block = call.interpreter.new_block(call.text("Command"))
    if block.block.parameters or block.block.process is not None or block.block.begin is not None:
        raise NotSupportedByTwin("Invoke-Expression of a text with param, begin or process")
    call.interpreter.run(block.block.body, call.output)
    return ()


@cmdlet("Get-Variable", "[string] Name @0 mandatory, [switch] ValueOnly")
def get_variable(call: Call) -> Iterator[object]:
    """A variable as an object."""
    name = call.text("Name")
    if not call.interpreter.is_set(name):
        raise complaint(f"Cannot find a variable with the name '{name}'.", identifier="VariableNotFound", category="ObjectNotFound",
                        exception="System.Management.Automation.ItemNotFoundException")
    value = call.interpreter.variable(name)
    yield value if call.on("ValueOnly") else PSObject([("Name", name), ("Value", value)], type_name="System.Management.Automation.PSVariable")


@cmdlet("Get-Command", "[string] Name @0 mandatory")
def get_command(call: Call) -> Iterator[object]:
    """What a name means here. Whether Windows knows a name that the twin does not, it cannot say."""
    name = call.text("Name")
    bare = name.lower().removesuffix(".exe")
    if known := CMDLETS.get(name.lower()):
        yield PSObject([("CommandType", "Cmdlet"), ("Name", known.name)], type_name="System.Management.Automation.CmdletInfo")
    elif bare in NATIVES and bare not in PLACES:
        yield PSObject([("CommandType", "Application"), ("Name", f"{bare}.exe"), ("Source", f"C:\\Windows\\system32\\{bare}.exe")],
                       type_name="System.Management.Automation.ApplicationInfo")
    else:
        raise NotSupportedByTwin(f"Get-Command {name}")
