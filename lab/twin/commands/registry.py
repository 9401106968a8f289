"""The drive HKLM: and the cmdlets for values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.twin.commands.services import machine_of
from lab.twin.powershell.convert import cast, like, to_text
from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, failure
from lab.twin.powershell.registry import Call, Provider, cmdlet, find_provider, provider
from lab.twin.powershell.values import PSObject, each
from lab.twin.windows.machine import Machine
from lab.twin.windows.registry import Data, Key, Kind, Registry

HIVE = "HKEY_LOCAL_MACHINE"


def missing(path: str) -> PowerShellError:
    """Return the error for a key that is not there."""
    return failure(f"Cannot find path 'HKLM:\\{path}' because it does not exist.", category="ObjectNotFound", target=f"HKLM:\\{path}",
                   exception="System.Management.Automation.ItemNotFoundException", identifier="PathNotFound")


def as_object(path: str, key: Key) -> PSObject:
    """Return a key as Get-Item shows it."""
    return PSObject(
        [("Name", f"{HIVE}\\{path}"), ("PSChildName", key.name), ("PSPath", f"Microsoft.PowerShell.Core\\Registry::{HIVE}\\{path}"),
         ("Property", [value.name for value in key.values.values()]), ("ValueCount", len(key.values)), ("SubKeyCount", len(key.keys))],
        type_name="Microsoft.Win32.RegistryKey", view=("Name", "Property"), methods={
            "GetValueNames": lambda: [value.name for value in key.values.values()],
            "GetValue": lambda name, default=None: _signed(key.values[name.lower()].data) if name.lower() in key.values else default,
            "GetSubKeyNames": lambda: [below.name for below in key.keys.values()],
            "Close": lambda: None,
        }, handle=key,
    )


class HiveDrive(Provider):
    """HKLM:."""

    drive = "HKLM"

    @staticmethod
    def _registry(machine: object) -> Registry:
        assert isinstance(machine, Machine)
        return machine.registry

    def _key(self, machine: object, path: str) -> Key:
        key = self._registry(machine).key(path)
        if key is None:
            raise missing(path)
        return key

    def exists(self, machine: object, path: str) -> bool:
        """Whether there is a key."""
        return self._registry(machine).key(path) is not None

    def item(self, machine: object, path: str) -> object:
        """A key."""
        return as_object(path, self._key(machine, path))

    def children(self, machine: object, path: str) -> list[object]:
        """The keys below."""
        return [as_object(f"{path}\\{below.name}", below) for below in self._key(machine, path).keys.values()]

    def create(self, machine: object, path: str, *, force: bool) -> object:
        """Make a key; the keys above it only with -Force."""
        registry = self._registry(machine)
        if registry.key(path) is not None and not force:
            raise failure(f"A key in this path already exists: HKLM:\\{path}", exception="System.IO.IOException", category="ResourceExists",
                          identifier="System.IO.IOException,Microsoft.PowerShell.Commands.NewItemCommand")
        if registry.key(path.rpartition("\\")[0]) is None and not force:
            raise missing(path.rpartition("\\")[0])
        return as_object(path, registry.create(path))

    def remove(self, machine: object, path: str, *, recurse: bool) -> None:
        """Remove a key; one with keys below only with -Recurse (Windows would ask)."""
        if self._key(machine, path).keys and not recurse:
            raise NotSupportedByTwin("Remove-Item of a key with subkeys without -Recurse (Windows asks)")
        self._registry(machine).remove(path)


provider("HKLM", HiveDrive())


def _target(call: Call) -> tuple[Registry, str, Key]:
    path = call.text("LiteralPath") or call.text("Path")
    drive, rest = find_provider(path)
    if not isinstance(drive, HiveDrive):
        raise NotSupportedByTwin(f"{call.name} of {path}")
    registry = machine_of(call).registry
    key = registry.key(rest)
    if key is None:
        raise missing(rest)
    return registry, rest, key


def typed(kind: str, value: object) -> tuple[Kind, Data]:
    """Return kind and data of a value to be written."""
    name = kind.lower() or ("dword" if isinstance(value, int) and not isinstance(value, bool) else "string")
    if name == "dword":
        number = cast("int", value)  # RegistryKey.SetValue converts to Int32; a larger number is an error
        assert isinstance(number, int)
        return Kind.DWORD, number & 0xFFFFFFFF
    if name == "binary":
        data = cast("byte[]", value)
        assert isinstance(data, bytes)
        return Kind.BINARY, data
    if name == "multistring":
        return Kind.MULTI_STRING, [to_text(one) for one in each(value)]
    if name in ("string", "expandstring"):
        return (Kind.STRING if name == "string" else Kind.EXPAND_STRING), to_text(value)
    raise NotSupportedByTwin(f"the registry type {kind}")


def _signed(data: Data) -> object:
    """Return data as PowerShell shows it: a DWORD is an Int32."""
    if isinstance(data, int):
        return data - (1 << 32) if data >= 1 << 31 else data
    return data


@cmdlet("Get-ItemProperty", "[string] Path @0 pipeline, [string[]] Name @1, [string] LiteralPath")
def get_item_property(call: Call) -> Iterator[object]:
    """Values of a key as properties."""
    _, path, key = _target(call)
    wanted = call.strings("Name")
    values = [(value.name, _signed(value.data)) for value in key.values.values()
              if not wanted or any(like(value.name, one) for one in wanted)]
    if wanted and not values:
        raise _no_value(call, path, wanted[0])
    yield PSObject([*values, ("PSPath", f"Microsoft.PowerShell.Core\\Registry::{HIVE}\\{path}"), ("PSChildName", key.name)],
                   type_name="PSCustomObject")


def _no_value(call: Call, path: str, name: str) -> PowerShellError:
    return failure(f"Property {name} does not exist at path HKEY_LOCAL_MACHINE\\{path}.", exception="System.Management.Automation.PSArgumentException",
                   category="InvalidArgument", target=name,
                   identifier=f"System.Management.Automation.PSArgumentException,Microsoft.PowerShell.Commands.{call.name.replace('-', '')}Command")


@cmdlet("Get-ItemPropertyValue", "[string] Path @0 pipeline, [string] Name @1 mandatory, [string] LiteralPath")
def get_item_property_value(call: Call) -> Iterator[object]:
    """One value."""
    registry, path, _ = _target(call)
    data = registry.get(path, call.text("Name"))
    if data is None:
        raise _no_value(call, path, call.text("Name"))
    yield _signed(data)


def _write(call: Call) -> Iterable[object]:
    registry, path, _ = _target(call)
    kind, data = typed(call.text("PropertyType") or call.text("Type"), call.value("Value"))
    registry.set(path, call.text("Name"), kind, data)
    return ()


@cmdlet("Set-ItemProperty", "[string] Path @0 pipeline, [string] Name @1 mandatory, [object] Value @2, [string] Type, [string] LiteralPath,"
        " [switch] Force")
def set_item_property(call: Call) -> Iterable[object]:
    """Write a value."""
    return _write(call)


@cmdlet("New-ItemProperty", "[string] Path @0 pipeline, [string] Name @1 mandatory, [object] Value, [string] PropertyType,"
        " [string] LiteralPath, [switch] Force")
def new_item_property(call: Call) -> Iterable[object]:
    """Make a value; one that is there is replaced only with -Force."""
    registry, path, _ = _target(call)
    if registry.get(path, call.text("Name")) is not None and not call.on("Force"):
        raise failure("The property already exists.", exception="System.IO.IOException", category="ResourceExists", target=call.text("Name"),
                      identifier="System.IO.IOException,Microsoft.PowerShell.Commands.NewItemPropertyCommand")
    return _write(call)


@cmdlet("Remove-ItemProperty", "[string] Path @0 pipeline, [string] Name @1 mandatory, [string] LiteralPath, [switch] Force")
def remove_item_property(call: Call) -> Iterable[object]:
    """Remove a value."""
    registry, path, _ = _target(call)
    if not registry.delete(path, call.text("Name")):
        raise _no_value(call, path, call.text("Name"))
    return ()
