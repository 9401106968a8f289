"""Data files that people write: what cannot be read or is not YAML is told the same way for all of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from lab.errors import ConfigError

Entry = TypeVar("Entry", bound=BaseModel)


class _NoDuplicates(yaml.SafeLoader):
    """YAML in which a name that stands twice is an error, not the loss of the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        names: set[object] = set()
        for key, _ in node.value:
            name = self.construct_object(key)
            if name in names:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} stands twice", key.start_mark)
            names.add(name)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, *, called: str = "", hint: str = "") -> object:
    """Return the content of a file.

    Args:
        path: the file.
        called: what a message calls it; its path unless given.
        hint: what to do when it cannot be read.

    Raises:
        ConfigError: it cannot be read, or is not YAML.
    """
    name = called or str(path)
    try:
        content: object = yaml.load(path.read_text(), _NoDuplicates)  # noqa: S506 - a safe loader
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}", hint=hint) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} is not YAML: {error}") from error
    return content


def read_entries(path: Path, model: type[Entry], *, key: str) -> list[Entry]:
    """Return the entries of a file that is a list, each with a name of its own.

    Args:
        path: the file.
        model: what an entry must be.
        key: the field by which entries are told apart.

    Raises:
        ConfigError: the file cannot be read, an entry is wrong (named by its key, with the field), or a name stands twice.
    """
    content = read_yaml(path)
    try:
        entries = TypeAdapter(list[model]).validate_python(content)  # type: ignore[valid-type]  # a type at run time
    except ValidationError as error:
        problem = error.errors()[0]
        given = f" {problem['input']!r}:" if isinstance(problem["input"], str | int | float | bool | None) else ""
        raise ConfigError(f"{path}: {_place(content, problem['loc'], key)}:{given} {problem['msg']}") from error
    if twice := [name for name, count in Counter(str(getattr(entry, key)) for entry in entries).items() if count > 1]:
        raise ConfigError(f"{path}: the {key} {twice[0]!r} stands twice")
    return entries


def _place(content: object, location: tuple[int | str, ...], key: str) -> str:
    """Return where in the file a problem is, with the entry's name instead of its number: "ikev2-none.evidence"."""
    parts = [str(part) for part in location]
    if parts and isinstance(content, list) and isinstance(location[0], int):
        entry = content[location[0]]
        if isinstance(entry, dict) and key in entry:
            parts[0] = str(entry[key])
    return ".".join(parts) or "the whole file"
