"""EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2): a peer of its own against the host, with its passwords and with its caller's."""

from __future__ import annotations

import struct

import pytest
from eap_peer import EapPeer, MsChapV2Peer, chap, response
from eaphost_papers import USERS
from eaphost_process import MSCHAPV2, Attribute, Host, Misuse, Session, converse, microsoft


def peer(user: str | bytes, password: str, **options: bool) -> tuple[EapPeer, MsChapV2Peer]:
    inner = MsChapV2Peer(user, password, **options)
    return EapPeer("anybody", {MSCHAPV2: inner}), inner


@pytest.mark.parametrize("user", ["alice", "ALICE", "LAB\\alice", "m\u00fcller", "mail@example.test", "a" * 256, "empty"], ids=lambda name: name[:20])
def test_the_right_password_lets_in(host: Host, user: str) -> None:
    bare = user.rpartition("\\")[2]
    password = USERS[bare if bare in USERS else bare.lower()]
    outer, inner = peer(user, password)
    ended = converse(Session(host, MSCHAPV2), outer)

    assert ended.result.success, ended.result.reason
    assert ended.final == bytes([3, ended.requests[-1][1], 0, 4])
    assert (ended.result.user, ended.result.method, ended.result.msk) == (user, MSCHAPV2, inner.msk)
    assert outer.requested == [1, MSCHAPV2, MSCHAPV2]
    assert [len(data[3:3 + data[2]]) for kind in (16, 17) if (data := microsoft(ended.result.attributes, kind))] == [16, 16]


@pytest.mark.parametrize(("user", "password"), [
    ("alice", "wrong"), ("alice", ""), ("nobody", "Pa$$w0rd"), ("", "Pa$$w0rd"), ("alice\\", "Pa$$w0rd"), ("a" * 257, "long"), (b"\xff\xfe", "x"), ("\0", "x"),
    ("alice\0", "Pa$$w0rd"), ("\u00e9" * 1000, "x"),
], ids=lambda word: repr(word)[:20])
def test_anything_else_is_told_691(host: Host, user: str | bytes, password: str) -> None:
    outer, inner = peer(user, password)
    ended = converse(Session(host, MSCHAPV2), outer)

    assert (ended.result.success, ended.result.failure, ended.result.attributes) == (False, 691, [])
    assert ended.final[0] == 4
    assert inner.told[-1][0] == 4
    assert inner.told[-1][4:].startswith(b"E=691 R=0 C=")
    assert inner.told[-1].endswith(b" V=3 M=Authentication failed")


def test_a_peer_that_mistrusts_the_server_is_not_let_in(host: Host) -> None:
    ended = converse(Session(host, MSCHAPV2), peer("alice", USERS["alice"], mistrusts=True)[0])

    assert (ended.result.success, ended.result.reason) == (False, "the peer does not accept the authenticator response")


def test_challenges_are_fresh(host: Host) -> None:
    told = []
    for _ in range(3):
        outer, inner = peer("alice", USERS["alice"])
        converse(Session(host, MSCHAPV2), outer)
        told.append(inner.told[0][5:21])

    assert len(set(told)) == 3


# -- a peer that is not honest --------------------------------------------------------------------------------------------------


def challenged(host: Host) -> tuple[Session, bytes]:
    session = Session(host, MSCHAPV2)
    session.receive(response(session.send()[1], 1, b"alice"))
    return session, session.send()


def right(request: bytes) -> bytes:
    return MsChapV2Peer("alice", USERS["alice"]).answer(request[5:])


SPOILT = {
    "another operation": lambda data: b"\x05" + data[1:], "success at once": lambda data: b"\x03", "failure at once": lambda data: b"\x04",
    "another identifier": lambda data: data[:1] + bytes([data[1] ^ 1]) + data[2:], "length too small": lambda data: data[:2] + b"\0\4" + data[4:],
    "length too large": lambda data: data[:2] + struct.pack("!H", len(data) + 1) + data[4:], "truncated": lambda data: data[:53],
    "value size": lambda data: data[:4] + b"\x30" + data[5:], "nothing": lambda data: b"", "one octet": lambda data: b"\x02",
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_malformed_response_is_discarded_and_the_right_one_still_counts(host: Host, spoil) -> None:
    session, request = challenged(host)

    assert session.receive(response(request[1], MSCHAPV2, spoil(right(request)))) == "Discard"
    assert session.send() == request
    assert session.receive(response(request[1], MSCHAPV2, right(request))) == "Send"
    session.end()


def test_success_counts_only_when_it_is_acknowledged(host: Host) -> None:
    session, request = challenged(host)
    session.receive(response(request[1], MSCHAPV2, right(request)))
    told = session.send()

    for answer in (b"", b"\x01", b"\x02", right(request), b"\x07"):
        assert session.receive(response(told[1], MSCHAPV2, answer)) == "Discard"
    with pytest.raises(Misuse, match="the conversation has not ended"):
        session.result()
    with pytest.raises(Misuse, match="the session must have succeeded"):
        session.final(success=True)
    assert session.receive(response(told[1], MSCHAPV2, b"\x03")) == "Result"
    assert session.result().success


def test_who_was_told_failure_cannot_acknowledge_success(host: Host) -> None:
    session, request = challenged(host)
    session.receive(response(request[1], MSCHAPV2, MsChapV2Peer("alice", "wrong").answer(request[5:])))
    told = session.send()

    assert session.receive(response(told[1], MSCHAPV2, b"\x03")) == "Discard"
    assert session.receive(response(told[1], MSCHAPV2, b"\x04")) == "Result"
    assert not session.result().success


# -- the caller decides -------------------------------------------------------------------------------------------------------


def verdict(asked: list[Attribute], password: str) -> list[Attribute]:
    """What a policy engine answers that knows the password."""
    challenge, answer = microsoft(asked, 11), microsoft(asked, 25)
    assert challenge
    assert answer
    name = next(one.value for one in asked if one.type == 1)
    proof = chap(password, challenge, answer[2:18], name.rpartition(b"\\")[2])
    assert answer[26:] == proof.response
    return [Attribute.microsoft(26, answer[:1] + proof.authenticator.encode()), Attribute.key(16, proof.send), Attribute.key(17, proof.receive)]


def test_the_caller_lets_in(deferring: Host) -> None:
    outer, inner = peer("LAB\\alice", "anything")
    ended = converse(Session(deferring, MSCHAPV2), outer, lambda asked: (0, verdict(asked, "anything")))

    assert ended.result.success
    assert (ended.result.user, ended.result.msk) == ("LAB\\alice", inner.msk)


@pytest.mark.parametrize("code", [646, 647, 648, 649, 691])
def test_the_callers_refusal_reaches_the_peer(deferring: Host, code: int) -> None:
    outer, inner = peer("alice", "anything")
    ended = converse(Session(deferring, MSCHAPV2), outer, lambda asked: (code, []))

    assert (ended.result.success, ended.result.failure) == (False, code)
    assert inner.told[-1][4:].startswith(f"E={code} R=0 ".encode())


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_a_yes_without_proof_or_keys_is_none(deferring: Host, left_out: int) -> None:
    def decide(asked: list[Attribute]) -> tuple[int, list[Attribute]]:
        answer = verdict(asked, "anything")
        return 0, answer[:left_out] + answer[left_out + 1:]

    assert converse(Session(deferring, MSCHAPV2), peer("alice", "anything")[0], decide).result.failure == 691


@pytest.mark.parametrize("proof", [b"", b"\0", b"\0S=", b"\0S=" + b"G" * 40, b"\0S=" + b"A" * 39, b"S=" + b"A" * 40])
def test_a_proof_that_is_none_is_refused(deferring: Host, proof: bytes) -> None:
    def decide(asked: list[Attribute]) -> tuple[int, list[Attribute]]:
        return 0, [Attribute.microsoft(26, proof), *verdict(asked, "anything")[1:]]

    assert converse(Session(deferring, MSCHAPV2), peer("alice", "anything")[0], decide).result.failure == 691


def test_while_the_caller_thinks_nothing_else_is_taken(deferring: Host) -> None:
    session, request = challenged(deferring)
    assert session.receive(response(request[1], MSCHAPV2, right(request))) == "Authenticate"

    assert session.receive(response(request[1], MSCHAPV2, right(request))) == "Discard"
    with pytest.raises(Misuse, match="SendPacket: the session must have a request to send, its state is Verdict"):
        session.send()
    assert session.authenticated(691) == "Send"
    with pytest.raises(Misuse, match="must have an open question"):
        session.authenticated(0)
    session.end()
