"""From payloads to datagrams and back: message ids, protection, fragments, repetition (RFC 7296, 2.1 to 2.3; RFC 7383).

Rules: one request of ours is open at a time; an answer counts when its SPIs, exchange and message id are those of that request and its
integrity check holds, everything else is left unread; a request of the server's that is repeated gets the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.ike.errors import Malformed
from lab.ike.keys import IkeKeys
from lab.ike.payloads import (
    INITIATOR,
    RESPONSE,
    Exchange,
    Header,
    Payload,
    decode_chain,
    decode_header,
    encode_message,
)
from lab.ike.protection import Direction

NO_SPI = bytes(8)
MOST_FRAGMENTS = 64


@dataclass(frozen=True, slots=True)
class Request:
    """A request of either side."""

    exchange: int
    payloads: Sequence[Payload]
    message_id: int = 0


@dataclass(slots=True)
class Channel:
    """The state of an IKE SA's messages, as the initiator has it."""

    spi_i: bytes
    spi_r: bytes = NO_SPI
    fragmented: bool = False
    """Both ends have announced fragmentation."""
    sent: list[bytes] = field(default_factory=list)
    """Datagrams of the open request, for repetition."""
    received: bytes = b""
    """The latest answer in clear, as it came: AUTH covers it."""
    keys: IkeKeys | None = None
    """Of the messages from IKE_AUTH on."""
    _out: Direction | None = None
    _in: Direction | None = None
    _message_id: int = 0
    _exchange: int = 0
    _open: bool = False
    _pieces: dict[tuple[int, bool], dict[int, tuple[int, bytes]]] = field(default_factory=dict)
    _answered: tuple[int, list[bytes]] = (-1, [])

    @property
    def protected(self) -> bool:
        """Whether messages are encrypted."""
        return self._out is not None

    @property
    def is_open(self) -> bool:
        """Whether a request of ours has no answer yet."""
        return self._open

    def protect(self, keys: IkeKeys) -> None:
        """Encrypt from now on."""
        self.keys = keys
        self._out = Direction(suite=keys.suite, cipher_key=keys.ei, integrity_key=keys.ai)
        self._in = Direction(suite=keys.suite, cipher_key=keys.er, integrity_key=keys.ar)

    def request(self, exchange: int, payloads: Sequence[Payload]) -> list[bytes]:
        """Open a request; return its datagrams. IKE_SA_INIT has message id 0 each time that it is repeated."""
        header = Header(spi_i=self.spi_i, spi_r=self.spi_r, exchange=exchange, flags=INITIATOR, message_id=self._message_id)
        self._exchange, self._open = exchange, True
        self.sent = [encode_message(header, payloads)] if self._out is None else self._out.seal(header, payloads, fragmented=self.fragmented)
        return self.sent

    def answer(self, request: Request, payloads: Sequence[Payload]) -> list[bytes]:
        """Return the datagrams of an answer to a request of the server's."""
        assert self._out is not None
        header = Header(spi_i=self.spi_i, spi_r=self.spi_r, exchange=request.exchange, flags=INITIATOR | RESPONSE, message_id=request.message_id)
        self._answered = (request.message_id, self._out.seal(header, payloads, fragmented=self.fragmented))
        return self._answered[1]

    def repeated(self, datagram: bytes) -> list[bytes]:
        """Return the answer once more if a datagram is a request that has been answered."""
        header, _ = decode_header(datagram)
        is_old = not header.is_response and header.message_id == self._answered[0] and self._authentic(datagram)
        return self._answered[1] if is_old else []

    def _authentic(self, datagram: bytes) -> bool:
        try:
            return self._in is not None and bool(self._in.open(datagram))
        except Malformed:
            return False

    def take(self, datagram: bytes) -> list[Payload] | Request | None:
        """Return the payloads of the answer to the open request, or a request of the server's; None while there is none. Raises Malformed."""
        header, first = decode_header(datagram)
        if header.spi_i != self.spi_i or (self.spi_r not in (NO_SPI, header.spi_r)) or header.flags & INITIATOR:
            return None
        if header.is_response:
            if not self._open or header.message_id != self._message_id or header.exchange != self._exchange:
                return None
        elif self._in is None or header.message_id <= self._answered[0]:
            return None
        payloads = self._content(header, first, datagram)
        if payloads is None:
            return None
        if not header.is_response:
            return Request(header.exchange, payloads, header.message_id)
        self._open = False
        self.received = datagram
        if header.exchange != Exchange.IKE_SA_INIT:
            self._message_id += 1
        return payloads

    def established(self, spi_r: bytes) -> None:
        """Take the server's SPI from a successful IKE_SA_INIT; the next message id is 1."""
        self.spi_r, self._message_id = spi_r, 1

    def _content(self, header: Header, first: int, datagram: bytes) -> list[Payload] | None:
        if self._in is None:
            return decode_chain(first, datagram[28:])
        opened = self._in.open(datagram)
        if opened.total == 1:
            return decode_chain(opened.first, opened.content)
        if not 1 <= opened.number <= opened.total <= MOST_FRAGMENTS:
            raise Malformed(f"fragment {opened.number} of {opened.total}")
        pieces = self._pieces.setdefault((header.message_id, header.is_response), {})
        if any(number > opened.total for number in pieces):
            raise Malformed(f"fragments of {opened.total} after more of the same message")
        pieces[opened.number] = (opened.first, opened.content)
        if len(pieces) < opened.total:
            return None
        del self._pieces[header.message_id, header.is_response]
        return decode_chain(pieces[1][0], b"".join(pieces[number][1] for number in sorted(pieces)))
