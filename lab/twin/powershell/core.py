"""The language's own cmdlets: objects, text, JSON, drives. Nothing here knows of the VPN."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from lab.twin.powershell import json51
from lab.twin.powershell.convert import like, ordering, to_bool, to_number, to_text
from lab.twin.powershell.errors import NotSupportedByTwin, failure
from lab.twin.powershell.evaluate import COMPARISONS
from lab.twin.powershell.formatting import display, list_form
from lab.twin.powershell.members import read_property
from lab.twin.powershell.registry import CMDLETS, NATIVES, REFUSED, Call, cmdlet, find_provider, find_type
from lab.twin.powershell.values import PSHash, PSObject, ScriptBlock, SecureString, collapse, each

# -- objects ----------------------------------------------------------------------------------------------------------


def _inputs(call: Call) -> list[object]:
    return list(each(call.value("InputObject"))) if call.has("InputObject") else call.input


@cmdlet("Where-Object", "[object] FilterScript @0, [object] Value @1, [switch] eq, [switch] ne, [switch] like, [switch] match, "
        "[switch] gt, [switch] lt, [object] InputObject pipeline")
def where_object(call: Call) -> Iterator[object]:
    """Keep what a block or a comparison of a property says."""
    condition = call.value("FilterScript")
    operators = [name for name in ("eq", "ne", "like", "match", "gt", "lt") if call.on(name)]
    for item in _inputs(call):
        if isinstance(condition, ScriptBlock):
            keep = to_bool(collapse(call.interpreter.invoke_block(condition, item=item, own_scope=False)))
        else:
            value = read_property(call.interpreter, item, to_text(condition))
            keep = COMPARISONS[operators[0]](value, call.value("Value"), False) if operators else to_bool(value)
        if keep:
            yield item


@cmdlet("ForEach-Object", "[object] Process @0, [object] InputObject pipeline")
def foreach_object(call: Call) -> Iterator[object]:
    """Run a block for each object, or read a property of each."""
    action = call.value("Process")
    for item in _inputs(call):
        if isinstance(action, ScriptBlock):
            yield from call.interpreter.invoke_block(action, item=item, own_scope=False)
        else:
            yield from each(read_property(call.interpreter, item, to_text(action)))


@cmdlet("Select-Object", "[object[]] Property @0, [string] ExpandProperty, [int] First, [int] Last, [int] Skip, [switch] Unique, "
        "[object] InputObject pipeline")
def select_object(call: Call) -> Iterator[object]:
    """Choose objects, and properties of each."""
    items = _inputs(call)
    items = items[int(to_number(call.value("Skip"))):] if call.has("Skip") else items
    items = items[: int(to_number(call.value("First")))] if call.has("First") else items
    items = items[-int(to_number(call.value("Last"))):] if call.has("Last") else items
    if call.on("Unique"):
        seen: list[object] = []
        items = [item for item in items if item not in seen and not seen.append(item)]  # type: ignore[func-returns-value]
    for item in items:
        if call.has("ExpandProperty"):
            yield from each(read_property(call.interpreter, item, call.text("ExpandProperty")))
        elif call.has("Property"):
            yield PSObject(_selected(call, item), type_name="Selected")
        else:
            yield item


def _selected(call: Call, item: object) -> Iterator[tuple[str, object]]:
    for wanted in each(call.value("Property")):
        if isinstance(wanted, PSHash):
            label = to_text(wanted.get("Name") or wanted.get("N") or wanted.get("Label") or wanted.get("L"))
            made = wanted.get("Expression") or wanted.get("E")
            if isinstance(made, ScriptBlock):
                yield label, collapse(call.interpreter.invoke_block(made, item=item, own_scope=False))
            else:
                yield label, read_property(call.interpreter, item, to_text(made))
        elif isinstance(item, PSObject) and "*" in to_text(wanted):
            yield from ((name, value) for name, value in item.properties.items() if like(name, to_text(wanted)))
        else:
            name = (item.name_of(to_text(wanted)) if isinstance(item, PSObject) else None) or to_text(wanted)
            yield name, item.get(name) if isinstance(item, PSObject) else read_property(call.interpreter, item, name)


@cmdlet("Sort-Object", "[object[]] Property @0, [switch] Descending, [switch] Unique, [object] InputObject pipeline")
def sort_object(call: Call) -> Iterable[object]:
    """Sort by the first property given, or by the objects themselves."""
    names = call.strings("Property")
    decorated = [(read_property(call.interpreter, item, names[0]) if names else item, item) for item in _inputs(call)]
    result: list[tuple[object, object]] = []
    for pair in decorated:  # insertion keeps equal ones in order
        place = next((index for index, other in enumerate(result) if ordering(pair[0], other[0]) < 0), len(result))
        result.insert(place, pair)
    chosen = [item for _, item in result]
    if call.on("Unique"):
        chosen = [item for index, item in enumerate(chosen) if index == 0 or ordering(result[index][0], result[index - 1][0])]
    return reversed(chosen) if call.on("Descending") else chosen


@cmdlet("Measure-Object", "[string] Property @0, [switch] Sum, [switch] Maximum, [switch] Minimum, [object] InputObject pipeline")
def measure_object(call: Call) -> Iterator[object]:
    """Count, sum, find extremes."""
    items = _inputs(call)
    values = [to_number(read_property(call.interpreter, item, call.text("Property")) if call.has("Property") else item) for item in items] \
        if any(call.on(name) for name in ("Sum", "Maximum", "Minimum")) else []
    yield PSObject([("Count", len(items)), ("Sum", sum(values) if call.on("Sum") else None),
                    ("Maximum", max(values) if values and call.on("Maximum") else None),
                    ("Minimum", min(values) if values and call.on("Minimum") else None)])


@cmdlet("New-Object", "[string] TypeName @0 mandatory, [object[]] ArgumentList @1, [object] Property")
def new_object(call: Call) -> Iterator[object]:
    """Make an object of a .NET type, or a custom one."""
    name = call.text("TypeName")
    if name.lower().removeprefix("system.management.automation.") in ("psobject", "pscustomobject"):
        properties = call.value("Property")
        yield PSObject([(to_text(key), value) for key, value in properties.items()] if isinstance(properties, PSHash) else [])
        return
    known = find_type(name)
    if known.construct is None:
        raise NotSupportedByTwin(f"New-Object {name}")
    yield known.construct(call.interpreter, *list(each(call.value("ArgumentList"))))


# -- text ---------------------------------------------------------------------------------------------------------------


@cmdlet("Write-Output", "[object[]] InputObject @0 pipeline, [switch] NoEnumerate")
def write_output(call: Call) -> Iterable[object]:
    """Pass on."""
    return each(call.value("InputObject"))


@cmdlet("Write-Host", "[object] Object @0 pipeline, [string] ForegroundColor, [switch] NoNewline")
def write_host(call: Call) -> Iterable[object]:
    """Write to the console: over WinRM that is standard output."""
    call.interpreter.streams.host.append(to_text(call.value("Object")) + ("" if call.on("NoNewline") else "\n"))
    return ()


@cmdlet("Write-Error", "[string] Message @0 mandatory, [string] ErrorId, [string] Category")
def write_error(call: Call) -> Iterable[object]:
    """Write an error."""
    call.error(call.text("Message"), identifier=call.text("ErrorId", "Microsoft.PowerShell.Commands.WriteErrorException"),
               exception="Microsoft.PowerShell.Commands.WriteErrorException")
    return ()


@cmdlet("Write-Warning", "[string] Message @0 mandatory")
def write_warning(call: Call) -> Iterable[object]:
    """Write a warning."""
    call.interpreter.streams.warnings.append(call.text("Message"))
    return ()


@cmdlet("Write-Verbose", "[string] Message @0 mandatory")
def write_verbose(call: Call) -> Iterable[object]:
    """Nothing: verbose output is off."""
    return ()


@cmdlet("Write-Progress", "[string] Activity @0, [string] Status @1, [int] PercentComplete, [switch] Completed")
def write_progress(call: Call) -> Iterable[object]:
    """Nothing that a script can see."""
    return ()


@cmdlet("Out-Null", "[object] InputObject pipeline")
def out_null(call: Call) -> Iterable[object]:
    """Discard."""
    return ()


@cmdlet("Out-String", "[switch] Stream, [int] Width, [object] InputObject pipeline")
def out_string(call: Call) -> Iterator[object]:
    """Return what would be displayed, whole or line by line."""
    text = display(_inputs(call))
    if not call.on("Stream"):
        yield text
    else:
        yield from text.removesuffix("\r\n").split("\r\n") if text else []


@cmdlet("Format-Table", "[object[]] Property @0, [switch] AutoSize, [switch] Wrap, [object] InputObject pipeline")
def format_table(call: Call) -> Iterator[object]:
    """Return a table as text."""
    names = tuple(call.strings("Property"))
    rows = [PSObject(item.properties, view=names or item.view) for item in _inputs(call) if isinstance(item, PSObject)]
    yield display(list(rows)).removesuffix("\r\n")


@cmdlet("Format-List", "[object[]] Property @0, [object] InputObject pipeline")
def format_list(call: Call) -> Iterator[object]:
    """Return a list as text."""
    wanted = [name for name in call.strings("Property") if name != "*"]
    rows = [item for item in _inputs(call) if isinstance(item, PSObject)]
    if wanted:
        rows = [PSObject([(name, row.get(name)) for name in wanted]) for row in rows]
    yield list_form(rows).removesuffix("\r\n")


@cmdlet("ConvertTo-Json", "[int] Depth, [switch] Compress, [object] InputObject @0 pipeline")
def convert_to_json(call: Call) -> Iterator[object]:
    """As 5.1: two levels unless told otherwise."""
    depth = int(to_number(call.value("Depth"))) if call.has("Depth") else 2
    value = call.value("InputObject")
    yield json51.to_json(collapse(value) if call.input and isinstance(value, list) else value, depth=depth, compress=call.on("Compress"))


@cmdlet("ConvertFrom-Json", "[string] InputObject @0 pipeline")
def convert_from_json(call: Call) -> Iterator[object]:
    """An array arrives as one object in 5.1."""
    texts = call.input or [call.value("InputObject")]
    yield json51.from_json("\n".join(to_text(text) for text in texts))


@cmdlet("ConvertTo-SecureString", "[string] String @0 pipeline mandatory, [switch] AsPlainText, [switch] Force")
def convert_to_secure_string(call: Call) -> Iterator[object]:
    """Only from plain text."""
    if not call.on("AsPlainText"):
        raise NotSupportedByTwin("ConvertTo-SecureString without -AsPlainText")
    yield SecureString(call.text("String"))


@cmdlet("Get-Date", "[string] Format, [switch] AsUTC")
def get_date(call: Call) -> Iterator[object]:
    """Now, as text."""
    now = dt.datetime.now(dt.UTC)
    yield now.strftime("%m/%d/%Y %H:%M:%S") if not call.has("Format") else now.isoformat()


# -- the interpreter ----------------------------------------------------------------------------------------------------


@cmdlet("Set-StrictMode", "[string] Version, [switch] Off")
def set_strict_mode(call: Call) -> Iterable[object]:
    """StrictMode: unset variables and missing properties are errors."""
    call.interpreter.strict = not call.on("Off")
    return ()


@cmdlet("Invoke-Expression", "[string] Command @0 pipeline mandatory")
def invoke_expression(call: Call) -> Iterable[object]:
    """Run a script in the current scope."""
    block = call.interpreter.new_block(call.text("Command"))
    return call.interpreter.run(block.block.body)


@cmdlet("Get-Variable", "[string] Name @0, [switch] ValueOnly")
def get_variable(call: Call) -> Iterator[object]:
    """A variable as an object."""
    name = call.text("Name")
    if not call.interpreter.is_set(name):
        raise failure(f"Cannot find a variable with the name '{name}'.", identifier="VariableNotFound", category="ObjectNotFound")
    value = call.interpreter.variable(name)
    yield value if call.on("ValueOnly") else PSObject([("Name", name), ("Value", value)])


@cmdlet("Get-Command", "[string] Name @0 mandatory")
def get_command(call: Call) -> Iterator[object]:
    """What a name means here."""
    name = call.text("Name")
    bare = name.lower().removesuffix(".exe")
    if known := CMDLETS.get(name.lower()):
        yield PSObject([("CommandType", "Cmdlet"), ("Name", known.name), ("Version", ""), ("Source", "")])
    elif bare in NATIVES:
        yield PSObject([("CommandType", "Application"), ("Name", f"{bare}.exe"), ("Version", ""),
                        ("Source", f"C:\\Windows\\system32\\{bare}.exe")])
    else:
        call.error(f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program.",
                   identifier="CommandNotFoundException", category="ObjectNotFound", target=name,
                   exception="System.Management.Automation.CommandNotFoundException")


# -- drives -------------------------------------------------------------------------------------------------------------


@cmdlet("Test-Path", "[string[]] Path @0 pipeline, [string[]] LiteralPath, [string] PathType")
def test_path(call: Call) -> Iterator[object]:
    """Whether there is an item."""
    for path in call.strings("LiteralPath") or call.strings("Path"):
        drive, rest = find_provider(path)
        yield drive.exists(call.machine, rest)


@cmdlet("Get-Item", "[string[]] Path @0 pipeline, [string[]] LiteralPath, [switch] Force")
def get_item(call: Call) -> Iterator[object]:
    """An item."""
    for path in call.strings("LiteralPath") or call.strings("Path"):
        drive, rest = find_provider(path)
        yield drive.item(call.machine, rest)


@cmdlet("Get-ChildItem", "[string[]] Path @0 pipeline, [string[]] LiteralPath, [switch] Force, [switch] Recurse")
def get_child_item(call: Call) -> Iterator[object]:
    """The items below."""
    if call.on("Recurse"):
        raise NotSupportedByTwin("Get-ChildItem -Recurse")
    for path in call.strings("LiteralPath") or call.strings("Path"):
        drive, rest = find_provider(path)
        yield from drive.children(call.machine, rest)


@cmdlet("New-Item", "[string] Path @0 mandatory, [string] Name, [string] ItemType, [object] Value, [switch] Force")
def new_item(call: Call) -> Iterator[object]:
    """Make an item."""
    path = call.text("Path") + ("\\" + call.text("Name") if call.has("Name") else "")
    drive, rest = find_provider(path)
    yield drive.create(call.machine, rest, force=call.on("Force"))


@cmdlet("Remove-Item", "[string[]] Path @0 pipeline, [string[]] LiteralPath, [switch] Recurse, [switch] Force")
def remove_item(call: Call) -> Iterable[object]:
    """Remove items."""
    for path in call.strings("LiteralPath") or call.strings("Path"):
        drive, rest = find_provider(path)
        drive.remove(call.machine, rest, recurse=call.on("Recurse"))
    return ()


@cmdlet("Join-Path", "[string] Path @0 mandatory, [string] ChildPath @1 mandatory")
def join_path(call: Call) -> Iterator[object]:
    """Join two parts of a path."""
    yield call.text("Path").rstrip("\\") + "\\" + call.text("ChildPath").lstrip("\\")


@cmdlet("Split-Path", "[string] Path @0 mandatory, [switch] Leaf, [switch] Parent")
def split_path(call: Call) -> Iterator[object]:
    """The last part of a path, or what is before it."""
    before, _, last = call.text("Path").rstrip("\\").rpartition("\\")
    yield last if call.on("Leaf") else before


REFUSED.update(name.lower() for name in ("Add-Type", "Start-Job", "Invoke-Command", "Enter-PSSession", "Invoke-WebRequest",
                                         "Start-Process", "Start-Sleep"))
