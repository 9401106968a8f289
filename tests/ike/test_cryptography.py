"""Groups, keys, the encrypted payload. That the derivations are right is charon's to say (tests/guest/test_initiator.py)."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lab.ike.errors import Malformed
from lab.ike.groups import PRIMES, new_pair
from lab.ike.keys import ike_keys, prf_plus
from lab.ike.payloads import Header, Kind, Payload, decode_chain
from lab.ike.proposals import Encryption, Hash, Suite
from lab.ike.protection import PLAIN_LIMIT, Direction

HEADER = Header(spi_i=b"i" * 8, spi_r=b"r" * 8, exchange=35, flags=8, message_id=1)
SUITES = [Suite(Encryption.AES_CBC, 256, Hash.SHA256, 14), Suite(Encryption.AES_CBC, 128, Hash.SHA1, 2), Suite(Encryption.TRIPLE_DES, 0, Hash.SHA1, 2)]
OFFSETS = {2: (1024, 129093), 5: (1536, 741804), 14: (2048, 124476)}
"""Bits and k of the definition, from RFC 2409, 6.2 and RFC 3526, 2 and 3."""


def pi_times_two_to(bits: int) -> int:
    """Return floor(2^bits * pi), by Machin's formula with 64 bits to spare."""
    one = 1 << (bits + 64)

    def arctan_of_inverse(of: int) -> int:
        term, total, divisor, sign = one // of, one // of, 3, -1
        while term:
            term //= of * of
            total += sign * (term // divisor)
            divisor, sign = divisor + 2, -sign
        return total

    return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239)) >> 64


@pytest.mark.parametrize("group", OFFSETS)
def test_the_primes_are_those_of_their_definition(group: int) -> None:
    bits, offset = OFFSETS[group]
    assert PRIMES[group] == 2**bits - 2 ** (bits - 64) - 1 + 2**64 * (pi_times_two_to(bits - 130) + offset)


@pytest.mark.parametrize("group", [2, 5, 14, 19])
def test_both_ends_have_the_same_secret(group: int) -> None:
    one, other = new_pair(group), new_pair(group)
    assert one.shared(other.public) == other.shared(one.public)
    assert len(one.public) == (64 if group == 19 else PRIMES[group].bit_length() // 8)
    assert one.public != other.public


@pytest.mark.parametrize("group", [2, 14, 19])
@pytest.mark.parametrize("value", [0, 1, -1])
def test_values_that_give_the_secret_away_are_refused(group: int, value: int) -> None:
    pair = new_pair(group)
    public = ((PRIMES[group] - 1) if value == -1 and group != 19 else abs(value)).to_bytes(len(pair.public), "big")
    with pytest.raises(Malformed, match="not"):
        pair.shared(public)
    with pytest.raises(Malformed, match="not"):
        pair.shared(pair.public[:-1])


def test_prf_plus_is_a_chain_of_hmacs() -> None:
    first = hmac.new(b"key", b"seed\1", hashlib.sha256).digest()
    second = hmac.new(b"key", first + b"seed\2", hashlib.sha256).digest()
    assert prf_plus(Hash.SHA256, b"key", b"seed", 50) == (first + second)[:50]


@pytest.mark.parametrize(("suite", "cipher", "hashed"), list(zip(SUITES, (32, 16, 24), (32, 20, 20), strict=True)))
def test_keys_have_the_lengths_of_their_algorithms_and_are_not_printed(suite: Suite, cipher: int, hashed: int) -> None:
    made = ike_keys(suite, b"shared", b"i" * 16, b"r" * 16, b"1" * 8, b"2" * 8)
    assert {len(made.ei), len(made.er)} == {cipher}
    assert {len(made.d), len(made.ai), len(made.ar), len(made.pi), len(made.pr)} == {hashed}
    assert len({made.d, made.ai, made.ar, made.pi, made.pr}) == 5
    assert made.d.hex() not in repr(made)
    assert repr(made.d) not in repr(made)


def direction(suite: Suite) -> Direction:
    made = ike_keys(suite, b"shared", b"i" * 16, b"r" * 16, b"1" * 8, b"2" * 8)
    return Direction(suite=suite, cipher_key=made.ei, integrity_key=made.ai)


@given(some.sampled_from(SUITES), some.binary(max_size=300))
def test_what_is_sealed_is_opened(suite: Suite, body: bytes) -> None:
    (datagram,) = direction(suite).seal(HEADER, [Payload(Kind.NONCE, body)], fragmented=True)
    opened = direction(suite).open(datagram)
    assert decode_chain(opened.first, opened.content) == [Payload(Kind.NONCE, body)]
    assert body not in datagram or len(body) < 4


@given(some.sampled_from(SUITES), some.data())
def test_a_bit_that_is_turned_anywhere_is_noticed(suite: Suite, data: some.DataObject) -> None:
    (datagram,) = direction(suite).seal(HEADER, [Payload(Kind.NONCE, b"nonce" * 9)], fragmented=False)
    position = data.draw(some.integers(0, 8 * len(datagram) - 1))
    damaged = bytearray(datagram)
    damaged[position // 8] ^= 1 << position % 8
    with pytest.raises(Malformed):
        direction(suite).open(bytes(damaged))


@given(some.sampled_from(SUITES), some.binary(max_size=120))
def test_any_bytes_are_refused(suite: Suite, tail: bytes) -> None:
    with pytest.raises(Malformed):
        direction(suite).open(HEADER.encode(Kind.SK, len(tail)) + tail)


def test_a_long_message_leaves_in_fragments_that_fit_only_if_both_ends_can() -> None:
    payloads = [Payload(Kind.CERT, bytes(3 * PLAIN_LIMIT))]
    pieces = direction(SUITES[0]).seal(HEADER, payloads, fragmented=True)
    opened = [direction(SUITES[0]).open(one) for one in pieces]

    assert [(one.number, one.total) for one in opened] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [one.first for one in opened] == [Kind.CERT, 0, 0, 0]
    assert decode_chain(Kind.CERT, b"".join(one.content for one in opened)) == payloads
    assert max(map(len, pieces)) + 28 <= 1280
    assert len(direction(SUITES[0]).seal(HEADER, payloads, fragmented=False)) == 1
