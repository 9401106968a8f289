"""Cmdlets that choose, make, sort and count objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cmp_to_key

from lab.twin.powershell.compare import like, ordering
from lab.twin.powershell.convert import to_bool, to_integer, to_number, to_text
from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, failure
from lab.twin.powershell.kinds import type_name
from lab.twin.powershell.members import call as call_method
from lab.twin.powershell.members import read_property
from lab.twin.powershell.operators import operate
from lab.twin.powershell.registry import Call, cmdlet, find_type
from lab.twin.powershell.strings import METHODS
from lab.twin.powershell.values import NOTHING, PSHash, PSObject, ScriptBlock, collapse, each, written

WHERE = ("eq", "ne", "gt", "ge", "lt", "le", "like", "notlike", "match", "notmatch", "contains", "notcontains", "in", "notin")


def inputs(call: Call) -> list[object]:
    """Return what came through the pipeline, or -InputObject."""
    return call.input if call.input or not isinstance(call.value("InputObject"), list) else list(each(call.value("InputObject")))


def number(call: Call, name: str) -> int:
    """Return a parameter that counts. Raises NotSupportedByTwin for less than nothing."""
    value = to_integer("int", call.value(name))
    if value < 0:
        raise NotSupportedByTwin(f"{call.name} -{name} {value}")
    return value


def compute(call: Call, item: object, wanted: object) -> object:
    """Return a property, or what a block makes of an object."""
    if isinstance(wanted, ScriptBlock):
        value = collapse(call.interpreter.invoke_block(wanted, item=item, own_scope=False))
        return None if value is NOTHING else value
    if isinstance(item, PSHash):
        raise NotSupportedByTwin(f"{call.name} with a property of a hashtable (write [pscustomobject]@{{ … }}, or a block)")
    return _property(call, item, to_text(wanted))


def _property(call: Call, item: object, name: str) -> object:
    strict, call.interpreter.strict = call.interpreter.strict, False
    try:
        return read_property(call.interpreter, item, name) if item is not None else None
    finally:
        call.interpreter.strict = strict


@cmdlet("Where-Object", "[object] FilterScript @0, [object] Value @1, [object] InputObject pipeline, "
        + ", ".join(f"[switch] {name}" for name in WHERE))
def where_object(call: Call) -> Iterator[object]:
    """Keep what a block or a comparison of a property says."""
    condition = call.value("FilterScript")
    operators = [name for name in WHERE if call.on(name)]
    if len(operators) > 1 or (isinstance(condition, ScriptBlock) and operators) or (call.has("Value") and not operators):
        raise NotSupportedByTwin("Where-Object with these arguments (write a block)")
    for item in inputs(call):
        if isinstance(condition, ScriptBlock):
            keep = to_bool(collapse(call.interpreter.invoke_block(condition, item=item, own_scope=False)))
        else:
            value = item.get(to_text(condition)) if isinstance(item, PSHash) else _property(call, item, to_text(condition))
            keep = to_bool(operate(operators[0], value, call.value("Value")) if operators else value)
        if keep:
            yield item


@cmdlet("ForEach-Object", "[object[]] Process @0 rest, [object] Begin, [object] End, [object] InputObject pipeline")
def foreach_object(call: Call) -> Iterable[object]:
    """Run a block for each object, or read a property or call a method of each."""
    blocks = list(each(call.value("Process")))
    if len(blocks) > 1 or not blocks:
        raise NotSupportedByTwin("ForEach-Object with several blocks (write -Begin, -Process, -End) or none")
    action = blocks[0]
    for name in ("Begin", "Process", "End"):
        block = action if name == "Process" else call.value(name)
        if name == "Process" and not isinstance(block, ScriptBlock):
            for item in inputs(call):
                call.output.extend(_member(call, item, to_text(block)))
        elif isinstance(block, ScriptBlock):
            for item in inputs(call) if name == "Process" else [None]:
                call.interpreter.run_block(block, item, call.output)
        elif block is not None:
            raise NotSupportedByTwin(f"ForEach-Object -{name} without a block")
    return ()


def _member(call: Call, item: object, name: str) -> Iterator[object]:
    if isinstance(item, PSHash) and name in item:
        yield from written(item.get(name))
        return
    method = isinstance(item, str) and name.lower() in METHODS
    value = None if method else _property(call, item, name)
    if value is None and item is not None and not (isinstance(item, PSObject) and item.name_of(name)):
        try:
            value = call_method(call.interpreter, item, name, [])
        except NotSupportedByTwin:
            raise NotSupportedByTwin(f"ForEach-Object {name} of {type_name(item)}: neither a property nor a method that it knows") from None
    yield from written(value)


@cmdlet("Select-Object", "[object[]] Property @0, [string] ExpandProperty, [int] First, [int] Last, [int] Skip, [switch] Unique, "
        "[object] InputObject pipeline")
def select_object(call: Call) -> Iterator[object]:
    """Choose objects, and properties of each."""
    if (call.has("Last") and (call.has("Skip") or call.has("First"))) or (call.has("ExpandProperty") and call.has("Property")):
        raise NotSupportedByTwin("Select-Object with these parameters together")
    items = inputs(call)
    items = items[number(call, "Skip"):] if call.has("Skip") else items
    items = items[: number(call, "First")] if call.has("First") else items
    items = items[len(items) - min(len(items), number(call, "Last")):] if call.has("Last") else items
    chosen: list[object] = []
    for item in items:
        if call.has("ExpandProperty"):
            chosen += _expanded(call, item)
        else:
            chosen.append(PSObject(_selected(call, item)) if call.has("Property") else item)
    if not call.on("Unique"):
        yield from chosen
        return
    seen: list[tuple[type, object]] = []
    for item in chosen:
        if not isinstance(item, (str, int, float)):
            raise NotSupportedByTwin("Select-Object -Unique of objects (expand a property)")
        if (type(item), item) not in seen:
            seen.append((type(item), item))
            yield item


def _expanded(call: Call, item: object) -> list[object]:
    name = call.text("ExpandProperty")
    if isinstance(item, PSObject) and item.name_of(name) is None and item.type_name == "PSCustomObject":
        call.error(f"Property \"{name}\" cannot be found.", identifier="ExpandPropertyNotFound,Microsoft.PowerShell.Commands.SelectObjectCommand",
                   category="InvalidArgument", exception="System.Management.Automation.PSArgumentException")
        return []
    if not isinstance(item, PSObject) and name.lower() not in ("length", "name", "key", "value", "count"):
        raise NotSupportedByTwin(f"Select-Object -ExpandProperty {name} of {type_name(item)}")
    return list(written(compute(call, item, name)))


def _calculated(wanted: PSHash) -> tuple[str, object]:
    """Return name and expression of @{ Name = …; Expression = … }."""
    entries = {to_text(key).lower(): value for key, value in wanted.items()}
    label = next((entries[key] for key in ("name", "n", "label", "l") if key in entries), None)
    made = next((entries[key] for key in ("expression", "e") if key in entries), None)
    if made is None or set(entries) - {"name", "n", "label", "l", "expression", "e"}:
        raise NotSupportedByTwin("a calculated property without Expression, or with other keys than Name and Expression")
    return to_text(label if label is not None else made), made


def _selected(call: Call, item: object) -> Iterator[tuple[str, object]]:
    for wanted in each(call.value("Property")):
        if isinstance(wanted, PSHash):
            name, made = _calculated(wanted)
            yield name, compute(call, item, made)
        elif "*" in to_text(wanted):
            if not isinstance(item, PSObject) or item.type_name != "PSCustomObject":
                raise NotSupportedByTwin(f"Select-Object {to_text(wanted)} of {type_name(item)} (name the properties)")
            yield from ((name, compute(call, item, name)) for name in item.properties if like(name, to_text(wanted)))
        else:
            name = (item.name_of(to_text(wanted)) if isinstance(item, PSObject) else None) or to_text(wanted)
            yield name, compute(call, item, name)


@cmdlet("Sort-Object", "[object[]] Property @0, [switch] Descending, [switch] Unique, [object] InputObject pipeline")
def sort_object(call: Call) -> Iterable[object]:
    """Sort by properties or blocks, or by the objects themselves."""
    wanted = list(each(call.value("Property")))
    if any(isinstance(one, PSHash) for one in wanted):
        raise NotSupportedByTwin("Sort-Object with a table (write a block and -Descending)")
    sign = -1 if call.on("Descending") else 1
    decorated = [([compute(call, item, one) for one in wanted] or [item], item) for item in inputs(call)]

    def order(one: tuple[list[object], object], other: tuple[list[object], object]) -> int:
        for left, right in zip(one[0], other[0], strict=True):
            if (left is None and right is not None) or (right is None and left is not None):
                return -sign if left is None else sign
            if isinstance(left, str) != isinstance(right, str):
                raise NotSupportedByTwin("Sort-Object of texts and numbers together")
            if found := ordering(left, right):
                return sign * found
        return 0

    chosen = sorted(decorated, key=cmp_to_key(order))
    if call.on("Unique"):
        chosen = [pair for place, pair in enumerate(chosen) if place == 0 or order(pair, chosen[place - 1])]
    return [item for _, item in chosen]


@cmdlet("Measure-Object", "[string] Property @0, [switch] Sum, [switch] Average, [switch] Maximum, [switch] Minimum,"
        " [object] InputObject pipeline")
def measure_object(call: Call) -> Iterator[object]:
    """Count, sum, find extremes: Doubles, in 5.1."""
    wanted = [name for name in ("Average", "Sum", "Maximum", "Minimum") if call.on(name)]
    items = [item for item in inputs(call) if item is not None]
    if call.has("Property"):
        items = [value for item in items if (value := compute(call, item, call.text("Property"))) is not None]
    values = [float(to_number(item)) for item in items] if wanted else []
    made = {"Average": sum(values) / len(values), "Sum": sum(values), "Maximum": max(values), "Minimum": min(values)} if values else {}
    if wanted and not values:
        raise NotSupportedByTwin("Measure-Object of nothing with -Sum and its like (test the count first)")
    yield PSObject([("Count", len(items)), *((name, made.get(name) if name in wanted else None) for name in ("Average", "Sum", "Maximum", "Minimum")),
                    ("Property", call.text("Property") or None)], type_name="Microsoft.PowerShell.Commands.GenericMeasureInfo",
                   view=("Count", "Average", "Sum", "Maximum"))


@cmdlet("Group-Object", "[object] Property @0, [switch] NoElement, [object] InputObject pipeline")
def group_object(call: Call) -> Iterator[object]:
    """Objects with the same text in a property, in the order in which they come."""
    groups: dict[str, tuple[str, list[object]]] = {}
    for item in inputs(call):
        text = to_text(compute(call, item, call.value("Property")) if call.has("Property") else item)
        groups.setdefault(text.lower(), (text, []))[1].append(item)
    for name, members in groups.values():
        content = [] if call.on("NoElement") else [("Group", members)]
        yield PSObject([("Count", len(members)), ("Name", name), *content], type_name="Microsoft.PowerShell.Commands.GroupInfo",
                       view=("Count", "Name"))


@cmdlet("New-Object", "[string] TypeName @0 mandatory, [object[]] ArgumentList @1, [object] Property")
def new_object(call: Call) -> Iterator[object]:
    """Make an object of a .NET type, or a custom one."""
    name = call.text("TypeName")
    properties = call.value("Property")
    if name.lower().removeprefix("system.management.automation.") in ("psobject", "pscustomobject") and not call.has("ArgumentList"):
        if properties is not None and not isinstance(properties, PSHash):
            raise NotSupportedByTwin("New-Object -Property without a hashtable")
        yield PSObject([(to_text(key), value) for key, value in properties.items()] if isinstance(properties, PSHash) else [])
        return
    known = find_type(name)
    if known.construct is None or properties is not None:
        raise NotSupportedByTwin(f"New-Object {name}{' -Property' if properties is not None else ''}")
    try:
        yield known.construct(call.interpreter, *list(each(call.value("ArgumentList"))))
    except PowerShellError as error:
        record = error.record
        raise failure(record.message, exception="System.Management.Automation.MethodInvocationException", category="InvalidOperation",
                      identifier="ConstructorInvokedThrowException,Microsoft.PowerShell.Commands.NewObjectCommand",
                      inner=record.inner or record.exception) from None
    except (TypeError, ValueError) as error:
        raise NotSupportedByTwin(f"New-Object {name} with these arguments ({error})") from error
