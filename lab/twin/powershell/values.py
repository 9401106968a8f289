"""PowerShell's values in Python: text, numbers, truth and None as they are, arrays as lists, byte[] as bytes; the rest here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from lab.twin.powershell.tree import Block


class PSHash:
    """A hashtable; keys that are text are compared without regard to case. Keeps the order of insertion, like [ordered]."""

    def __init__(self, entries: Iterable[tuple[object, object]] = (), *, ordered: bool = False) -> None:
        self.ordered = ordered
        self._entries: dict[object, tuple[object, object]] = {}
        for key, value in entries:
            self[key] = value

    @staticmethod
    def _fold(key: object) -> object:
        return key.lower() if isinstance(key, str) else key

    def __setitem__(self, key: object, value: object) -> None:
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
        handle: object = None,
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


class Switch:
    """A switch parameter's value: true or false, also in tests."""

    def __init__(self, present: bool) -> None:
        self.present = present


def each(value: object) -> Iterator[object]:
    """Yield what a pipeline makes of a value: an array's items, nothing for None, else the value."""
    if isinstance(value, list):
        yield from value
    elif value is not None:
        yield value


def collapse(values: list[object]) -> object:
    """Return what an assignment makes of a pipeline's output: None, the one value, or an array."""
    if not values:
        return None
    return values[0] if len(values) == 1 else values
