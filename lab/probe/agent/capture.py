"""Captures: an AF_PACKET socket and a thread per interface; packets are streamed as they come, with nanosecond stamps.

Exact at both ends: `start` returns when the socket is bound, and a barrier (`sync`, `stop`) is answered after everything that
the kernel had delivered before it, because the thread empties the socket first.
"""

from __future__ import annotations

import base64
import select
import socket
import struct
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

ETH_P_ALL = 0x0003
SOL_PACKET, PACKET_STATISTICS, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 6, 1, 1
SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33
BUFFER = 8 << 20
BATCH = 1 << 17
"""Bytes after which packets are sent although more are waiting."""


class Capture:
    """One interface, from now until `stop`."""

    def __init__(self, interface: str, emit: Callable[[dict[str, object]], None]) -> None:
        self._emit = emit
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # nothing arrives before it is bound
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        index = socket.if_nametoindex(interface)
        self._socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b""))
        self._socket.setblocking(False)
        self._socket.bind((interface, ETH_P_ALL))
        self._wake = socket.socketpair()
        self._reached = threading.Semaphore(0)
        self.seen = self.dropped = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            ready = select.select([self._socket, self._wake[0]], [], [])[0]
            order = self._wake[0].recv(1) if self._wake[0] in ready else b""
            self._drain()
            if order:
                self._reached.release()
            if order == b"s":
                return

    def _drain(self) -> None:
        batch: list[bytes] = []
        size = 0
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(1 << 17, 64)
            except BlockingIOError:
                break
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16]) if ancillary else (0, 0)
            batch.append(struct.pack("=QI", seconds * 1_000_000_000 + nanoseconds, len(data)) + data)
            self.seen += 1
            size += len(data)
            if size > BATCH:
                self._send(batch)
                batch, size = [], 0
        if batch:
            self._send(batch)

    def _send(self, batch: list[bytes]) -> None:
        self._emit({"packets": base64.b64encode(b"".join(batch)).decode()})

    def _order(self, order: bytes) -> None:
        self._wake[1].send(order)
        self._reached.acquire()
        packets, drops = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self.dropped += drops
        del packets

    def sync(self) -> dict[str, int]:
        """Return after everything captured so far has been streamed."""
        self._order(b"b")
        return {"seen": self.seen, "dropped": self.dropped}

    def stop(self) -> dict[str, int]:
        """End; return how many packets were streamed and how many the kernel dropped."""
        self._order(b"s")
        self._thread.join()
        for open_socket in (self._socket, *self._wake):
            open_socket.close()
        return {"seen": self.seen, "dropped": self.dropped}
