"""The core's pure parts against the RFCs' own vectors, and against independent implementations for whatever hypothesis thinks of."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from eap_peer import chap, des, md4
from eaphost_papers import Papers, principal
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.pki.authority import CLIENT_USAGES

Compute = Callable[..., bytes | None]
FREELY = settings(deadline=None, max_examples=150)

AUTHENTICATOR, PEER = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628"), bytes.fromhex("21402324255E262A28295F2B3A337C7E")
NT_RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
HASH_HASH = bytes.fromhex("41C00C584BD2D91C4017A2A12FA59F3F")


@pytest.fixture(scope="module")
def compute(primitives: Path) -> Iterator[Compute]:
    process = subprocess.Popen(["mono", str(primitives)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(name: str, *octets: bytes) -> bytes | None:
        assert process.stdin
        assert process.stdout
        process.stdin.write(" ".join([name, *(one.hex() or "-" for one in octets)]) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline().strip()
        assert answer, f"{name} broke"
        return None if answer == "none" else b"" if answer == "-" else bytes.fromhex(answer)

    yield ask
    process.communicate(timeout=20)


# -- RFC 1320, RFC 2759 9.2, RFC 3079 3.5.3 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "digest"), [
    ("", "31d6cfe0d16ae931b73c59d7e0c089c0"), ("a", "bde52cb31de33e46245e05fbdbd6fb24"), ("abc", "a448017aaf21d8525fc10ae87aa6729d"),
    ("message digest", "d9130a8164549fe818874806e1c7014b"), ("abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
    ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "043f8582f241db351ce627e153e7f0e4"),
    ("1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
])
def test_md4_is_rfc_1320s(compute: Compute, text: str, digest: str) -> None:
    assert compute("md4", text.encode()) == bytes.fromhex(digest)


@pytest.mark.parametrize(("name", "arguments", "expected"), [
    ("nt-hash", (b"clientPass",), "44EBBA8D5312B8D611474411F56989AE"),
    ("md4", (bytes.fromhex("44EBBA8D5312B8D611474411F56989AE"),), HASH_HASH.hex()),
    ("challenge-hash", (PEER, AUTHENTICATOR, b"User"), "D02E4386BCE91226"),
    ("nt-response", (bytes.fromhex("D02E4386BCE91226"), bytes.fromhex("44EBBA8D5312B8D611474411F56989AE")), NT_RESPONSE.hex()),
    ("authenticator-response", (HASH_HASH, NT_RESPONSE, bytes.fromhex("D02E4386BCE91226")), b"S=407A5589115FD0D6209F510FE9C04566932CDA56".hex()),
    ("send-key", (HASH_HASH, NT_RESPONSE), "8B7CDC149B993A1BA118CB153F56DCCB"),
])
def test_the_vectors_of_rfc_2759_and_3079(compute: Compute, name: str, arguments: tuple[bytes, ...], expected: str) -> None:
    assert compute(name, *arguments) == bytes.fromhex(expected)


# -- against others ---------------------------------------------------------------------------------------------------------


@FREELY
@given(st.binary(max_size=300))
def test_md4_agrees(compute: Compute, message: bytes) -> None:
    assert compute("md4", message) == md4(message)


@FREELY
@given(st.binary(min_size=7, max_size=7), st.binary(min_size=8, max_size=8))
def test_des_agrees(compute: Compute, key: bytes, block: bytes) -> None:
    assert compute("des", key, block) == des(key, block)


@pytest.mark.parametrize("key", ["00000000000000", "ffffffffffffff", "1e3c78f1e3c78f", "0000000fffffff", "fffffff0000000"])
def test_weak_keys_are_keys(compute: Compute, key: str) -> None:
    """The platform's DES refuses some of them; the last key of one password in 65,536 is all zeros."""
    assert compute("des", bytes.fromhex(key), b"12345678") == des(bytes.fromhex(key), b"12345678")


@FREELY
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.binary(max_size=40).filter(lambda name: b"\\" not in name))
def test_response_proof_and_keys_agree(compute: Compute, password: str, name: bytes) -> None:
    wanted = chap(password, AUTHENTICATOR, PEER, name)
    hashed = compute("nt-hash", password.encode())
    challenge = compute("challenge-hash", PEER, AUTHENTICATOR, name)
    twice = compute("md4", hashed or b"")
    assert twice

    assert compute("nt-response", challenge, hashed) == wanted.response
    assert compute("authenticator-response", twice, wanted.response, challenge) == wanted.authenticator.encode()
    assert (compute("send-key", twice, wanted.response), compute("receive-key", twice, wanted.response)) == (wanted.send, wanted.receive)


@pytest.mark.parametrize(("name", "bare"), [(b"LAB\\alice", b"alice"), (b"a\\b\\c", b"c"), (b"alice", b"alice"), (b"alice@lab", b"alice@lab"), (b"LAB\\", b""), (b"", b"")])
def test_the_domain_is_left_out(compute: Compute, name: bytes, bare: bytes) -> None:
    assert compute("without-domain", name) == bare


# -- whom a certificate names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("common_name", "names", "expected"), [
    ("alice", [principal("alice@example.test")], "alice@example.test"), ("alice", [], "alice"), ("m\u00fcller", [], "m\u00fcller"),
    ("alice", [x509.DNSName("mac.example.test")], "alice"), ("x", [x509.DNSName("mac.example.test"), principal("m\u00fcller@lab")], "m\u00fcller@lab"),
    ("alice", [x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x0c\x03bob")], "alice"),
])
def test_a_certificate_names_its_holder(compute: Compute, papers: Papers, common_name: str, names: list[x509.GeneralName], expected: str) -> None:
    identity = papers.authority.issue(common_name, usages=CLIENT_USAGES, names=names, key=papers.alice.key)

    assert compute("certificate-name", identity.certificate.public_bytes(serialization.Encoding.DER)) == expected.encode()


@FREELY
@given(data=st.data())
def test_a_spoilt_certificate_names_nobody_or_somebody_and_breaks_nothing(compute: Compute, papers: Papers, data: st.DataObject) -> None:
    der = bytearray(papers.alice.certificate.public_bytes(serialization.Encoding.DER))
    for position in data.draw(st.lists(st.integers(0, len(der) - 1), min_size=1, max_size=6)):
        der[position] = data.draw(st.integers(0, 255))
    compute("certificate-name", bytes(der[:data.draw(st.integers(0, len(der)))]))


# -- parsers ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("packet", "whole"), [
    ("0207000501", "0207000501"), ("02070006011a", "02070006011a"), ("0207000501ffff", "0207000501"),
    ("", None), ("02", None), ("02070005", None), ("0107000501", None), ("0207000401", None), ("0207000601", None), ("0207ffff01", None), ("0307000401", None),
])
def test_only_whole_responses_are_packets(compute: Compute, packet: str, whole: str | None) -> None:
    assert compute("parse-response", bytes.fromhex(packet)) == (bytes.fromhex(whole) if whole else None)


@FREELY
@given(st.binary(max_size=60))
def test_whatever_is_parsed_is_what_its_header_says(compute: Compute, octets: bytes) -> None:
    whole = compute("parse-response", octets)
    well_formed = len(octets) >= 5 and octets[0] == 2 and 5 <= int.from_bytes(octets[2:4], "big") <= len(octets)

    assert whole == (octets[:int.from_bytes(octets[2:4], "big")] if well_formed else None)


RESULT = bytes.fromhex("800300020001")


@pytest.mark.parametrize(("tlvs", "success"), [
    (RESULT, True), (bytes.fromhex("000300020001"), True), (bytes.fromhex("00070000") + RESULT, True), (bytes.fromhex("800300020002"), False), (b"", False),
    (bytes.fromhex("80070000") + RESULT, False), (RESULT + RESULT, False), (RESULT + bytes.fromhex("800300020002"), False), (RESULT[:-1], False),
    (RESULT + b"\0", False), (bytes.fromhex("80030003000100"), False), (bytes.fromhex("8003ffff0001"), False),
])
def test_only_one_plain_success_is_peaps_success(compute: Compute, tlvs: bytes, success: bool) -> None:
    packet = b"\x02\x01" + (5 + len(tlvs)).to_bytes(2, "big") + b"\x21" + tlvs

    assert compute("peap-success", packet) == (b"\x01" if success else None)


@FREELY
@given(st.binary(max_size=40))
def test_nothing_else_is_peaps_success(compute: Compute, octets: bytes) -> None:
    answer = compute("peap-success", octets)

    assert answer is None or RESULT[1:] in octets


@pytest.mark.parametrize(("octets", "key"), [
    ("00000137100800000100ff", None), ("00000137100700000201ff", "01ff"), ("0000013710060000" + "01ff", "ff"), ("0000013710060000" + "02ff", None),
    ("00000137100500" + "0001", None), ("00000137110600" + "0001ff", None), ("00000138100600" + "0001ff", None), ("", None), ("000001371004ffff", None),
])
def test_a_key_attribute_is_taken_only_whole(compute: Compute, octets: str, key: str | None) -> None:
    assert compute("key-attribute", bytes.fromhex(octets)) == (bytes.fromhex(key) if key else None)


# -- TLS that fails in the midst ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("good", "outcome"), [
    (0, "Result failure broken"), (1, "Result failure broken"), (2, "Result failure unexpected TlsFailure: broken"), (3, "Send failure the conversation has not ended"),
])
def test_when_tls_breaks_nobody_is_let_in_also_while_the_caller_answers(compute: Compute, good: int, outcome: str) -> None:
    assert (compute("failing-engine", bytes([good])) or b"").decode() == outcome
