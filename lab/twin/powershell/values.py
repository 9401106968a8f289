"""PowerShell's values in Python: text, numbers, truth and None as they are, arrays as lists, byte[] as bytes; the rest here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from lab.twin.powershell.numbers import Byte
from lab.twin.powershell.tree import Block


class PSHash:
    """A hashtable; keys that are text are compared without regard to case. Keeps the order of insertion, like [ordered]."""

    def __init__(self, entries: Iterable[tuple[object, object]] = (), *, ordered: bool = False) -> None:
        self.ordered = ordered
        self._entries: dict[object, tuple[object, object]] = {}
        for key, value in entries:
            self[key] = value

    version = 0
    """Counts changes: whoever enumerates the keys meanwhile fails, as on Windows."""

    @staticmethod
    def _fold(key: object) -> object:
        return key.lower() if isinstance(key, str) else (type(key), key)  # 1, $true and 1.0 are different keys

    def __setitem__(self, key: object, value: object) -> None:
        self.version += 1
        known = self._entries.get(self._fold(key))
        self._entries[self._fold(key)] = (known[0] if known else key, value)

    def __getitem__(self, key: object) -> object:
        return self._entries[self._fold(key)][1]

    def get(self, key: object) -> object:
        """Return a value; None without one."""
        entry = self._entries.get(self._fold(key))
        return entry[1] if entry else None

    def __contains__(self, key: object) -> bool:
        return self._fold(key) in self._entries

    def remove(self, key: object) -> None:
        """Remove an entry, if there is one."""
        self.version += 1
        self._entries.pop(self._fold(key), None)

    def items(self) -> list[tuple[object, object]]:
        """Return the entries."""
        return list(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)


class PSObject:
    """An object with properties (looked up without regard to case) and methods."""

    def __init__(
        self, properties: Mapping[str, object] | Iterable[tuple[str, object]] = (), *, type_name: str = "PSCustomObject",
        view: tuple[str, ...] = (), methods: Mapping[str, Callable[..., object]] | None = None, text: str | None = None,
        handle: object = None, setters: Mapping[str, Callable[[object], None]] | None = None,
    ) -> None:
        self.properties: dict[str, object] = dict(properties)
        self.type_name = type_name
        self.view = view
        """Columns of the default table."""
        self.methods = {name.lower(): method for name, method in (methods or {}).items()}
        self.text = text
        """What ToString() gives."""
        self.handle = handle
        """The Python object behind it, for cmdlets that take it back."""
        self.setters = {name.lower(): setter for name, setter in (setters or {}).items()}
        """Properties of a .NET object that may be assigned."""

    def name_of(self, name: str) -> str | None:
        """Return a property's name as it is spelt; None if there is none."""
        if name in self.properties:
            return name
        folded = name.lower()
        return next((known for known in self.properties if known.lower() == folded), None)

    def get(self, name: str) -> object:
        """Return a property; None if there is none."""
        known = self.name_of(name)
        return self.properties[known] if known is not None else None

    def set(self, name: str, value: object) -> None:
        """Set or add a property."""
        self.properties[self.name_of(name) or name] = value


@dataclass(frozen=True, slots=True)
class TypeValue:
    """[System.IO.File] as a value."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class ScriptBlock:
    """A block as a value."""

    block: Block
    source: str


@dataclass(frozen=True, slots=True)
class SecureString:
    """Text that does not show itself."""

    value: str

    def __repr__(self) -> str:
        return "System.Security.SecureString"


class Char(str):
    """One character: a number where a number is wanted."""

    __slots__ = ()


class EnumValue(str):
    """A value of a .NET enumeration: text for the script, a number for [int] and JSON."""

    __slots__ = ("number", "type_name")

    def __new__(cls, text: str, number: int, type_name: str) -> EnumValue:
        """Make one."""
        made = super().__new__(cls, text)
        made.number, made.type_name = number, type_name
        return made

    number: int
    type_name: str


class TypedArray(list[object]):
    """An array of a declared element type: string[] and so on."""

    def __init__(self, kind: str, items: Iterable[object] = ()) -> None:
        super().__init__(items)
        self.kind = kind


class NamedItems(list[object]):
    """A collection whose members are found by their Name too: PSObject.Properties, the groups of a match."""


class Keys(list[object]):
    """Keys or values of a hashtable: no longer to be enumerated once it has changed."""

    def __init__(self, owner: PSHash, items: Iterable[object]) -> None:
        super().__init__(items)
        self.owner, self.version = owner, owner.version


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """System.Version; parts that were not given are -1."""

    parts: tuple[int, int, int, int]

    def __str__(self) -> str:
        return ".".join(str(part) for part in self.parts if part >= 0)


@dataclass(frozen=True, slots=True)
class Spelt:
    """A number among a command's arguments, and how it was spelt: text is what a [string] parameter gets."""

    value: object
    text: str


def plain(value: object) -> object:
    """Return an argument as its value."""
    return value.value if isinstance(value, Spelt) else value


class Nothing:
    """What a command without output gives: $null wherever a value is wanted, no object at all in a pipeline."""


NOTHING = Nothing()


class Switch:
    """A switch parameter's value: true or false, also in tests."""

    def __init__(self, present: bool) -> None:
        self.present = present


def each(value: object) -> Iterator[object]:
    """Yield the values that an argument means: an array's items, nothing for $null, else the value."""
    if isinstance(value, (list, bytes)):
        yield from items_of(value)
    elif value is not None and value is not NOTHING:
        yield value


def items_of(value: list[object] | bytes) -> list[object]:
    """Return an array's items; those of a byte[] are bytes."""
    return [Byte(one) for one in value] if isinstance(value, bytes) else value


def written(value: object) -> Iterator[object]:
    """Yield what a statement writes to the pipeline: as `each`, but $null is an object as well."""
    if value is None:
        yield None
    else:
        yield from each(value)


def collapse(values: list[object]) -> object:
    """Return what an assignment makes of a pipeline's output: nothing, the one value, or an array."""
    if not values:
        return NOTHING
    return values[0] if len(values) == 1 else values
