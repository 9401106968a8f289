"""The drive HKLM: and the cmdlets for values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.twin.commands.services import machine_of
from lab.twin.powershell.compare import like
from lab.twin.powershell.convert import cast, to_text
from lab.twin.powershell.drives import located
from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, complaint
from lab.twin.powershell.registry import Call, Provider, cmdlet, provider
from lab.twin.powershell.values import PSObject, TypedArray, each
from lab.twin.windows.machine import Machine
from lab.twin.windows.registry import Data, Key, Kind, Registry

HIVE = "HKEY_LOCAL_MACHINE"


def missing(path: str) -> PowerShellError:
    """Return the error for a key that is not there."""
    return complaint(f"Cannot find path 'HKLM:\\{path}' because it does not exist.", category="ObjectNotFound", target=f"HKLM:\\{path}",
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
            raise complaint(f"A key in this path already exists: HKLM:\\{path}", exception="System.IO.IOException", category="ResourceExists",
                            identifier="System.IO.IOException,Microsoft.PowerShell.Commands.NewItemCommand")
        if registry.key(path.rpartition("\\")[0]) is None and not force:
            raise missing(path.rpartition("\\")[0])
        registry.remove(path)  # New-Item -Force of a key that is there makes it anew, without its values
        return as_object(path, registry.create(path))

    def remove(self, machine: object, path: str, *, recurse: bool) -> None:
        """Remove a key; one with keys below only with -Recurse (Windows would ask)."""
        if self._key(machine, path).keys and not recurse:
            raise NotSupportedByTwin("Remove-Item of a key with subkeys without -Recurse (Windows asks)")
        self._registry(machine).remove(path)


provider("HKLM", HiveDrive())


def _target(call: Call) -> tuple[Registry, str, Key]:
    (drive, rest), = located(call)
    if not isinstance(drive, HiveDrive):
        raise NotSupportedByTwin(f"{call.name} of {rest}")
    registry = machine_of(call).registry
    key = registry.key(rest)
    if key is None:
        raise missing(rest)
    return registry, rest, key


def typed(kind: str, value: object) -> tuple[Kind, Data]:
    """Return kind and data of a value to be written. Raises NotSupportedByTwin for kinds that the twin's registry does not have."""
    name = kind.lower() or ("dword" if type(value) is int else "multistring" if isinstance(value, TypedArray) and value.kind == "string"
                            else "binary" if isinstance(value, bytes) else "string")
    if value is None or (isinstance(value, list) and name not in ("multistring", "binary")):
        raise NotSupportedByTwin(f"{'an array' if value is not None else '$null'} as a registry value of type {name}")
    if name == "dword":
        number = cast("int", value)  # RegistryKey.SetValue converts to Int32; a larger number is an error
        assert isinstance(number, int)
        return Kind.DWORD, int(number) & 0xFFFFFFFF
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


@cmdlet("Get-ItemProperty", "[string] Path @0, [string[]] Name @1, [string] LiteralPath")
def get_item_property(call: Call) -> Iterator[object]:
    """Values of a key as properties."""
    _, path, key = _target(call)
    wanted = call.strings("Name")
    values = [(value.name, _signed(value.data)) for value in key.values.values()
              if not wanted or any(like(value.name, one) for one in wanted)]
    if wanted and not values:
        raise _no_value(call, path, wanted[0])
    yield PSObject([*values, ("PSPath", f"Microsoft.PowerShell.Core\\Registry::{HIVE}\\{path}"),
                    ("PSParentPath", f"Microsoft.PowerShell.Core\\Registry::{HIVE}\\{path.rpartition(chr(92))[0]}"),
                    ("PSChildName", key.name), ("PSDrive", "HKLM"), ("PSProvider", "Microsoft.PowerShell.Core\\Registry")])


def _no_value(call: Call, path: str, name: str) -> PowerShellError:
    return complaint(f"Property {name} does not exist at path HKEY_LOCAL_MACHINE\\{path}.", exception="System.Management.Automation.PSArgumentException",
                   category="InvalidArgument", target=name,
                   identifier=f"System.Management.Automation.PSArgumentException,Microsoft.PowerShell.Commands.{call.name.replace('-', '')}Command")


@cmdlet("Get-ItemPropertyValue", "[string] Path @0, [string] Name @1 mandatory, [string] LiteralPath")
def get_item_property_value(call: Call) -> Iterator[object]:
    """One value."""
    registry, path, _ = _target(call)
    data = registry.get(path, call.text("Name"))
    if data is None:
        raise _no_value(call, path, call.text("Name"))
    yield _signed(data)


def _value_name(call: Call) -> str:
    """Return the name of a value to be written: a key's default value, whose name is empty, is called (default) by the cmdlets."""
    name = call.text("Name")
    return "" if name.lower() == "(default)" else name


def _write(call: Call, kind: str) -> object:
    registry, path, key = _target(call)
    name = _value_name(call)
    known = key.values.get(name.lower())
    try:
        found, data = typed(kind or (known.kind.value if known else ""), call.value("Value"))
    except PowerShellError as error:
        error.soft = True  # the provider reports it
        raise
    registry.set(path, name, found, data)
    return _signed(data)


@cmdlet("Set-ItemProperty", "[string] Path @0, [string] Name @1 mandatory, [object] Value @2 mandatory, [string] Type,"
        " [string] LiteralPath, [switch] Force")
def set_item_property(call: Call) -> Iterable[object]:
    """Write a value; one that is there keeps its kind unless -Type says otherwise."""
    _write(call, call.text("Type"))
    return ()


@cmdlet("New-ItemProperty", "[string] Path @0, [string] Name @1 mandatory, [object] Value, [string] PropertyType,"
        " [string] LiteralPath, [switch] Force")
def new_item_property(call: Call) -> Iterator[object]:
    """Make a value, and return it as an object; one that is there is replaced only with -Force."""
    registry, path, _ = _target(call)
    name = call.text("Name")
    if registry.get(path, name) is not None:
        if not call.on("Force"):
            raise complaint("The property already exists.", exception="System.IO.IOException", category="ResourceExists", target=name,
                            identifier="System.IO.IOException,Microsoft.PowerShell.Commands.NewItemPropertyCommand")
        registry.delete(path, name)
    yield PSObject([(name, _write(call, call.text("PropertyType")))])


@cmdlet("Remove-ItemProperty", "[string] Path @0, [string] Name @1 mandatory, [string] LiteralPath, [switch] Force")
def remove_item_property(call: Call) -> Iterable[object]:
    """Remove a value."""
    registry, path, _ = _target(call)
    if not registry.delete(path, call.text("Name")):
        raise _no_value(call, path, call.text("Name"))
    return ()
