"""An EAP peer of its own for the tests, written from the RFCs and sharing nothing with the host: identity, Nak, EAP-MSCHAPv2."""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

MASK = 0xFFFFFFFF
CLIENT_SENDS = b"On the client side, this is the send key; on the server side, it is the receive key."
CLIENT_RECEIVES = b"On the client side, this is the receive key; on the server side, it is the send key."


def md4(message: bytes) -> bytes:
    """RFC 1320."""
    padded = message + b"\x80" + bytes((55 - len(message)) % 64) + struct.pack("<Q", 8 * len(message))
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    orders = (range(16), [x for i in range(4) for x in range(i, 16, 4)], [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15])
    shifts = ((3, 7, 11, 19), (3, 5, 9, 13), (3, 9, 11, 15))
    for offset in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, offset)
        a, b, c, d = state
        for turn, constant in enumerate((0, 0x5A827999, 0x6ED9EBA1)):
            for step, word in enumerate(orders[turn]):
                mixed = ((b & c) | (~b & d), (b & c) | (b & d) | (c & d), b ^ c ^ d)[turn]
                total = (a + mixed + words[word] + constant) & MASK
                shift = shifts[turn][step % 4]
                a, b, c, d = d, ((total << shift) | (total >> (32 - shift))) & MASK, b, c
        state = [(one + other) & MASK for one, other in zip(state, (a, b, c, d), strict=True)]
    return struct.pack("<4I", *state)


def des(key: bytes, block: bytes) -> bytes:
    """One block of DES with a key of seven octets, as three equal keys of Triple DES."""
    number = int.from_bytes(key, "big")
    spread = bytes((number >> (49 - 7 * i) & 0x7F) << 1 for i in range(8))
    encryptor = Cipher(TripleDES(spread * 3), modes.ECB()).encryptor()
    return encryptor.update(block)


def sha1(*parts: bytes) -> bytes:
    return hashlib.sha1(b"".join(parts)).digest()


@dataclass(frozen=True, slots=True)
class ChapProof:
    """All that a password and two challenges give (RFC 2759 8, RFC 3079 3.3)."""

    response: bytes
    authenticator: str
    send: bytes
    """The server's send key."""
    receive: bytes


def chap(password: str, authenticator_challenge: bytes, peer_challenge: bytes, name: bytes) -> ChapProof:
    """Compute them. The name is without domain."""
    hashed = md4(password.encode("utf-16-le"))
    challenge = sha1(peer_challenge, authenticator_challenge, name)[:8]
    response = b"".join(des((hashed + bytes(5))[i:i + 7], challenge) for i in (0, 7, 14))
    twice = md4(hashed)
    digest = sha1(twice, response, b"Magic server to client signing constant")
    proof = sha1(digest, challenge, b"Pad to make it do more than one iteration").hex().upper()
    master = sha1(twice, response, b"This is the MPPE Master Key")[:16]
    keys = [sha1(master, bytes(40), magic, b"\xf2" * 40)[:16] for magic in (CLIENT_RECEIVES, CLIENT_SENDS)]
    return ChapProof(response, f"S={proof}", *keys)


class Method(Protocol):
    """A method of the peer's: type data in, type data out."""

    def answer(self, data: bytes) -> bytes:
        """Return what follows the type in the response."""
        ...


@dataclass(slots=True)
class MsChapV2Peer:
    """EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2)."""

    user: str | bytes
    password: str
    mistrusts: bool = False
    """Refuses the authenticator response, right or wrong."""
    told: list[bytes] = field(default_factory=list)
    """What it was told, success and failure too."""
    proof: ChapProof | None = None

    @property
    def msk(self) -> bytes:
        """The master session key."""
        assert self.proof
        return (self.proof.receive + self.proof.send).ljust(64, b"\0")

    def answer(self, data: bytes) -> bytes:
        self.told.append(data)
        code, identifier, length = struct.unpack_from("!BBH", data)
        assert length == len(data)
        if code == 1:
            return self._respond(identifier, data)
        if code == 3:
            assert self.proof
            good = data[4:46].decode() == self.proof.authenticator and not self.mistrusts
            return b"\x03" if good else b"\x04"
        assert code == 4, code
        return b"\x04"

    def _respond(self, identifier: int, data: bytes) -> bytes:
        assert data[4] == 16
        name = self.user.encode() if isinstance(self.user, str) else self.user
        challenge = os.urandom(16)
        self.proof = chap(self.password, data[5:21], challenge, name.rpartition(b"\\")[2])
        value = challenge + bytes(8) + self.proof.response + b"\0"
        return struct.pack("!BBHB", 2, identifier, 5 + len(value) + len(name), len(value)) + value + name


@dataclass(slots=True)
class EapPeer:
    """The EAP layer: identity, methods by type, Nak for any other."""

    identity: str
    methods: dict[int, Method]
    requested: list[int] = field(default_factory=list)
    """Types that the authenticator asked for, in order."""

    def answer(self, request: bytes) -> bytes:
        code, identifier, length, kind = struct.unpack_from("!BBHB", request)
        assert (code, length) == (1, len(request))
        self.requested.append(kind)
        if kind == 1:
            return response(identifier, 1, self.identity.encode())
        if kind not in self.methods:
            return response(identifier, 3, bytes(self.methods) or b"\0")
        return response(identifier, kind, self.methods[kind].answer(request[5:]))


def response(identifier: int, kind: int, data: bytes) -> bytes:
    """Return an EAP response."""
    return struct.pack("!BBHB", 2, identifier, 5 + len(data), kind) + data
