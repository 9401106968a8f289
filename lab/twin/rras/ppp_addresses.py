"""Addresses for pppd: its plugin (lab/embedded/image/pppd_addresses.c) asks here when a user has been let in.

A connection is a question; it is answered at once with four bytes, 0.0.0.0 for "none", and stays open as long as its pppd lives. The
address is free again when the connection ends, or earlier, when somebody who knows says so.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

NONE = IPv4Address(0)


class PppAddresses:
    """The socket that pppds ask at, and who has what."""

    def __init__(self, path: str, lend: Callable[[], IPv4Address | None], give_back: Callable[[IPv4Address], None]) -> None:
        """Nothing is served before `start`.

        Args:
            path: of the Unix socket.
            lend: returns an address, None if there is none; called in a thread of this object's.
            give_back: takes it again.
        """
        self._path, self._lend, self._give_back = Path(path), lend, give_back
        self._lock = threading.Lock()
        self._held: dict[socket.socket, IPv4Address | None] = {}
        """By connection; None: it has none, or has given it back."""
        self._wake: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve. Raises OSError."""
        self._path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self._path))
        listening.listen()
        self._wake, woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, args=(listening, woken), name="addresses for PPP", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Serve no longer; every address is given back. Idempotent."""
        if self._wake is None or self._thread is None:
            return
        self._wake.send(b"x")
        self._thread.join()
        self._wake.close()
        self._wake = self._thread = None
        self._path.unlink(missing_ok=True)

    def release(self, address: IPv4Address) -> None:
        """Give an address back although its pppd may live for a moment more."""
        with self._lock:
            holder = next((one for one, held in self._held.items() if held == address), None)
            if holder is not None:
                self._held[holder] = None
        if holder is not None:
            self._give_back(address)

    def _serve(self, listening: socket.socket, woken: socket.socket) -> None:
        with selectors.DefaultSelector() as waiting, listening, woken:
            waiting.register(listening, selectors.EVENT_READ)
            waiting.register(woken, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in waiting.select()]
                for one in ready:
                    assert isinstance(one, socket.socket)
                    if one is listening:
                        waiting.register(self._answer(listening.accept()[0]), selectors.EVENT_READ)
                    elif one is not woken:  # pppd says nothing, so this is its end
                        waiting.unregister(one)
                        self._end(one)
                if woken in ready:
                    for left in list(self._held):
                        self._end(left)
                    return

    def _answer(self, connection: socket.socket) -> socket.socket:
        address = self._lend()
        with self._lock:
            self._held[connection] = address
        with contextlib.suppress(OSError):  # its pppd has ended: seen next
            connection.sendall((address or NONE).packed)
        return connection

    def _end(self, connection: socket.socket) -> None:
        with self._lock:
            address = self._held.pop(connection)
        connection.close()
        if address is not None:
            self._give_back(address)
