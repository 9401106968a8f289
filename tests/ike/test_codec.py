"""The codec: what is encoded is read back; bytes of whatever kind are a message or Malformed, nothing else."""

from __future__ import annotations

import contextlib
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lab.ike import bodies, macos
from lab.ike.bodies import PROTOCOL_ESP, PROTOCOL_IKE, Selector
from lab.ike.errors import Malformed
from lab.ike.payloads import Header, Kind, Payload, decode_chain, decode_header, encode_message
from lab.ike.proposals import Encryption, Hash, Suite, accepted, decode_proposals, encode_proposals

PLAIN = [kind for kind in Kind if kind not in (Kind.NONE, Kind.SK, Kind.SKF)]
PAYLOADS = some.lists(some.builds(Payload, some.sampled_from(PLAIN), some.binary(max_size=64)), max_size=8)
HEADER = Header(spi_i=b"i" * 8, spi_r=b"r" * 8, exchange=34, flags=8, message_id=0)
READERS = (bodies.read_key_exchange, bodies.read_identification, bodies.read_auth, bodies.read_configuration, bodies.read_selectors, decode_proposals,
           lambda body: bodies.notifies([Payload(Kind.NOTIFY, body)]))


@given(PAYLOADS)
def test_a_message_is_read_back(payloads: list[Payload]) -> None:
    data = encode_message(HEADER, payloads)
    header, first = decode_header(data)
    assert (header, decode_chain(first, data[28:])) == (HEADER, payloads)


@given(PAYLOADS, some.data())
def test_a_message_that_is_cut_off_is_malformed(payloads: list[Payload], data: some.DataObject) -> None:
    whole = encode_message(HEADER, payloads)
    cut = whole[: data.draw(some.integers(0, len(whole) - 1))]
    with pytest.raises(Malformed):
        decode_header(cut)


@given(some.integers(0, 255), some.binary(max_size=200))
def test_any_bytes_are_a_chain_or_malformed(first: int, data: bytes) -> None:
    with contextlib.suppress(Malformed):
        decode_chain(first, data)


@given(some.sampled_from(READERS), some.binary(max_size=120))
def test_any_bytes_are_a_body_or_malformed(read, data: bytes) -> None:
    with contextlib.suppress(Malformed):
        read(data)


def test_an_unknown_payload_is_passed_over_unless_it_is_critical() -> None:
    assert decode_chain(200, bytes([0, 0, 0, 5, 1])) == [Payload(200, b"\1")]
    with pytest.raises(Malformed, match="payload 200 is critical"):
        decode_chain(200, bytes([0, 0x80, 0, 5, 1]))


SUITES = some.lists(some.builds(Suite, some.just(Encryption.AES_CBC), some.sampled_from([128, 256]), some.sampled_from(Hash),
                                some.sampled_from([2, 5, 14, 19])), min_size=1, max_size=6)


@given(SUITES, some.binary(max_size=8))
def test_proposals_are_read_back_in_their_order(suites: list[Suite], spi: bytes) -> None:
    found = decode_proposals(encode_proposals(PROTOCOL_IKE, suites, spi))
    assert [one.number for one in found] == list(range(1, len(suites) + 1))
    assert {one.spi for one in found} == {spi}


def answer_of(suite: Suite, number: int, protocol: int = PROTOCOL_IKE) -> bytes:
    body = bytearray(encode_proposals(protocol, [suite], b"\1\2\3\4"))
    body[4] = number
    return bytes(body)


def test_the_suite_that_was_chosen_is_found_by_its_number() -> None:
    assert accepted(answer_of(macos.PANE_IKE[3], 4), PROTOCOL_IKE, macos.PANE_IKE) == (macos.PANE_IKE[3], b"\1\2\3\4")
    assert accepted(answer_of(macos.PANE_ESP[4], 5, PROTOCOL_ESP), PROTOCOL_ESP, macos.PANE_ESP)[0] == macos.PANE_ESP[4]


@pytest.mark.parametrize(("suite", "number"), [(macos.PANE_IKE[3], 1), (Suite(Encryption.AES_CBC, 128, Hash.SHA256, 2), 4), (macos.PANE_IKE[3], 9)])
def test_a_choice_that_was_not_offered_is_malformed(suite: Suite, number: int) -> None:
    with pytest.raises(Malformed, match="which was not offered"):
        accepted(answer_of(suite, number), PROTOCOL_IKE, macos.PANE_IKE)


def test_the_panes_proposals_are_the_five_and_esp_has_no_group() -> None:
    assert [(str(one), one.group) for one in macos.PANE_IKE] == [
        ("AES_CBC-256/HMAC_SHA2_256_128", 14), ("AES_CBC-256/HMAC_SHA2_256_128", 19), ("AES_CBC-256/HMAC_SHA2_256_128", 5),
        ("AES_CBC-128/HMAC_SHA1_96", 2), ("3DES_CBC/HMAC_SHA1_96", 2)]
    assert {one.group for one in macos.PANE_ESP} == {None}


@pytest.mark.parametrize(("name", "kind", "data"), [("192.0.2.1", 1, bytes([192, 0, 2, 1])), ("mac.example.test", 2, b"mac.example.test"),
                                                    ("a@example.test", 3, b"a@example.test"), ("2001:db8::1", 5, bytes.fromhex("20010db8" + "0" * 23 + "1"))])
def test_the_form_of_an_identity_follows_from_what_the_field_says(name: str, kind: int, data: bytes) -> None:
    assert bodies.read_identification(bodies.identification(name)) == (kind, data)


def test_a_reply_gives_addresses_and_a_request_is_none() -> None:
    reply = bytes([2, 0, 0, 0]) + bytes.fromhex("00010004c0a84dc9" "0003000408080808" "00190003616263")
    found = bodies.read_configuration(reply)
    assert (found.addresses, found.dns, found.others) == ((IPv4Address("192.168.77.201"),), (IPv4Address("8.8.8.8"),), ((25, b"abc"),))
    with pytest.raises(Malformed, match="no CFG_REPLY"):
        bodies.read_configuration(bodies.configuration_request(macos.ATTRIBUTES).body)


def test_selectors_are_read_back_and_an_empty_range_is_malformed() -> None:
    assert bodies.read_selectors(bodies.selectors(Kind.TSI, bodies.everything()).body) == bodies.everything()
    assert [str(one) for one in bodies.everything()[0].networks()] == ["0.0.0.0/0"]
    with pytest.raises(Malformed, match="is empty"):
        bodies.read_selectors(bodies.selectors(Kind.TSI, [Selector(first="192.0.2.9", last="192.0.2.1")]).body)
