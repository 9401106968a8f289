"""Files of the host: read, write, follow while they grow."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading

from lab.wire.inotify import IN_CREATE, IN_MODIFY, IN_MOVED_TO, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def read_file(path: str) -> str:
    """Return a file's text; bytes that are not UTF-8 are replaced."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def write_file(path: str, content: str, mode: int) -> None:
    """Write a file whole, with this mode from the first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)


class Follow:
    """Streams a file's content from its end on, as it is written; the file may not exist yet."""

    def __init__(self, path: str, emit: Callable[[dict[str, object]], None]) -> None:
        self._path, self._emit = path, emit
        self._file: int | None = None
        self._open(from_end=True)
        self._events = watch(os.path.dirname(path), IN_MODIFY | IN_CREATE | IN_MOVED_TO)
        self._wake = socket.socketpair()
        self._reached = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _open(self, *, from_end: bool) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._file = os.open(self._path, os.O_RDONLY)
            if from_end:
                os.lseek(self._file, 0, os.SEEK_END)

    def _run(self) -> None:
        while True:
            ready = select.select([self._events, self._wake[0].fileno()], [], [])[0]
            order = self._wake[0].recv(1) if self._wake[0].fileno() in ready else b""
            if self._events in ready:
                os.read(self._events, 1 << 16)
            self._read()
            if order:
                self._reached.release()
            if order == b"s":
                return

    def _read(self) -> None:
        if self._file is None:
            self._open(from_end=False)
        while self._file is not None and (data := os.read(self._file, 1 << 16)):
            self._emit({"text": data.decode("utf-8", "replace")})

    def _order(self, order: bytes) -> dict[str, int]:
        self._wake[1].send(order)
        self._reached.acquire()
        return {}

    def sync(self) -> dict[str, int]:
        """Return after everything written so far has been streamed."""
        return self._order(b"b")

    def stop(self) -> dict[str, int]:
        """End."""
        self._order(b"s")
        self._thread.join()
        os.close(self._events)
        if self._file is not None:
            os.close(self._file)
        for end in self._wake:
            end.close()
        return {}
