"""Data files that people write: what cannot be read or is not YAML is told the same way for all of them."""

from __future__ import annotations

from pathlib import Path

import yaml

from lab.errors import ConfigError


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
