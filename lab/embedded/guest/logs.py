"""The daemons' logs, written to a second console line as they grow: what they said survives a panic.

All hosts' folders are watched from the guest's first process. A line is told once it is whole, as "host/log: line".
"""

from __future__ import annotations

import os
import struct
import termios

from lab.wire.inotify import IN_MODIFY, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

EVENT = struct.Struct("iIII")


class DaemonLogs:
    """Follows every *.log of the hosts."""

    def __init__(self, line: str, folders: Mapping[str, str]) -> None:
        """Begin, with what is there already.

        Args:
            line: the console line.
            folders: folder of logs by name of the host.
        """
        self.line = os.open(line, os.O_WRONLY | os.O_NOCTTY)
        attributes = termios.tcgetattr(self.line)
        attributes[1] = 0  # no additions to line ends
        termios.tcsetattr(self.line, termios.TCSANOW, attributes)
        self.watched = {watch(folder, IN_MODIFY): (host, folder) for host, folder in folders.items()}
        self.told: dict[str, int] = {}
        """How far each log has been told, in bytes."""
        for host, folder in self.watched.values():
            for name in os.listdir(folder):
                self.tell(host, folder, name)

    def take(self, descriptor: int) -> None:
        """A folder has news."""
        host, folder = self.watched[descriptor]
        events, position, names = os.read(descriptor, 1 << 16), 0, set()
        while position < len(events):
            length = EVENT.unpack_from(events, position)[3]
            position += EVENT.size + length
            names.add(events[position - length:position].rstrip(b"\0").decode())
        for name in names:
            self.tell(host, folder, name)

    def tell(self, host: str, folder: str, name: str) -> None:
        """Write what is new in a log. Not of charon.keys: it holds what its name says."""
        path = f"{folder}/{name}"
        if not name.endswith(".log"):
            return
        with open(path, "rb") as log:
            log.seek(self.told.get(path, 0))
            new = log.read()
        whole = new[:new.rfind(b"\n") + 1]
        self.told[path] = self.told.get(path, 0) + len(whole)
        start = f"{host}/{name}: ".encode()
        data = b"".join(start + line for line in whole.splitlines(keepends=True))
        while data:
            data = data[os.write(self.line, data):]
