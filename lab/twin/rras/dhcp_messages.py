"""DHCP as a RAS server speaks it: messages made and read (RFC 2131, RFC 2132). Pure.

A RAS server's leases are told from a machine's own by their client identifier: hardware type 1, "RAS ", the adapter's MAC address padded to
eight bytes, and a number, least significant byte first (observed: logs of DHCP servers, oleksiygayda.com 2009/03 and blog.ipspace.net 2010/11).
Its host name goes with each (observed there too), and the vendor class of Windows ([MS-DHCPE] 2.2.3). Which further options it sends is not known: none here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.wire.packets import DHCP_COOKIE, checksum

DISCOVER, OFFER, REQUEST, ACK, NAK, RELEASE = 1, 2, 3, 5, 6, 7
REQUESTED_ADDRESS, LEASE_TIME, MESSAGE_TYPE, SERVER, HOST_NAME, VENDOR_CLASS, CLIENT_IDENTIFIER = 50, 51, 53, 54, 12, 60, 61
PAD, END = 0, 255
CLIENT_PORT, SERVER_PORT = 68, 67
MARK = b"RAS "
VENDOR = b"MSFT 5.0"
BROADCAST = 0x8000
"""Flag: the answer is to be broadcast, since nobody here has the address yet."""
HEADER = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
SHORTEST = 300
"""Bytes: BOOTP relays drop what is shorter (RFC 1542, 2.1)."""
NOBODY = IPv4Address(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks for a lease."""

    mac: bytes
    identifier: bytes
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a DHCP server says."""

    kind: int
    """OFFER, ACK or NAK."""
    address: IPv4Address
    server: IPv4Address


def identifier(mac: bytes, number: int, mark: bytes = MARK) -> bytes:
    """Return the client identifier of a RAS server's lease, the first with number 0."""
    return b"\x01" + mark + mac.ljust(8, b"\0") + number.to_bytes(4, "little")


def discover(asker: Asker, transaction: int) -> bytes:
    """Return a message that looks for servers."""
    return _message(asker, transaction, DISCOVER)


def request(asker: Asker, transaction: int, offer: Answer) -> bytes:
    """Return a message that takes an offer."""
    return _message(asker, transaction, REQUEST, (REQUESTED_ADDRESS, offer.address.packed), (SERVER, offer.server.packed))


def release(asker: Asker, transaction: int, lease: Answer) -> bytes:
    """Return a message that gives a lease back."""
    return _message(asker, transaction, RELEASE, (SERVER, lease.server.packed), own=lease.address)


def _message(asker: Asker, transaction: int, kind: int, *more: tuple[int, bytes], own: IPv4Address = NOBODY) -> bytes:
    flags = 0 if own != NOBODY else BROADCAST
    header = HEADER.pack(1, 1, 6, 0, transaction, 0, flags, own.packed, bytes(4), bytes(4), bytes(4), asker.mac, b"", b"", DHCP_COOKIE)
    options = [(MESSAGE_TYPE, bytes([kind])), (CLIENT_IDENTIFIER, asker.identifier), *more]
    if kind != RELEASE:
        options += [(HOST_NAME, asker.name.encode("ascii", "replace")), (VENDOR_CLASS, VENDOR)]
    return (header + b"".join(bytes([code, len(value)]) + value for code, value in options) + bytes([END])).ljust(SHORTEST, b"\0")


def read(message: bytes, transaction: int) -> Answer | None:
    """Return what a message of a server says; None for any other, for one of another transaction, and for one that is not whole."""
    if len(message) < HEADER.size:
        return None
    operation, _, _, _, number, _, _, _, yours, *_, cookie = HEADER.unpack_from(message)
    options = _options(message[HEADER.size:])
    if (operation, number, cookie) != (2, transaction, DHCP_COOKIE) or len(options.get(MESSAGE_TYPE, b"")) != 1 or len(options.get(SERVER, b"")) != 4:
        return None
    kind = options[MESSAGE_TYPE][0]
    return Answer(kind=kind, address=IPv4Address(yours), server=IPv4Address(options[SERVER])) if kind in (OFFER, ACK, NAK) else None


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    position = 0
    while position + 1 < len(data) and data[position] != END:
        if data[position] == PAD:
            position += 1
            continue
        length = data[position + 1]
        found[data[position]] = data[position + 2 : position + 2 + length]
        position += 2 + length
    return found


def broadcast_packet(message: bytes) -> bytes:
    """Return the IPv4 packet of a client that has no address yet: from 0.0.0.0 to everybody (RFC 2131, 4.1)."""
    datagram = struct.pack("!HHHH", CLIENT_PORT, SERVER_PORT, 8 + len(message), 0) + message  # no checksum: RFC 768 allows it
    blank = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 128, 17, 0, bytes(4), b"\xff" * 4)
    return blank[:10] + struct.pack("!H", checksum(blank)) + blank[12:] + datagram
