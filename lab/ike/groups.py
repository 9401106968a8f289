"""Diffie-Hellman groups that a Mac proposes: 2 and 5 (RFC 2409, RFC 3526), 14 (RFC 3526), 19 (RFC 5903).

The primes follow from their definition, 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + k); tests compute them anew.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec

from lab.ike.errors import Malformed

MODP_1024 = int(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437"
    "4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff",
    16,
)
MODP_1536 = int(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437"
    "4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf05"
    "98da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca237327ffffffffffffffff",
    16,
)
MODP_2048 = int(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437"
    "4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf05"
    "98da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b"
    "e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff",
    16,
)
PRIMES = {2: MODP_1024, 5: MODP_1536, 14: MODP_2048}
EXPONENT = 40
"""Bytes of a secret exponent: over twice the strength of group 14 (RFC 3526, 8)."""
GROUP_ECP_256 = 19
COORDINATE = 32


class KeyPair(Protocol):
    """One end's secret and public value."""

    @property
    def public(self) -> bytes:
        """What KE carries."""

    def shared(self, peer: bytes) -> bytes:
        """Return the shared secret with a peer's public value. Raises Malformed when that is not in the group."""


@dataclass(frozen=True, slots=True, repr=False)
class Modp:
    """A pair in a group of integers, generator 2."""

    prime: int
    secret: int

    @property
    def _size(self) -> int:
        return self.prime.bit_length() // 8

    @property
    def public(self) -> bytes:
        """What KE carries: as long as the prime (RFC 7296, 3.4)."""
        return pow(2, self.secret, self.prime).to_bytes(self._size, "big")

    def shared(self, peer: bytes) -> bytes:
        """Return the shared secret. Raises Malformed."""
        value = int.from_bytes(peer, "big")
        if len(peer) != self._size or not 1 < value < self.prime - 1:
            raise Malformed(f"a public value of {len(peer)} bytes that is not in the group")
        return pow(value, self.secret, self.prime).to_bytes(self._size, "big")


@dataclass(frozen=True, slots=True, repr=False)
class Ecp256:
    """A pair on the curve P-256."""

    secret: ec.EllipticCurvePrivateKey

    @property
    def public(self) -> bytes:
        """What KE carries: both coordinates."""
        point = self.secret.public_key().public_numbers()
        return point.x.to_bytes(COORDINATE, "big") + point.y.to_bytes(COORDINATE, "big")

    def shared(self, peer: bytes) -> bytes:
        """Return the shared secret: the x coordinate. Raises Malformed."""
        try:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + peer)
        except ValueError as error:
            raise Malformed(f"a public value of {len(peer)} bytes that is not on the curve") from error
        return self.secret.exchange(ec.ECDH(), point)


def new_pair(group: int) -> KeyPair:
    """Return a new pair in a group. Raises KeyError for a group that a Mac does not propose."""
    if group == GROUP_ECP_256:
        return Ecp256(ec.generate_private_key(ec.SECP256R1()))
    return Modp(PRIMES[group], int.from_bytes(os.urandom(EXPONENT), "big"))
