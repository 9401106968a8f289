"""A network that breaks: a TCP proxy which closes a connection when so many answers have passed, and refuses from then on."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Leads to a port of this machine."""

    def __init__(self, target: int) -> None:
        self._target, self._left = target, -1
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._cut()

    def cut_after(self, answers: int) -> None:
        """Break when so many further answers are on their way; the last of them is lost."""
        self._left = answers

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._open += [near, far]
                threading.Thread(target=self._carry, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if counts and self._left > 0:
                    self._left -= 1
                    if self._left == 0:
                        self._cut()
                        return
                target.sendall(data)

    def _cut(self) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
