"""The service IKEEXT: charon itself. Stopped, nobody listens on UDP 500 and 4500.

At the machine's start charon runs already. A stop ends that process; a start makes one with the same command and environment, and waits for
its word (systemd's notification) that it is ready. RemoteAccess loses its connections meanwhile and serves again afterwards (inferred).
"""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from lab.twin.rras.engine import RrasEngine
from lab.twin.windows.services import ServiceFailed
from lab.wire.processes import end
from lab.wire.vici import SOCKET

PATIENCE = 10.0
"""Seconds until charon has ended, or is ready: 0.1 and 0.4 s measured."""
ERROR_SERVICE_REQUEST_TIMEOUT = 1053
LOG = Path("/run/lab/log/charon.out.log")


class KeyingService:
    """Controller of the service IKEEXT."""

    def __init__(self, engine: RrasEngine) -> None:
        self._engine = engine
        self._serves_again = False
        self._command, self._environment = [""], {"": ""}
        self._process: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """End charon."""
        pid = _peer(SOCKET)
        self._command = _words(f"/proc/{pid}/cmdline")
        self._environment = dict(word.split("=", 1) for word in _words(f"/proc/{pid}/environ") if "=" in word)
        self._serves_again = self._engine.running
        if self._serves_again:
            self._engine.stop()
        self._end(pid)

    def _end(self, pid: int) -> None:
        end([pid], patience=PATIENCE)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def start(self) -> None:
        """Start charon. Raises ServiceFailed."""
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            ready.bind(f"{folder}/ready")
            with LOG.open("ab") as record:
                self._process = subprocess.Popen(self._command, env=self._environment | {"NOTIFY_SOCKET": f"{folder}/ready"},
                                                 stdin=subprocess.DEVNULL, stdout=record, stderr=record)
            try:
                _await_word(ready)
            except ServiceFailed:
                self._end(self._process.pid)
                raise
        self._engine.attach()
        if self._serves_again:
            self._engine.start()


def _await_word(ready: socket.socket) -> None:
    """Wait until charon says that it is ready, which it does after other things. Raises ServiceFailed."""
    limit = time.monotonic() + PATIENCE
    while select.select([ready], [], [], max(0.0, limit - time.monotonic()))[0]:
        if b"READY=1" in ready.recv(1 << 16).splitlines():
            return
    raise ServiceFailed(ERROR_SERVICE_REQUEST_TIMEOUT, f"The service did not respond to the start request in {PATIENCE:.0f} s.")


def _peer(path: str) -> int:
    """Return the process that listens on a socket."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(path)
        pid: int = struct.unpack("iII", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        return pid


def _words(path: str) -> list[str]:
    """Return the words of a file that separates them by NULs."""
    return [os.fsdecode(word) for word in Path(path).read_bytes().split(b"\0") if word]
