"""The EAP layer (RFC 3748): identity, Nak, identifiers, repetition, interleaving, and sessions that come and go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eap_peer import EapPeer, MsChapV2Peer, response
from eaphost_papers import USERS
from eaphost_process import MSCHAPV2, NAK, PEAP, TLS, Host, Misuse, Session, converse


def begun(host: Host, *methods: int) -> tuple[Session, bytes]:
    """A session whose first method waits for its answer."""
    session = Session(host, *methods)
    assert session.receive(response(session.send()[1], 1, b"alice")) == "Send"
    return session, session.send()


# -- identity -----------------------------------------------------------------------------------------------------------------


def test_the_identity_is_asked_for_first(host: Host) -> None:
    session = Session(host, MSCHAPV2)
    request = session.send()

    assert (request[0], request[2:]) == (1, b"\0\5\1")
    assert session.receive(response(request[1], 1, b"alice")) == "Send"
    assert session.send()[1] == (request[1] + 1) % 256


@pytest.mark.parametrize("identifier", [0, 7, 254, 255])
def test_a_caller_may_have_asked_for_it_itself(host: Host, identifier: int) -> None:
    session = Session(host, MSCHAPV2)

    assert session.receive(response(identifier, 1, b"alice")) == "Send"
    assert session.send()[1] == (identifier + 1) % 256


def test_once_asked_only_the_answer_to_that_counts(host: Host) -> None:
    session = Session(host, MSCHAPV2)
    identifier = session.send()[1]

    assert session.receive(response((identifier + 1) % 256, 1, b"alice")) == "Discard"
    assert session.receive(response(identifier, MSCHAPV2, b"alice")) == "Discard"
    assert session.receive(response(identifier, NAK, b"\x1a")) == "Discard"
    assert session.receive(response(identifier, 1, b"alice")) == "Send"


@pytest.mark.parametrize(("identity", "action"), [(b"", "Send"), (b"\xff\0\n", "Send"), ("\u00fc".encode() * 512, "Send"), (b"x" * 1024, "Send"), (b"x" * 1025, "Result")])
def test_an_identity_is_octets_up_to_a_limit(host: Host, identity: bytes, action: str) -> None:
    session = Session(host, MSCHAPV2)

    assert session.receive(response(1, 1, identity)) == action
    session.end()


# -- which method -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("offered", "wished", "begun_with"), [
    ((TLS, MSCHAPV2), (MSCHAPV2,), [1, TLS, MSCHAPV2]), ((PEAP, TLS, MSCHAPV2), (MSCHAPV2,), [1, PEAP, MSCHAPV2]), ((MSCHAPV2, TLS), (MSCHAPV2,), [1, MSCHAPV2]),
    ((99, MSCHAPV2), (MSCHAPV2,), [1, MSCHAPV2]),
])
def test_a_nak_leads_to_the_method_that_both_have(host: Host, offered: tuple[int, ...], wished: tuple[int, ...], begun_with: list[int]) -> None:
    peer = EapPeer("alice", {kind: MsChapV2Peer("alice", USERS["alice"]) for kind in wished})
    ended = converse(Session(host, *offered), peer)

    assert ended.result.success
    assert peer.requested[:len(begun_with)] == begun_with


@pytest.mark.parametrize(("offered", "wishes"), [
    ((TLS,), b"\x1a"), ((TLS,), b"\x0d"), ((TLS,), b"\0"), ((TLS,), b""), ((TLS, MSCHAPV2), b"\x19"), ((TLS, 99), b"\x63"), ((TLS,), b"\xfe"), ((TLS,), bytes(range(256)) * 4),
])
def test_without_a_common_method_nobody_is_let_in(host: Host, offered: tuple[int, ...], wishes: bytes) -> None:
    session, request = begun(host, *offered)

    assert session.receive(response(request[1], NAK, wishes.replace(b"\x0d", b"") if len(wishes) > 1 else wishes)) == "Result"
    assert session.result().reason == "the peer wishes no EAP method that is allowed"
    assert session.final(success=False) == bytes([4, request[1], 0, 4])


def test_a_method_that_was_refused_is_not_begun_again(host: Host) -> None:
    session, request = begun(host, TLS, PEAP)
    assert session.receive(response(request[1], NAK, bytes([PEAP]))) == "Send"

    assert session.receive(response(session.send()[1], NAK, bytes([TLS]))) == "Result"


def test_a_nak_in_the_midst_of_a_method_is_discarded(host: Host) -> None:
    session, request = begun(host, MSCHAPV2, TLS)
    session.receive(response(request[1], MSCHAPV2, MsChapV2Peer("alice", USERS["alice"]).answer(request[5:])))

    assert session.receive(response(session.send()[1], NAK, bytes([TLS]))) == "Discard"


def test_only_unknown_methods_offered_end_in_failure(host: Host) -> None:
    session = Session(host, 4, 99)

    assert session.receive(response(1, 1, b"alice")) == "Result"
    assert session.result().reason == "no EAP method is allowed that this program has"


def test_without_certificates_there_is_no_tls(start: Callable[..., Host]) -> None:
    session = Session(start(), TLS, MSCHAPV2)
    session.receive(response(1, 1, b"alice"))

    assert session.send()[4] == MSCHAPV2


# -- packets that are not the answer --------------------------------------------------------------------------------------------


def right(request: bytes) -> bytes:
    return response(request[1], MSCHAPV2, MsChapV2Peer("alice", USERS["alice"]).answer(request[5:]))


NOT_THE_ANSWER = {
    "nothing": lambda right: b"", "one octet": lambda right: right[:1], "header only": lambda right: right[:4], "truncated": lambda right: right[:-1],
    "beyond the limit": lambda right: right + bytes(5000), "a request": lambda right: b"\1" + right[1:], "success": lambda right: b"\3" + right[1:2] + b"\0\4",
    "failure": lambda right: b"\4" + right[1:2] + b"\0\4", "code 9": lambda right: b"\x09" + right[1:], "length 0": lambda right: right[:2] + b"\0\0" + right[4:],
    "length 4": lambda right: right[:2] + b"\0\4" + right[4:], "length beyond": lambda right: right[:2] + b"\xff\xff" + right[4:],
    "an old identifier": lambda right: right[:1] + bytes([(right[1] - 1) % 256]) + right[2:], "a future one": lambda right: right[:1] + bytes([(right[1] + 1) % 256]) + right[2:],
    "another type": lambda right: right[:4] + bytes([PEAP]) + right[5:], "identity again": lambda right: response(right[1], 1, b"bob"),
    "notification": lambda right: response(right[1], 2, b""), "expanded": lambda right: response(right[1], 254, bytes(7)),
}


@pytest.mark.parametrize("spoil", NOT_THE_ANSWER.values(), ids=NOT_THE_ANSWER)
def test_what_is_not_the_answer_changes_nothing(host: Host, spoil: Callable[[bytes], bytes]) -> None:
    session, request = begun(host, MSCHAPV2)

    assert session.receive(spoil(right(request))) == "Discard"
    assert session.send() == request
    assert session.receive(right(request)) == "Send"
    session.end()


def test_padding_behind_the_packet_is_ignored(host: Host) -> None:
    session, request = begun(host, MSCHAPV2)

    assert session.receive(right(request) + bytes(9)) == "Send"


def test_a_request_is_the_same_however_often_it_is_sent(host: Host) -> None:
    session, request = begun(host, MSCHAPV2)

    assert {session.send() for _ in range(5)} == {request}


def test_a_replay_is_known_and_changes_nothing(host: Host) -> None:
    session, request = begun(host, MSCHAPV2)
    answer = right(request)
    assert not session.is_replay(answer)
    assert session.receive(answer) == "Send"
    told = session.send()

    assert session.is_replay(answer)
    assert session.is_replay(answer + b"padding")
    assert not session.is_replay(answer[:-1])
    assert not session.is_replay(b"")
    assert not session.is_replay(response(told[1], MSCHAPV2, b"\x03"))
    assert session.receive(answer) == "Discard"
    assert session.send() == told
    assert session.receive(response(told[1], MSCHAPV2, b"\x03")) == "Result"


def test_after_the_end_nothing_is_taken(host: Host) -> None:
    session, request = begun(host, MSCHAPV2)
    session.receive(right(request))
    session.receive(response(session.send()[1], MSCHAPV2, b"\x03"))
    first = session.result()

    assert session.receive(right(request)) == "Discard"
    assert session.receive(response(0, 1, b"x")) == "Discard"
    assert session.result() == first
    assert first.success
    with pytest.raises(Misuse, match="its state is Finished"):
        session.send()


def test_the_caller_may_refuse_after_success_and_that_stays(host: Host) -> None:
    session, request = begun(host, MSCHAPV2)
    session.receive(right(request))
    session.receive(response(session.send()[1], MSCHAPV2, b"\x03"))

    assert session.final(success=False)[0] == 4
    assert not session.result().success
    assert session.attributes() == []
    with pytest.raises(Misuse):
        session.final(success=True)


def test_there_is_no_success_before_the_end(host: Host) -> None:
    session, request = begun(host, MSCHAPV2)
    with pytest.raises(Misuse, match="GetFinalPacket: the session must have succeeded"):
        session.final(success=True)
    session.receive(response(request[1], MSCHAPV2, MsChapV2Peer("alice", "wrong").answer(request[5:])))
    session.receive(response(session.send()[1], MSCHAPV2, b"\x04"))

    with pytest.raises(Misuse):
        session.final(success=True)
    assert session.result().attributes == []


# -- many at once -------------------------------------------------------------------------------------------------------------


def test_conversations_do_not_disturb_each_other(host: Host) -> None:
    sessions = [begun(host, MSCHAPV2) for _ in range(10)]
    peers = [MsChapV2Peer("alice", USERS["alice"] if turn % 2 else "wrong") for turn in range(10)]
    for (session, request), peer in zip(sessions, peers, strict=True):
        assert session.receive(response(request[1], MSCHAPV2, peer.answer(request[5:]))) == "Send"
    for (session, _), peer in zip(sessions, peers, strict=True):
        told = session.send()
        assert session.receive(response(told[1], MSCHAPV2, peer.answer(told[5:]))) == "Result"

    assert [session.result().success for session, _ in sessions] == [False, True] * 5
    assert len({session.number for session, _ in sessions}) == 10


def test_an_answer_to_another_conversations_challenge_is_no_answer(host: Host) -> None:
    """Interleaved: right password, right identifier, another challenge."""
    (one, request), (_, theirs) = begun(host, MSCHAPV2), begun(host, MSCHAPV2)
    stolen = b"\x02" + request[6:7] + right(theirs)[7:]

    assert one.receive(response(request[1], MSCHAPV2, stolen)) == "Send"
    assert one.send()[5] == 4, "expected Failure"


@pytest.mark.parametrize("verb", ["IsReplay {} 00", "ReceivePacket {} 00", "SendPacket {}", "GetAttributes {}", "SetAttributes {} -", "SetAuthenticateResult {} 0 -",
                                  "GetResult {}", "GetFinalPacket {} 0", "EndSession {}", "UpdateInnerMethodParams {} - -"])
def test_an_unknown_session_is_told(host: Host, verb: str) -> None:
    session = Session(host, MSCHAPV2)
    session.end()

    for number in (0, session.number, 4294967295):
        assert host.raw(verb.format(number)) == f"error state there is no session {number}"


def test_numbers_are_not_used_again(host: Host) -> None:
    numbers = []
    for _ in range(5):
        session = Session(host, MSCHAPV2)
        numbers.append(session.number)
        session.end()

    assert numbers == sorted(set(numbers))


def test_past_the_limit_no_conversation_begins_until_one_ends(start: Callable[..., Host]) -> None:
    host = start()
    sessions = [Session(host, MSCHAPV2) for _ in range(256)]
    with pytest.raises(Misuse, match="too many conversations are going on"):
        Session(host, MSCHAPV2)

    sessions[7].end()
    assert Session(host, MSCHAPV2).send()


def test_who_stays_away_is_forgotten(start: Callable[..., Host]) -> None:
    host = start("idle-milliseconds=0")
    session = Session(host, MSCHAPV2)

    with pytest.raises(Misuse, match=f"there is no session {session.number}"):
        session.send()
    assert host.is_alive
