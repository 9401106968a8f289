"""Messages of IKEv2: the header and the chain of payloads (RFC 7296, 3.1 and 3.2). What is in a payload is `bodies`' and `proposals`'.

Rules: lengths are those of the bytes that are there, not more, not less; an unknown payload that is critical is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from lab.ike.errors import Malformed

HEADER = struct.Struct("!8s8sBBBBII")
GENERIC = struct.Struct("!BBH")
VERSION = 0x20
INITIATOR, RESPONSE = 0x08, 0x20
"""Flags of a message: sent by the original initiator; an answer."""
CRITICAL = 0x80


class Kind(IntEnum):
    """Types of payload."""

    NONE = 0
    SA = 33
    KE = 34
    IDI = 35
    IDR = 36
    CERT = 37
    CERTREQ = 38
    AUTH = 39
    NONCE = 40
    NOTIFY = 41
    DELETE = 42
    VENDOR = 43
    TSI = 44
    TSR = 45
    SK = 46
    CP = 47
    EAP = 48
    SKF = 53


KNOWN = frozenset(int(kind) for kind in Kind)


class Exchange(IntEnum):
    """Types of exchange."""

    IKE_SA_INIT = 34
    IKE_AUTH = 35
    CREATE_CHILD_SA = 36
    INFORMATIONAL = 37


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload: its type and its body, without the generic header."""

    kind: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The header of a message, without next payload and length."""

    spi_i: bytes
    spi_r: bytes
    exchange: int
    flags: int
    message_id: int

    @property
    def is_response(self) -> bool:
        """Whether it is an answer."""
        return bool(self.flags & RESPONSE)

    def encode(self, first: int, length: int) -> bytes:
        """Return it for a message whose first payload has a type and whose payloads have a length."""
        return HEADER.pack(self.spi_i, self.spi_r, first, VERSION, self.exchange, self.flags, self.message_id, HEADER.size + length)


def decode_header(datagram: bytes) -> tuple[Header, int]:
    """Return the header and the type of the first payload. Raises Malformed."""
    if len(datagram) < HEADER.size:
        raise Malformed(f"a datagram of {len(datagram)} bytes is no IKE message: its header alone has {HEADER.size}")
    spi_i, spi_r, first, version, exchange, flags, message_id, length = HEADER.unpack_from(datagram)
    if version >> 4 != VERSION >> 4:
        raise Malformed(f"IKE version {version >> 4}.{version & 15} where 2.0 was expected")
    if length != len(datagram):
        raise Malformed(f"a message says that it has {length} bytes, the datagram has {len(datagram)}")
    return Header(spi_i=spi_i, spi_r=spi_r, exchange=exchange, flags=flags, message_id=message_id), first


def encode_chain(payloads: Sequence[Payload]) -> tuple[int, bytes]:
    """Return the type of the first payload and the chain."""
    following = [payload.kind for payload in payloads[1:]] + [Kind.NONE]
    data = b"".join(GENERIC.pack(after, 0, GENERIC.size + len(payload.body)) + payload.body
                    for payload, after in zip(payloads, following, strict=False))
    return (payloads[0].kind if payloads else Kind.NONE), data


def decode_chain(first: int, data: bytes) -> list[Payload]:
    """Return the payloads of a chain. SK and SKF end it: their "next" is inside of them (`sealed`). Raises Malformed."""
    found: list[Payload] = []
    kind, position = first, 0
    while kind != Kind.NONE:
        if position + GENERIC.size > len(data):
            raise Malformed(f"payload {kind} begins behind the end of the message")
        after, flags, length = GENERIC.unpack_from(data, position)
        if not GENERIC.size <= length <= len(data) - position:
            raise Malformed(f"payload {kind} says that it has {length} bytes, {len(data) - position} are left")
        if flags & CRITICAL and kind not in KNOWN:
            raise Malformed(f"payload {kind} is critical and unknown")
        found.append(Payload(kind, data[position + GENERIC.size : position + length]))
        position += length
        if kind in (Kind.SK, Kind.SKF):
            break
        kind = after
    if position != len(data):
        raise Malformed(f"{len(data) - position} bytes follow the last payload")
    return found


def encode_message(header: Header, payloads: Sequence[Payload]) -> bytes:
    """Return a message in clear."""
    first, data = encode_chain(payloads)
    return header.encode(first, len(data)) + data


def first_of(payloads: Sequence[Payload], kind: int) -> bytes | None:
    """Return the body of the first payload of a type; None without one."""
    return next((payload.body for payload in payloads if payload.kind == kind), None)


def required(payloads: Sequence[Payload], kind: Kind) -> bytes:
    """Return the body of the first payload of a type. Raises Malformed without one."""
    body = first_of(payloads, kind)
    if body is None:
        raise Malformed(f"the server's answer has no payload {kind.name}")
    return body
