"""Keys: prf, prf+, SKEYSEED, the SK_* of an IKE SA, KEYMAT of a child SA (RFC 7296, 2.13 to 2.17)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from lab.ike.proposals import Encryption, Hash, Suite

DIGESTS = {Hash.SHA1: hashlib.sha1, Hash.SHA256: hashlib.sha256}
HASH_SIZES = {Hash.SHA1: 20, Hash.SHA256: 32}
KEY_PAD = b"Key Pad for IKEv2"
"""Of AUTH by a shared key, also by the MSK of EAP (2.15)."""


def prf(kind: Hash, key: bytes, data: bytes) -> bytes:
    """Return the pseudorandom function: an HMAC."""
    return hmac.new(key, data, DIGESTS[kind]).digest()


def prf_plus(kind: Hash, key: bytes, seed: bytes, length: int) -> bytes:
    """Return so many bytes of prf+."""
    found, last, number = b"", b"", 0
    while len(found) < length:
        number += 1
        last = prf(kind, key, last + seed + bytes([number]))
        found += last
    return found[:length]


def cipher_key_size(suite: Suite) -> int:
    """Return the length of a cipher's key in bytes."""
    return 24 if suite.encryption is Encryption.TRIPLE_DES else suite.bits // 8


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeKeys:
    """The secrets of an IKE SA."""

    suite: Suite
    d: bytes = field(repr=False)
    ai: bytes = field(repr=False)
    ar: bytes = field(repr=False)
    ei: bytes = field(repr=False)
    er: bytes = field(repr=False)
    pi: bytes = field(repr=False)
    pr: bytes = field(repr=False)


def ike_keys(suite: Suite, shared: bytes, nonce_i: bytes, nonce_r: bytes, spi_i: bytes, spi_r: bytes) -> IkeKeys:
    """Return the keys of an IKE SA from the shared secret of Diffie-Hellman."""
    seed = prf(suite.hash, nonce_i + nonce_r, shared)
    hashed, cipher = HASH_SIZES[suite.hash], cipher_key_size(suite)
    sizes = (hashed, hashed, hashed, cipher, cipher, hashed, hashed)
    stream, parts = prf_plus(suite.hash, seed, nonce_i + nonce_r + spi_i + spi_r, sum(sizes)), []
    for size in sizes:
        parts.append(stream[:size])
        stream = stream[size:]
    d, ai, ar, ei, er, pi, pr = parts
    return IkeKeys(suite=suite, d=d, ai=ai, ar=ar, ei=ei, er=er, pi=pi, pr=pr)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildKeys:
    """The secrets of a child SA, by direction as its initiator sees it."""

    out_cipher: bytes = field(repr=False)
    out_integrity: bytes = field(repr=False)
    in_cipher: bytes = field(repr=False)
    in_integrity: bytes = field(repr=False)


def child_keys(suite: Suite, prf_hash: Hash, d: bytes, nonce_i: bytes, nonce_r: bytes) -> ChildKeys:
    """Return the keys of a child SA that was made with the IKE SA, from its initiator's side."""
    cipher, hashed = cipher_key_size(suite), HASH_SIZES[suite.hash]
    stream = prf_plus(prf_hash, d, nonce_i + nonce_r, 2 * (cipher + hashed))
    ours, theirs = stream[: cipher + hashed], stream[cipher + hashed :]
    return ChildKeys(out_cipher=ours[:cipher], out_integrity=ours[cipher:], in_cipher=theirs[:cipher], in_integrity=theirs[cipher:])


def signed_octets(kind: Hash, message: bytes, nonce: bytes, key_p: bytes, identification: bytes) -> bytes:
    """Return what AUTH covers: an end's first message, the other's nonce, and its own identification under SK_pi or SK_pr (2.15)."""
    return message + nonce + prf(kind, key_p, identification)


def shared_key_auth(kind: Hash, secret: bytes, octets: bytes) -> bytes:
    """Return AUTH by a shared key or an MSK."""
    return prf(kind, prf(kind, secret, KEY_PAD), octets)
