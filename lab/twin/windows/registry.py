"""The registry: keys without regard to case, values with their kinds."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """Kinds of values."""

    STRING = "String"
    EXPAND_STRING = "ExpandString"
    DWORD = "DWord"
    BINARY = "Binary"
    MULTI_STRING = "MultiString"


Data = str | int | bytes | list[str]


@dataclass(frozen=True, slots=True)
class Value:
    """A value: its name as it was spelt, its kind, its data."""

    name: str
    kind: Kind
    data: Data


@dataclass(slots=True)
class Key:
    """A key."""

    name: str
    values: dict[str, Value] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)


class Registry:
    r"""HKEY_LOCAL_MACHINE; paths are "SYSTEM\CurrentControlSet\…"."""

    def __init__(self) -> None:
        self._root = Key("HKEY_LOCAL_MACHINE")
        self.on_change: Callable[[], None] | None = None
        """Called after a value was set. Windows' RRAS does not look before its next start; a twin with that inverted does."""

    @staticmethod
    def _parts(path: str) -> list[str]:
        text = path.strip("\\")
        for head in ("HKEY_LOCAL_MACHINE", "HKLM:", "HKLM"):
            if text.upper().startswith(head):
                text = text[len(head):].strip("\\")
        return [part for part in text.split("\\") if part]

    def key(self, path: str) -> Key | None:
        """Return a key; None if there is none."""
        here = self._root
        for part in self._parts(path):
            below = here.keys.get(part.lower())
            if below is None:
                return None
            here = below
        return here

    def create(self, path: str) -> Key:
        """Return a key, made with all above it if need be."""
        here = self._root
        for part in self._parts(path):
            here = here.keys.setdefault(part.lower(), Key(part))
        return here

    def remove(self, path: str) -> bool:
        """Remove a key with all below; return whether it was there."""
        *above, last = self._parts(path)
        parent = self.key("\\".join(above))
        return parent is not None and parent.keys.pop(last.lower(), None) is not None

    def get(self, path: str, name: str) -> Data | None:
        """Return a value's data; None if there is none."""
        key = self.key(path)
        value = key.values.get(name.lower()) if key else None
        return value.data if value else None

    def number(self, path: str, name: str, default: int) -> int:
        """Return a DWORD, or the default if it is absent or of another kind."""
        data = self.get(path, name)
        return data if isinstance(data, int) else default

    def set(self, path: str, name: str, kind: Kind, data: Data) -> None:
        """Set a value, making its key if need be."""
        self.create(path).values[name.lower()] = Value(name, kind, data)
        if self.on_change is not None:
            self.on_change()

    def delete(self, path: str, name: str) -> bool:
        """Remove a value; return whether it was there."""
        key = self.key(path)
        return key is not None and key.values.pop(name.lower(), None) is not None

    def subkeys(self, path: str) -> list[str]:
        """Return the names of the keys below."""
        key = self.key(path)
        return [below.name for below in key.keys.values()] if key else []

    def dump(self, path: str) -> dict[str, object]:
        """Return a key with everything below as plain values, for facts and comparisons."""
        key = self.key(path)
        if key is None:
            return {}
        plain: dict[str, object] = {value.name: value.data.hex() if isinstance(value.data, bytes) else value.data
                                    for value in key.values.values()}
        return plain | {below.name: self.dump(f"{path}\\{below.name}") for below in key.keys.values()}

    def copy(self) -> Registry:
        """Return an independent copy."""
        return copy.deepcopy(self)
