"""The EAP peers alone: RFC vectors, bytes of whatever kind. Against an independent authenticator: tests/eaphost/test_eap_of_initiator.py."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from lab.ike.eap import mschap
from lab.ike.eap.mschapv2 import MsChapV2
from lab.ike.eap.peap import Peap
from lab.ike.eap.peer import Code, EapMethod, Method, MethodPeer, Packet, decode
from lab.ike.eap.tls import EapTls, Trust
from lab.ike.errors import IkeError, Malformed, Refused
from lab.pki import Authority

AUTHENTICATOR = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
PROOF = b"S=407A5589115FD0D6209F510FE9C04566932CDA56"
CHALLENGE = bytes.fromhex("01070015" "10") + AUTHENTICATOR
"""RFC 2759, 9.2: User, clientPass."""


@pytest.mark.parametrize(("text", "digest"), [
    (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"), (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
    (b"12345678901234567890123456789012345678901234567890123456789012345678901234567890", "e33b4ddc9c38f2199c3e7b164fcc0536")])
def test_md4_as_in_rfc_1320(text: bytes, digest: str) -> None:
    assert mschap.md4(text).hex() == digest


def test_the_vectors_of_rfc_2759() -> None:
    assert mschap.password_hash("clientPass").hex().upper() == "44EBBA8D5312B8D611474411F56989AE"
    assert mschap.challenge_hash(PEER, AUTHENTICATOR, b"User").hex().upper() == "D02E4386BCE91226"
    assert mschap.nt_response(AUTHENTICATOR, PEER, b"User", "clientPass") == RESPONSE
    assert mschap.authenticator_response("clientPass", RESPONSE, PEER, AUTHENTICATOR, b"User") == PROOF


def test_the_key_of_rfc_3079() -> None:
    """Section 3.5.3 gives the server's send key, which is the second half."""
    key = mschap.session_key("clientPass", RESPONSE)
    assert key[16:32].hex().upper() == "8B7CDC149B993A1BA118CB153F56DCCB"
    assert (len(key), key[32:]) == (64, bytes(32))


def test_weak_keys_of_des_are_taken() -> None:
    assert mschap.des(bytes(7), bytes(8)).hex() == "8ca64de9c1b123a7"


def user(password: str = "clientPass", name: str = "User") -> MsChapV2:
    return MsChapV2(name, password, random=lambda _: PEER)


@pytest.mark.parametrize("name", ["User", "DOMAIN\\User"])
def test_a_challenge_is_answered_and_the_right_proof_gives_the_key(name: str) -> None:
    method = user(name=name)
    said = method.answer(1, CHALLENGE)
    assert said == bytes([2, 7, 0, 54 + len(name), 49]) + PEER + bytes(8) + RESPONSE + b"\0" + name.encode()
    assert method.msk == b""
    assert method.answer(2, bytes([3, 7]) + (4 + len(PROOF)).to_bytes(2, "big") + PROOF) == b"\3"
    assert method.msk == mschap.session_key("clientPass", RESPONSE)


def test_a_server_that_does_not_know_the_password_is_refused() -> None:
    method = user("another")
    method.answer(1, CHALLENGE)
    with pytest.raises(Refused, match="does not know the password") as refusal:
        method.answer(2, bytes([3, 7]) + (4 + len(PROOF)).to_bytes(2, "big") + PROOF)
    assert (refusal.value.by, method.msk) == ("client", b"")


def test_success_without_a_challenge_is_refused_and_failure_gives_its_words() -> None:
    with pytest.raises(Refused, match="does not know"):
        user().answer(1, bytes([3, 7, 0, 4]))
    method = user()
    assert method.answer(1, bytes([4, 7, 0, 9]) + b"E=691") == b"\4"
    assert method.told == "E=691"


TRUST = Trust(roots=Authority("Lab root").certificate_pem)
METHODS = (user, lambda: EapTls(TRUST), lambda: Peap(TRUST, "user", user()))


@settings(deadline=None)
@given(some.sampled_from(METHODS), some.lists(some.binary(max_size=80), min_size=1, max_size=4))
def test_any_bytes_are_answered_or_refused_and_give_no_key(make, packets: list[bytes]) -> None:
    method: EapMethod = make()
    with contextlib.suppress(IkeError):
        for packet in packets:
            method.answer(1, packet)
    with contextlib.suppress(Refused):
        assert method.msk == b""


def test_more_than_was_announced_is_malformed() -> None:
    method = EapTls(TRUST)
    method.answer(1, b"\x20")
    with pytest.raises(Malformed, match="6 bytes of TLS where 5 were announced"):
        method.answer(2, b"\x80\0\0\0\5" + bytes(6))


# -- a peer with more than one method ------------------------------------------------------------------------------------


def request(method: int, data: bytes = b"", identifier: int = 7) -> bytes:
    return Packet(Code.REQUEST, identifier, method, data).encode()


def mac() -> MethodPeer:
    """A Mac with a password."""
    return MethodPeer("User", user(), Peap(TRUST, "User", user()))


@pytest.mark.parametrize(("offered", "data"), [(Method.MSCHAPV2, CHALLENGE), (Method.PEAP, b"\x20")])
def test_a_method_that_is_known_is_taken_when_it_is_offered(offered: Method, data: bytes) -> None:
    peer = mac()
    assert peer.methods == ()
    said = peer.receive(request(offered, data))
    assert said is not None
    assert (decode(said).method, peer.methods) == (offered, (offered,))


def test_another_method_is_answered_with_a_nak_that_names_the_known_ones() -> None:
    peer = mac()
    said = peer.receive(request(Method.TLS, b"\x20"))
    assert said is not None
    assert (decode(said).method, decode(said).data, peer.methods) == (Method.NAK, bytes([Method.MSCHAPV2, Method.PEAP]), ())


def test_success_and_failure_before_any_method_are_refusals() -> None:
    with pytest.raises(Refused, match="made no key") as refusal:
        mac().receive(Packet(Code.SUCCESS, 1).encode())
    assert refusal.value.by == "client"
    with pytest.raises(Refused, match=r"^EAP failure$") as refusal:
        mac().receive(Packet(Code.FAILURE, 1).encode())
    assert refusal.value.by == "server"


def test_a_server_that_speaks_before_it_has_the_whole_message_is_refused() -> None:
    """strongSwan does with an alert; whatever it is that is none is malformed."""
    method = EapTls(TRUST)
    method.answer(1, b"\x20")
    method._outgoing = b"more"
    with pytest.raises((Malformed, Refused)):
        method.answer(2, b"\0" + bytes.fromhex("15030300020230"))
    method = EapTls(TRUST)
    method.answer(1, b"\x20")
    method._outgoing = b"more"
    with pytest.raises(Malformed, match="whole message"):
        method.answer(2, b"\x80\0\0\0\0")
