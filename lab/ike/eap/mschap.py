"""MS-CHAPv2 and its keys: RFC 2759, 8; RFC 3079, 3.3. With an MD4 of its own (OpenSSL 3 has none by default); DES as Triple DES with equal keys."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import ECB

SIGNING = b"Magic server to client signing constant"
ITERATION = b"Pad to make it do more than one iteration"
MASTER = b"This is the MPPE Master Key"
CLIENT_SENDS = b"On the client side, this is the send key; on the server side, it is the receive key."
CLIENT_RECEIVES = b"On the client side, this is the receive key; on the server side, it is the send key."
WORD = 0xFFFFFFFF


def md4(data: bytes) -> bytes:
    """Return MD4 (RFC 1320)."""
    rounds: tuple[tuple[Callable[[int, int, int], int], int, tuple[int, ...], tuple[int, ...]], ...] = (
        (lambda x, y, z: (x & y) | (~x & z), 0, tuple(range(16)), (3, 7, 11, 19)),
        (lambda x, y, z: (x & y) | (x & z) | (y & z), 0x5A827999, (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), (3, 5, 9, 13)),
        (lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1, (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15)),
    )
    whole = data + b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", 8 * len(data))
    registers = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    for start in range(0, len(whole), 64):
        words = struct.unpack_from("<16I", whole, start)
        a, b, c, d = registers
        for mix, constant, order, turns in rounds:
            for step, index in enumerate(order):
                total = (a + mix(b, c, d) + words[index] + constant) & WORD
                turn = turns[step % 4]
                a, b, c, d = d, (total << turn | total >> 32 - turn) & WORD, b, c
        a0, b0, c0, d0 = registers
        registers = ((a0 + a) & WORD, (b0 + b) & WORD, (c0 + c) & WORD, (d0 + d) & WORD)
    return struct.pack("<4I", *registers)


def des(key: bytes, block: bytes) -> bytes:
    """Encrypt eight bytes by DES with a key of seven, whose parity bits are put in (and read by nobody)."""
    bits = int.from_bytes(key, "big")
    whole = bytes((bits >> shift & 0x7F) << 1 for shift in range(49, -1, -7))
    return Cipher(TripleDES(whole * 3), ECB()).encryptor().update(block)  # noqa: S305 - what the protocol is made of


def _sha1(*parts: bytes) -> bytes:
    return hashlib.sha1(b"".join(parts)).digest()


def password_hash(password: str) -> bytes:
    """Return the NT hash."""
    return md4(password.encode("utf-16-le"))


def challenge_hash(peer: bytes, authenticator: bytes, user: bytes) -> bytes:
    """Return the challenge that is encrypted. The user's name is without its domain."""
    return _sha1(peer, authenticator, user)[:8]


def nt_response(authenticator: bytes, peer: bytes, user: bytes, password: str) -> bytes:
    """Return the response to a challenge (GenerateNTResponse)."""
    keys, challenge = password_hash(password) + bytes(5), challenge_hash(peer, authenticator, user)
    return b"".join(des(keys[start : start + 7], challenge) for start in (0, 7, 14))


def authenticator_response(password: str, response: bytes, peer: bytes, authenticator: bytes, user: bytes) -> bytes:
    """Return what proves that the server knows the password (GenerateAuthenticatorResponse): "S=" and 40 hexadecimal digits."""
    digest = _sha1(md4(password_hash(password)), response, SIGNING)
    return b"S=" + _sha1(digest, challenge_hash(peer, authenticator, user), ITERATION).hex().upper().encode()


def proves(shown: bytes, expected: bytes) -> bool:
    """Whether what the server showed begins with what was expected, in whichever case its digits are."""
    return hmac.compare_digest(shown[: len(expected)].upper(), expected)


def session_key(password: str, response: bytes) -> bytes:
    """Return the MSK of EAP-MSCHAPv2: the server's receive key and send key of 16 bytes each, then zeros (draft-kamath; RFC 3079, 3.3)."""
    master = _sha1(md4(password_hash(password)), response, MASTER)[:16]
    keys = [_sha1(master, bytes(40), magic, b"\xf2" * 40)[:16] for magic in (CLIENT_SENDS, CLIENT_RECEIVES)]
    return b"".join(keys).ljust(64, b"\0")
