"""Messages and attributes of netlink, and the socket that carries them. Sans subjects: those are in the other modules."""

from __future__ import annotations

import os
import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

NETLINK_ROUTE, NETLINK_XFRM = 0, 6
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800
NLA_TYPE_MASK = 0x3FFF
HEADER = struct.Struct("=IHHII")


class NetlinkError(OSError):
    """The kernel refused; `strerror` names the operation."""


def attribute(kind: int, value: bytes | int | str) -> bytes:
    """Return one attribute: integers as 32 bits, text with a final NUL."""
    if isinstance(value, int):
        value = struct.pack("=I", value)
    elif isinstance(value, str):
        value = value.encode() + b"\0"
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + b"\0" * (-length % 4)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of each attribute."""
    position = 0
    while position + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, position)
        if length < 4:
            return
        yield kind & NLA_TYPE_MASK, data[position + 4 : position + length]
        position += (length + 3) & ~3


def text(value: bytes) -> str:
    """Return the text of an attribute that ends with a NUL."""
    return value.rstrip(b"\0").decode("utf-8", "replace")


def number(value: bytes) -> int:
    """Return an integer attribute of 1, 2, 4 or 8 bytes in the machine's order."""
    return int.from_bytes(value, "little")


class Netlink:
    """One netlink socket, in the network namespace that the thread is in when it is made."""

    def __init__(self, protocol: int = NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.bind((0, 0))
        self._sequence = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(self, what: str, kind: int, body: bytes, flags: int = 0) -> None:
        """Ask for a change and wait for the kernel's word on it.

        Raises:
            NetlinkError: the kernel refused; names `what`.
        """
        for _ in self._exchange(what, kind, body, flags | NLM_F_ACK):
            pass

    def dump(self, what: str, kind: int, body: bytes) -> Iterator[bytes]:
        """Yield the bodies of all objects of a kind."""
        return self._exchange(what, kind, body, NLM_F_DUMP)

    def get(self, what: str, kind: int, body: bytes) -> bytes:
        """Return the body of the answer to a question about one object."""
        answers = list(self._exchange(what, kind, body, NLM_F_ACK))
        return answers[0]

    def _exchange(self, what: str, kind: int, body: bytes, flags: int) -> Iterator[bytes]:
        self._sequence += 1
        length = HEADER.size + len(body)
        self._socket.send(HEADER.pack(length, kind, NLM_F_REQUEST | flags, self._sequence, 0) + body)
        while True:
            data = self._socket.recv(1 << 18)
            position = 0
            while position < len(data):
                size, answer, _, sequence, _ = HEADER.unpack_from(data, position)
                content = data[position + HEADER.size : position + size]
                position += (size + 3) & ~3
                if sequence != self._sequence:
                    continue  # the rest of a dump that nobody read to its end
                if answer == NLMSG_ERROR:
                    (code,) = struct.unpack_from("=i", content)
                    if code:
                        raise NetlinkError(-code, f"{what}: {os.strerror(-code)}")
                    return
                if answer == NLMSG_DONE:
                    return
                yield content
