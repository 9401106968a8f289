"""ConvertTo-Json and ConvertFrom-Json as Windows PowerShell 5.1 has them."""

from __future__ import annotations

import json
import re

from lab.twin.powershell.convert import to_text
from lab.twin.powershell.errors import failure
from lab.twin.powershell.values import PSHash, PSObject, Switch

ESCAPED = re.compile("[<>&']")  # 5.1 writes these as \u0027 and so on


def from_json(text: str) -> object:
    """Return objects of a JSON text. Raises PowerShellError."""

    def make(pairs: list[tuple[str, object]]) -> PSObject:
        return PSObject(pairs)

    try:
        return json.loads(text, object_pairs_hook=make)
    except ValueError as error:
        raise failure(f"Invalid JSON primitive: {text.strip()[:20]}.", exception="System.ArgumentException",
                      identifier="System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand") from error


def to_json(value: object, *, depth: int, compress: bool) -> str:
    """Return the JSON text of a value; what lies deeper than `depth` is written as text."""
    plain = _plain(value, depth)
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":") if compress else (",", ":  "), indent=None if compress else 4)
    return ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _plain(value: object, depth: int) -> object:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Switch):
        return {"IsPresent": value.present}
    if isinstance(value, bytes):
        return list(value)
    if depth < 0:
        return to_text(value)
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, PSHash):
        return {to_text(key): _plain(content, depth - 1) for key, content in value.items()}
    if isinstance(value, PSObject):
        if value.text is not None and not value.properties:
            return value.text
        return {name: _plain(content() if callable(content) else content, depth - 1) for name, content in value.properties.items()}
    return to_text(value)
