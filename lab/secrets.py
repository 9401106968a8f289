"""Secrets of one run: made by us, kept 0600, masked everywhere else.

`Secret` prints as *** in every form; `Mask` removes secrets from text that came from elsewhere (transcripts, logs).
"""

from __future__ import annotations

import base64
import json
import os
import secrets as _random
from collections.abc import Iterable, Mapping
from pathlib import Path


class Secret:
    """A string that does not show itself. Read it with `reveal()`, at the last moment."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and _random.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)


def new_secret(length: int = 20) -> Secret:
    """Return a new random secret of `length` characters: letters and digits, at least one of each kind that Windows'
    password rules ask for."""
    alphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    body = "".join(_random.choice(alphabet) for _ in range(length - 3))
    return Secret("x" + body + "7Q")


def write_private(path: Path, content: str | bytes) -> Path:
    """Write `content` to a new or emptied file that only its owner can read (0600, also before the first byte)."""
    data = content.encode() if isinstance(content, str) else content
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data)
    return path


SHORTEST_PIECE = 6
"""Characters of base64 below which a piece would hide innocent text."""


class Mask:
    """Replaces known secrets in text, also as a JSON string spells them and inside base64 (of UTF-8 and of PowerShell's UTF-16),
    wherever in the encoded text they stand; up to two characters at either end of such a piece remain."""

    def __init__(self, known: Iterable[Secret] = ()) -> None:
        self._forms: set[str] = set()
        for secret in known:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        """Mask this one too, from now on."""
        value = secret.reveal()
        if not value:
            return
        self._forms |= {value, json.dumps(value)[1:-1]}
        for encoding in ("utf-8", "utf-16-le"):
            data = value.encode(encoding)
            self._forms.add(base64.b64encode(data).decode().rstrip("="))
            for before in range(3):  # bytes before it in the group of three that base64 encodes together
                piece = base64.b64encode(bytes(before) + data).decode()[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
                if len(piece) >= SHORTEST_PIECE:
                    self._forms.add(piece)

    def __call__(self, text: str) -> str:
        """Return `text` with every known secret replaced by ***."""
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, "***")
        return text

    def inside(self, value: object) -> object:
        """Return a value of JSON with every text in it masked: masked as one text, a secret of punctuation would spoil the JSON itself."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {name: self.inside(content) for name, content in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.inside(one) for one in value]
        return value
