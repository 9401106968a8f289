"""Packets that a rule of the packet filter tells of: the target NFLOG (linux/netfilter/nfnetlink_log.h; nfnetlink's own header and its values
have network order)."""

from __future__ import annotations

import socket
import struct

from lab.wire.netlink.message import HEADER, Netlink, attribute, attributes, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

NETLINK_NETFILTER, SUBSYSTEM_LOG = 12, 4
PACKET, CONFIG = SUBSYSTEM_LOG << 8, SUBSYSTEM_LOG << 8 | 1
IN_DEVICE, PAYLOAD, PREFIX = 4, 9, 10
COMMAND, MODE, THRESHOLD = 1, 2, 5
BIND, COPY_PACKET = 1, 2
GENERIC = struct.Struct("!BBH")
"""nfnetlink's header: family, version, group."""


class NflogMonitor(Netlink):
    """A socket that hears one group, in the network namespace in which it was made."""

    def __init__(self, group: int, *, beginning: int = 64) -> None:
        """Begin to hear. Raises OSError if the kernel has no NFLOG, or somebody hears the group already.

        Args:
            group: as the rules name it.
            beginning: how many bytes of a packet are told.
        """
        super().__init__(NETLINK_NETFILTER)
        for kind, value in ((COMMAND, bytes([BIND])), (MODE, struct.pack("!IBB", beginning, COPY_PACKET, 0)),
                            (THRESHOLD, struct.pack("!I", 1))):  # each packet is told at once
            self.request(f"NFLOG group {group}", CONFIG, GENERIC.pack(socket.AF_INET, 0, group) + attribute(kind, value))

    def take(self) -> list[tuple[str, int, bytes]]:
        """Return prefix, index of the interface and beginning (from its IP header on) of each packet that was told; waits if there is none
        yet. Raises OSError (ENOBUFS) when more was told than was kept."""
        return list(packets_of(self._socket.recv(1 << 18)))


def packets_of(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Yield prefix, interface and packet of each message that tells of one."""
    place = 0
    while place + HEADER.size <= len(data):
        length, kind, *_ = HEADER.unpack_from(data, place)
        if kind == PACKET:
            told = dict(attributes(data[place + HEADER.size + GENERIC.size : place + length]))
            yield text(told.get(PREFIX, b"")), int.from_bytes(told.get(IN_DEVICE, b""), "big"), told.get(PAYLOAD, b"")
        place += max(HEADER.size, (length + 3) & ~3)
