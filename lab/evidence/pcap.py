"""Capture files: nanosecond pcap (magic 0xA1B23C4D), written as packets come."""

from __future__ import annotations

import struct
import threading
from pathlib import Path

from lab.probe.probe import Packet

HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)  # version 2.4, snap length, Ethernet


class PcapWriter:
    """One network's packets: kept in memory for questions, streamed to the file so that they survive a crash."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.packets: list[Packet] = []
        self._file = path.open("wb")
        self._file.write(HEADER)
        self._lock = threading.Lock()

    def add(self, packet: Packet) -> None:
        """Append a packet."""
        seconds, nanoseconds = divmod(packet.at_ns, 1_000_000_000)
        length = len(packet.data)
        with self._lock:
            self.packets.append(packet)
            if not self._file.closed:
                self._file.write(struct.pack("<IIII", seconds, nanoseconds, length, length) + packet.data)

    def flush(self) -> None:
        """Let others see what was written."""
        with self._lock:
            if not self._file.closed:
                self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
