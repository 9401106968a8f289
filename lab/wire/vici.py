"""charon's control protocol, through the PyPI package `vici`: text instead of bytes, failures as values where they are data."""

from __future__ import annotations

import base64
import contextlib
import socket

from vici import Session
from vici.exception import CommandException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SOCKET = "/run/charon.vici"


class ViciRefused(Exception):
    """charon refused a request."""


BINARY = frozenset({"data"})
"""Keys whose values are bytes that mean no text: certificates; given as base64."""


def to_text(value: object) -> object:
    """Return vici's bytes as text, all the way down."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {str(key): base64.b64encode(content).decode() if key in BINARY else to_text(content) for key, content in value.items()}
    if isinstance(value, list):
        return [to_text(content) for content in value]
    return value


class Vici:
    """A connection to charon."""

    def __init__(self, path: str = SOCKET) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._session = Session(self._socket)

    def close(self) -> None:
        """Close the connection; who listens to it is woken."""
        with contextlib.suppress(OSError):  # charon has closed it
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def request(self, command: str, message: Mapping[str, object] | None = None) -> list[object]:
        """Send a command; return its answers as text (a command that streams has several).

        Raises:
            ViciRefused: charon refused; with its words.
        """
        function = getattr(self._session, command.replace("-", "_"))
        try:
            answer = function(dict(message)) if message is not None else function()
            answers = list(answer) if hasattr(answer, "__next__") else [answer]
        except CommandException as error:
            raise ViciRefused(f"{command}: {error}") from error
        return [to_text(part) for part in answers]

    def control(self, command: str, message: Mapping[str, object]) -> tuple[str, list[str]]:
        """Send `initiate`, `terminate` or `rekey`; return what went wrong (empty: nothing) and charon's log lines.

        `initiate` raises while its log is read, after the last line.
        """
        lines: list[str] = []
        try:
            answer = getattr(self._session, command)(dict(message))
            for part in answer if hasattr(answer, "__next__") else ():  # `rekey` answers at once, without a log
                content = to_text(part)
                assert isinstance(content, dict)
                lines.append(str(content.get("msg", "")))
        except CommandException as error:
            return str(error), lines
        return "", lines

    def listen(self, events: Sequence[str]) -> Iterator[tuple[str, object]]:
        """Yield name and content of events for ever; None as name when nothing came within the socket's timeout."""
        for name, content in self._session.listen(list(events)):
            yield (name.decode() if isinstance(name, bytes) else name), to_text(content)
