"""Captures: an AF_PACKET socket and a thread per interface; packets are streamed as they come, with nanosecond stamps.

What the capturing host itself sends and receives is left out by a filter in the kernel: the stream of packets travels over the
management network, and capturing that one would otherwise capture its own capture, for ever.

Exact at both ends: `start` returns when the socket is bound, and a barrier (`sync`, `stop`) is answered after everything that
the kernel had delivered before it, because the thread empties the socket first.
"""

from __future__ import annotations

import base64
import ctypes
import fcntl
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


SO_ATTACH_FILTER, SIOCGIFADDR = 26, 0x8915
LD_HALF, LD_WORD, JUMP_EQUAL, RETURN = 0x28, 0x20, 0x15, 0x06
"""Operations of the classic packet filter (linux/filter.h)."""


def own_address(interface: str) -> bytes:
    """Return the interface's IPv4 address; empty if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            answer = fcntl.ioctl(any_socket, SIOCGIFADDR, struct.pack("16s24x", interface.encode()))
        except OSError:
            return b""
    return answer[20:24]


def leave_out(capturing: socket.socket, address: bytes) -> None:
    """Let the kernel drop IPv4 packets from and to an address."""
    (number,) = struct.unpack("!I", address)
    program = [
        (LD_HALF, 0, 0, 12), (JUMP_EQUAL, 0, 4, 0x0800),  # not IPv4: keep
        (LD_WORD, 0, 0, 26), (JUMP_EQUAL, 3, 0, number),  # source
        (LD_WORD, 0, 0, 30), (JUMP_EQUAL, 1, 0, number),  # destination
        (RETURN, 0, 0, 0xFFFFFFFF), (RETURN, 0, 0, 0),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
    capturing.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(code)))


class Capture:
    """One interface, from now until `stop`."""

    def __init__(self, interface: str, emit: Callable[[dict[str, object]], None]) -> None:
        self._emit = emit
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # nothing arrives before it is bound
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        index = socket.if_nametoindex(interface)
        self._socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b""))
        if address := own_address(interface):
            leave_out(self._socket, address)
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
