"""SA payloads: proposals and their transforms (RFC 7296, 3.3), as data."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from lab.ike.bodies import PROTOCOL_ESP, PROTOCOL_IKE
from lab.ike.errors import Malformed

KEY_LENGTH = 0x800E
NO_ESN = 0


class TransformType(IntEnum):
    """Types of transform."""

    ENCR = 1
    PRF = 2
    INTEG = 3
    DH = 4
    ESN = 5


class Encryption(IntEnum):
    """Ciphers, by IANA's numbers."""

    TRIPLE_DES = 3
    AES_CBC = 12


class Hash(IntEnum):
    """Hashes of a suite: the number of the PRF."""

    SHA1 = 2
    SHA256 = 5

    @property
    def integrity(self) -> int:
        """Number of the integrity transform with this hash: AUTH_HMAC_SHA1_96, AUTH_HMAC_SHA2_256_128."""
        return {Hash.SHA1: 2, Hash.SHA256: 12}[self]


@dataclass(frozen=True, slots=True)
class Suite:
    """One choice of algorithms; a Mac offers one to a proposal, never lists of alternatives."""

    encryption: Encryption
    bits: int
    """Of the key; 0 where the cipher has only one length."""
    hash: Hash
    group: int | None = None
    """Diffie-Hellman group; None for ESP without PFS."""

    def __str__(self) -> str:
        """Return it as charon names it."""
        cipher = f"AES_CBC-{self.bits}" if self.encryption is Encryption.AES_CBC else "3DES_CBC"
        integrity = "HMAC_SHA1_96" if self.hash is Hash.SHA1 else "HMAC_SHA2_256_128"
        return f"{cipher}/{integrity}"


def _transforms(suite: Suite, protocol: int) -> list[tuple[int, int, int]]:
    chosen = [(TransformType.ENCR, int(suite.encryption), suite.bits)]
    if protocol == PROTOCOL_IKE:
        chosen.append((TransformType.PRF, int(suite.hash), 0))
    chosen.append((TransformType.INTEG, suite.hash.integrity, 0))
    if suite.group is not None:
        chosen.append((TransformType.DH, suite.group, 0))
    if protocol == PROTOCOL_ESP:
        chosen.append((TransformType.ESN, NO_ESN, 0))
    return [(int(kind), number, bits) for kind, number, bits in chosen]


def encode_proposals(protocol: int, suites: Sequence[Suite], spi: bytes = b"") -> bytes:
    """Return the body of an SA payload: a proposal to a suite, numbered from 1, each with the same SPI."""
    body = b""
    for number, suite in enumerate(suites, start=1):
        transforms, parts = _transforms(suite, protocol), b""
        for position, (kind, identifier, bits) in enumerate(transforms, start=1):
            attribute = struct.pack("!HH", KEY_LENGTH, bits) if bits else b""
            parts += struct.pack("!BBHBBH", 3 if position < len(transforms) else 0, 0, 8 + len(attribute), kind, 0, identifier) + attribute
        body += struct.pack("!BBHBBBB", 2 if number < len(suites) else 0, 0, 8 + len(spi) + len(parts), number, protocol, len(spi), len(transforms))
        body += spi + parts
    return body


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a server chose: the proposal's number, its SPI, its transforms as (type, number, bits)."""

    number: int
    protocol: int
    spi: bytes
    transforms: tuple[tuple[int, int, int], ...]


def decode_proposals(body: bytes) -> list[Chosen]:
    """Return the proposals of an SA payload. Raises Malformed."""
    found, position, more = [], 0, 2
    while more:
        if position + 8 > len(body):
            raise Malformed("a proposal is cut off")
        more, _, length, number, protocol, spi_size, count = struct.unpack_from("!BBHBBBB", body, position)
        if more not in (0, 2) or not 8 + spi_size <= length <= len(body) - position:
            raise Malformed(f"proposal {number} says that it has {length} bytes, {len(body) - position} are left")
        content = body[position + 8 : position + length]
        found.append(Chosen(number, protocol, content[:spi_size], _read_transforms(content[spi_size:], count)))
        position += length
    if position != len(body):
        raise Malformed(f"{len(body) - position} bytes follow the last proposal")
    return found


def _read_transforms(data: bytes, count: int) -> tuple[tuple[int, int, int], ...]:
    found, position = [], 0
    for _ in range(count):
        if position + 8 > len(data):
            raise Malformed("a transform is cut off")
        _, _, length, kind, _, identifier = struct.unpack_from("!BBHBBH", data, position)
        if not 8 <= length <= len(data) - position:
            raise Malformed(f"a transform says that it has {length} bytes, {len(data) - position} are left")
        attributes, bits = data[position + 8 : position + length], 0
        if len(attributes) >= 4 and int.from_bytes(attributes[:2], "big") == KEY_LENGTH:
            bits = int.from_bytes(attributes[2:4], "big")
        found.append((kind, identifier, bits))
        position += length
    if position != len(data):
        raise Malformed(f"{len(data) - position} bytes follow the last transform")
    return tuple(found)


def accepted(body: bytes, protocol: int, offered: Sequence[Suite]) -> tuple[Suite, bytes]:
    """Return the suite that the server took of those that were offered, and its SPI. Raises Malformed: it took another one."""
    answers = decode_proposals(body)
    if len(answers) != 1 or answers[0].protocol != protocol:
        raise Malformed(f"the server answered with {len(answers)} proposals where one of protocol {protocol} was expected")
    answer = answers[0]
    for number, suite in enumerate(offered, start=1):
        if answer.number == number and sorted(answer.transforms) == sorted(_transforms(suite, protocol)):
            return suite, answer.spi
    raise Malformed(f"the server chose proposal {answer.number} with {answer.transforms}, which was not offered")
