"""What every EAP peer is to IKE: it takes the authenticator's packets, answers them, and has a key in the end (RFC 3748)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from lab.ike.errors import Malformed, Refused

HEADER = struct.Struct("!BBH")


class Code(IntEnum):
    """Codes of a packet."""

    REQUEST = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4


class Method(IntEnum):
    """Types of request and response."""

    IDENTITY = 1
    NOTIFICATION = 2
    NAK = 3
    TLS = 13
    PEAP = 25
    MSCHAPV2 = 26
    EXTENSIONS = 33


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet; `method` and `data` are 0 and empty in success and failure."""

    code: int
    identifier: int
    method: int = 0
    data: bytes = b""

    def encode(self) -> bytes:
        """Return its bytes."""
        body = bytes([self.method]) + self.data if self.code in (Code.REQUEST, Code.RESPONSE) else b""
        return HEADER.pack(self.code, self.identifier, HEADER.size + len(body)) + body


def decode(packet: bytes) -> Packet:
    """Return a packet. Raises Malformed."""
    if len(packet) < HEADER.size:
        raise Malformed(f"an EAP packet of {len(packet)} bytes")
    code, identifier, length = HEADER.unpack_from(packet)
    if length != len(packet) or code not in (1, 2, 3, 4):
        raise Malformed(f"an EAP packet of code {code} that says it has {length} bytes, there are {len(packet)}")
    if code in (Code.SUCCESS, Code.FAILURE):
        return Packet(code, identifier)
    if length == HEADER.size:
        raise Malformed("an EAP packet without a type")
    return Packet(code, identifier, packet[4], packet[5:])


class Peer(Protocol):
    """The client's side of EAP."""

    @property
    def msk(self) -> bytes:
        """The key that the method made. Raises Refused before there is one."""

    @property
    def methods(self) -> tuple[int, ...]:
        """Types of the method that the server has begun and the client takes, and of what has begun inside it; none before."""

    def receive(self, packet: bytes) -> bytes | None:
        """Return the answer to a packet; None after success. Raises Refused, Malformed."""


class EapMethod(Protocol):
    """One method, without the packets around it."""

    @property
    def kind(self) -> Method:
        """Its type."""

    @property
    def inner(self) -> tuple[int, ...]:
        """Type of the method that has begun inside; none for most."""

    @property
    def told(self) -> str:
        """The server's words of refusal; "" when it gave none."""

    @property
    def msk(self) -> bytes:
        """The key; empty until the authenticator has proved itself."""

    def answer(self, identifier: int, data: bytes) -> bytes:
        """Return the data of the response to a request's data. Raises Refused, Malformed."""


class MethodPeer:
    """A peer that knows some methods: answers identity and whichever of them is offered, Naks the others by naming its own, the preferred one
    first; takes success only when the method has its key."""

    def __init__(self, identity: str, *methods: EapMethod) -> None:
        self._identity, self._methods = identity, {int(one.kind): one for one in methods}
        self._begun: EapMethod | None = None
        self._last: tuple[bytes, bytes] = (b"", b"")

    @property
    def methods(self) -> tuple[int, ...]:
        """Types of the method that has begun and of what has begun inside it; none before."""
        return (int(self._begun.kind), *self._begun.inner) if self._begun else ()

    @property
    def msk(self) -> bytes:
        """The key that the method made."""
        key = self._begun.msk if self._begun else b""
        if not key:
            raise Refused("client", "EAP made no key: the server has not proved itself")
        return key

    def receive(self, packet: bytes) -> bytes | None:
        """Return the answer to a packet; None after success. A repeated request gets the same answer."""
        if packet == self._last[0]:
            return self._last[1]
        asked = decode(packet)
        if asked.code == Code.FAILURE:
            if self._begun:
                _ = self._begun.msk  # raises if TLS knows better who refused, and why
            words = f": {self._begun.told}" if self._begun and self._begun.told else ""
            raise Refused("server", f"EAP failure{words}")
        if asked.code == Code.SUCCESS:
            _ = self.msk
            return None
        if asked.code != Code.REQUEST:
            raise Malformed(f"an EAP packet of code {asked.code} from the server")
        method, data = self._respond(asked)
        said = Packet(Code.RESPONSE, asked.identifier, method, data).encode()
        self._last = (packet, said)
        return said

    def _respond(self, asked: Packet) -> tuple[int, bytes]:
        if asked.method == Method.IDENTITY:
            return Method.IDENTITY, self._identity.encode()
        if asked.method == Method.NOTIFICATION:
            return Method.NOTIFICATION, b""
        if chosen := self._methods.get(asked.method):
            self._begun = chosen
            return asked.method, chosen.answer(asked.identifier, asked.data)
        return Method.NAK, bytes(self._methods)
