"""The encrypted payload and its fragments: SK (RFC 7296, 3.14) and SKF (RFC 7383, 2.5), with the ciphers that a Mac proposes."""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from lab.ike.errors import Malformed
from lab.ike.keys import DIGESTS
from lab.ike.payloads import GENERIC, HEADER, Header, Kind, Payload, encode_chain
from lab.ike.proposals import Encryption, Hash, Suite

ICV_SIZES = {Hash.SHA1: 12, Hash.SHA256: 16}
FRAGMENT = struct.Struct("!HH")
PLAIN_LIMIT = 1024
"""Bytes of content in a fragment: its datagram stays below the 1280 bytes that RFC 7383, 2.5.1 names (a Mac's own limit is unknown)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """One direction's cipher and integrity check."""

    suite: Suite
    cipher_key: bytes = field(repr=False)
    integrity_key: bytes = field(repr=False)

    @property
    def block(self) -> int:
        """Bytes of a cipher's block, and of its IV."""
        return 8 if self.suite.encryption is Encryption.TRIPLE_DES else 16

    @property
    def icv_size(self) -> int:
        """Bytes of the integrity check."""
        return ICV_SIZES[self.suite.hash]

    def _cipher(self, iv: bytes) -> Cipher[CBC]:
        algorithm = TripleDES(self.cipher_key) if self.suite.encryption is Encryption.TRIPLE_DES else AES(self.cipher_key)
        return Cipher(algorithm, CBC(iv))

    def _icv(self, data: bytes) -> bytes:
        return hmac.new(self.integrity_key, data, DIGESTS[self.suite.hash]).digest()[: self.icv_size]

    def _sealed(self, header: Header, kind: Kind, first: int, fixed: bytes, content: bytes) -> bytes:
        padding = -(len(content) + 1) % self.block
        iv = os.urandom(self.block)
        encryptor = self._cipher(iv).encryptor()
        secret = iv + encryptor.update(content + bytes(padding) + bytes([padding])) + encryptor.finalize()
        length = GENERIC.size + len(fixed) + len(secret) + self.icv_size
        data = header.encode(kind, length) + GENERIC.pack(first, 0, length) + fixed + secret
        return data + self._icv(data)

    def seal(self, header: Header, payloads: Sequence[Payload], *, fragmented: bool) -> list[bytes]:
        """Return the datagrams of a message: one, or fragments if both ends can and it is too long for one."""
        first, content = encode_chain(payloads)
        if not fragmented or len(content) <= PLAIN_LIMIT:
            return [self._sealed(header, Kind.SK, first, b"", content)]
        pieces = [content[start : start + PLAIN_LIMIT] for start in range(0, len(content), PLAIN_LIMIT)]
        return [self._sealed(header, Kind.SKF, first if number == 1 else 0, FRAGMENT.pack(number, len(pieces)), piece)
                for number, piece in enumerate(pieces, start=1)]

    def open(self, datagram: bytes) -> Opened:
        """Return the content of a datagram with SK or SKF alone. Raises Malformed: damaged, or not the peer's."""
        kind = datagram[16]
        fixed = FRAGMENT.size if kind == Kind.SKF else 0
        start = HEADER.size + GENERIC.size + fixed
        secret = datagram[start : len(datagram) - self.icv_size]
        if kind not in (Kind.SK, Kind.SKF) or len(secret) < 2 * self.block or len(secret) % self.block:
            raise Malformed(f"a message of {len(datagram)} bytes whose payload {kind} is no whole encrypted payload")
        if not hmac.compare_digest(self._icv(datagram[: -self.icv_size]), datagram[-self.icv_size :]):
            raise Malformed("the integrity check of a message failed")
        first, _, length = GENERIC.unpack_from(datagram, HEADER.size)
        if length != len(datagram) - HEADER.size:
            raise Malformed(f"an encrypted payload says that it has {length} bytes, there are {len(datagram) - HEADER.size}")
        decryptor = self._cipher(secret[: self.block]).decryptor()
        plain = decryptor.update(secret[self.block :]) + decryptor.finalize()
        if plain[-1] >= len(plain):
            raise Malformed(f"padding of {plain[-1]} bytes in {len(plain)}")
        number, total = FRAGMENT.unpack_from(datagram, HEADER.size + GENERIC.size) if fixed else (1, 1)
        return Opened(first=first, content=plain[: -1 - plain[-1]], number=number, total=total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What was in a datagram: the type of the first payload, the content, and which fragment of how many it is."""

    first: int
    content: bytes
    number: int
    total: int
