"""The guest's end of the control line: one JSON request per line, one JSON answer.

The line is a tty that stalls for ever once about 4 KB are under way, so requests come in pieces below 2 KB: "+" and a part,
acknowledged with 0x06, or "." and the last part.
"""

from __future__ import annotations

import json
import os
import select
import termios
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ACKNOWLEDGE = b"\x06"
PAUSE = 0.02
"""Seconds between looks at the other descriptors: a daemon that logs a line at a time would cost a wake-up each."""


class ControlLine:
    """The tty, and the operations that may be asked for."""

    def __init__(self, path: str, operations: Mapping[str, Callable[..., object]]) -> None:
        self.operations = operations
        self.tty = os.open(path, os.O_RDWR | os.O_NOCTTY)
        attributes = termios.tcgetattr(self.tty)
        attributes[0] = attributes[1] = attributes[3] = 0  # raw: no echo, no line discipline
        attributes[2] |= termios.CLOCAL
        attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0  # not the default after clearing ICANON
        termios.tcsetattr(self.tty, termios.TCSANOW, attributes)
        self.buffer = self.request = b""

    def send(self, fact: Mapping[str, object]) -> None:
        """Write one line."""
        data = json.dumps(fact).encode() + b"\n"
        while data:
            data = data[os.write(self.tty, data):]

    def serve(self, wake: int, on_wake: Callable[[], None], others: Iterable[int], on_other: Callable[[int], None]) -> None:
        """Answer requests for ever; call `on_wake` when the descriptor `wake` is readable (children ended), and `on_other` for
        the others, which are looked at only every now and then."""
        again = 0.0
        while True:
            rest = again - time.monotonic()
            ready = select.select([self.tty, wake, *(others if rest <= 0 else ())], [], [], rest if rest > 0 else None)[0]
            for descriptor in ready:
                if descriptor == wake:
                    os.read(wake, 512)
                    on_wake()
                elif descriptor == self.tty:
                    self.read()
                else:
                    on_other(descriptor)
                    again = time.monotonic() + PAUSE

    def read(self) -> None:
        """Take what has arrived."""
        self.buffer += os.read(self.tty, 65536)
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            self.request += line[1:]
            if line[:1] == b"+":
                os.write(self.tty, ACKNOWLEDGE)
                continue
            request, self.request = self.request, b""
            self.send(self.answer(json.loads(request)))

    def answer(self, request: dict[str, object]) -> dict[str, object]:
        """Carry out one request; an error is an answer too."""
        operation = self.operations.get(str(request.pop("op")))
        try:
            return {"ok": operation(**request)} if operation else {"error": "unknown operation"}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}
