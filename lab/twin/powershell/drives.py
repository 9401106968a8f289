"""Cmdlets for items of drives: Test-Path, Get-Item and so on; and paths as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, failure
from lab.twin.powershell.registry import Call, Provider, cmdlet, find_provider


def located(call: Call) -> Iterator[tuple[Provider, str]]:
    """Yield drive and rest of the paths given. Raises NotSupportedByTwin for wildcards."""
    if call.has("Path") == call.has("LiteralPath"):
        if call.has("Path"):
            raise NotSupportedByTwin(f"{call.name} with -Path and -LiteralPath")
        raise failure("Cannot process command because of one or more missing mandatory parameters: Path.",
                      exception="System.Management.Automation.ParameterBindingException", identifier=f"MissingMandatoryParameter,{call.name}",
                      category="InvalidArgument")
    for path in call.strings("LiteralPath") or call.strings("Path"):
        if not call.has("LiteralPath") and any(sign in path for sign in "*?["):
            raise NotSupportedByTwin(f"wildcards in {path!r} (write -LiteralPath, or Get-ChildItem and Where-Object)")
        yield find_provider(path)


def _for_each(call: Call, act: str, **options: bool) -> Iterator[object]:
    for drive, rest in located(call):
        try:
            yield getattr(drive, act)(call.machine, rest, **options)
        except PowerShellError as error:
            call.take(error)


@cmdlet("Test-Path", "[string[]] Path @0 pipeline, [string[]] LiteralPath, [string] PathType")
def test_path(call: Call) -> Iterator[object]:
    """Whether there is an item."""
    if call.text("PathType", "any").lower() != "any":
        raise NotSupportedByTwin(f"Test-Path -PathType {call.text('PathType')}")
    return _for_each(call, "exists")


@cmdlet("Get-Item", "[string[]] Path @0 pipeline, [string[]] LiteralPath, [switch] Force")
def get_item(call: Call) -> Iterator[object]:
    """An item."""
    return _for_each(call, "item")


@cmdlet("Get-ChildItem", "[string[]] Path @0 pipeline, [string[]] LiteralPath, [switch] Force, [switch] Recurse")
def get_child_item(call: Call) -> Iterator[object]:
    """The items below."""
    if call.on("Recurse"):
        raise NotSupportedByTwin("Get-ChildItem -Recurse")
    for found in _for_each(call, "children"):
        assert isinstance(found, list)
        yield from found


@cmdlet("New-Item", "[string] Path @0 mandatory, [string] Name, [string] ItemType, [switch] Force")
def new_item(call: Call) -> Iterator[object]:
    """Make an item."""
    path = call.text("Path") + ("\\" + call.text("Name") if call.has("Name") else "")
    drive, rest = find_provider(path)
    yield drive.create(call.machine, rest, force=call.on("Force"))


@cmdlet("Remove-Item", "[string[]] Path @0 pipeline, [string[]] LiteralPath, [switch] Recurse, [switch] Force, [switch] DeleteKey")
def remove_item(call: Call) -> Iterable[object]:
    """Remove items; -DeleteKey is a parameter that the drive of the path brings along."""
    if call.has("DeleteKey"):
        _must_have_keys(call)
    done = _for_each(call, "remove_with_key") if call.on("DeleteKey") else _for_each(call, "remove", recurse=call.on("Recurse"))
    for _ in done:
        pass
    return ()


def _must_have_keys(call: Call) -> None:
    """Raise what the binder says when the path's drive has no -DeleteKey. It looks at -Path as written, before the pipeline runs."""
    if call.input or call.has("LiteralPath"):
        raise NotSupportedByTwin("Remove-Item -DeleteKey without -Path (it is documented for that one only)")
    if not all(drive.has_keys for drive, _ in located(call)):
        raise failure("A parameter cannot be found that matches parameter name 'DeleteKey'.", category="InvalidArgument",
                      exception="System.Management.Automation.ParameterBindingException", identifier=f"NamedParameterNotFound,{call.name}")


@cmdlet("Join-Path", "[string] Path @0 mandatory, [string] ChildPath @1 mandatory empty")
def join_path(call: Call) -> Iterator[object]:
    """Join two parts of a path."""
    yield call.text("Path").rstrip("\\") + "\\" + call.text("ChildPath").lstrip("\\")


@cmdlet("Split-Path", "[string] Path @0 mandatory, [switch] Leaf, [switch] Parent")
def split_path(call: Call) -> Iterator[object]:
    """The last part of a path, or what is before it."""
    before, _, last = call.text("Path").rstrip("\\").rpartition("\\")
    yield last if call.on("Leaf") else before
