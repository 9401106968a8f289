"""Whatever a peer sends: the host goes on answering, never lets anybody in who has not proved it, and keeps its sessions apart."""

from __future__ import annotations

import pytest
from eap_peer import EapPeer, MsChapV2Peer, response
from eap_tls_peer import TlsPeer
from eaphost_papers import USERS, Papers
from eaphost_process import MSCHAPV2, NAK, PEAP, TLS, Host, Session, converse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FREELY = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
TYPES = st.sampled_from([1, 2, NAK, TLS, PEAP, MSCHAPV2, 33, 254])
DATA = st.one_of(st.binary(max_size=80), st.binary(max_size=4).map(lambda head: head + bytes(60)), st.sampled_from([b"\3", b"\4", b"\0", b"\x1a", b"\x0d", b"\x19"]))


@st.composite
def spoilt(draw: st.DrawFn, octets: bytes) -> bytes:
    """Return octets with some changed, cut off or put behind."""
    changed = bytearray(octets)
    for position in draw(st.lists(st.integers(0, max(0, len(octets) - 1)), max_size=4)):
        changed[position:position + 1] = draw(st.binary(max_size=2))
    return bytes(changed[:draw(st.integers(0, len(changed)))] if draw(st.booleans()) else changed) + draw(st.binary(max_size=3))


def must_not_be_in(session: Session, action: str) -> None:
    assert action in {"Discard", "Send", "Result"}
    if action == "Result":
        result = session.result()
        assert (result.success, result.attributes) == (False, [])
        assert not result.reason.startswith("unexpected"), result.reason


@FREELY
@given(packets=st.lists(st.one_of(st.binary(max_size=100), st.tuples(TYPES, DATA)), max_size=12), method=st.sampled_from([TLS, PEAP, MSCHAPV2]))
def test_packets_of_anything(host: Host, packets: list[bytes | tuple[int, bytes]], method: int) -> None:
    session, finished = Session(host, method, TLS, PEAP, MSCHAPV2), False
    for packet in [(1, b"x"), *packets]:
        identifier = 0 if finished else session.send()[1]
        action = session.receive(packet if isinstance(packet, bytes) else response(identifier, *packet))
        assert not (finished and action != "Discard")
        finished |= action == "Result"
        must_not_be_in(session, action)
    session.end()


@FREELY
@given(data=st.data())
def test_a_spoilt_answer_of_a_peer_without_the_password(host: Host, data: st.DataObject) -> None:
    session, peer = Session(host, MSCHAPV2), EapPeer("x", {MSCHAPV2: MsChapV2Peer("alice", "wrong")})
    action = "Send"
    for _ in range(6):
        if action == "Result":
            break
        answer = peer.answer(session.send())
        action = session.receive(data.draw(spoilt(answer)))
        must_not_be_in(session, action)
    session.end()


@pytest.mark.parametrize("method", [TLS, PEAP])
@FREELY
@given(data=st.data())
def test_a_spoilt_flight_of_tls(host: Host, papers: Papers, tmp_path, method: int, data: st.DataObject) -> None:
    """Everything right but for one answer, in one place of it: TLS notices, or the framing does."""
    right = TlsPeer(papers.roots, tmp_path / "keys", certificate=(papers.folder / "alice.pem", papers.folder / "alice.key"), fragment=600,
                    inner=MsChapV2Peer("alice", "wrong"), inner_identity="alice")
    session, peer, turn = Session(host, method), EapPeer("x", {method: right}), data.draw(st.integers(2, 4))
    for number in range(8):
        answer = peer.answer(session.send())
        if number == turn and len(answer) > 20:
            position = data.draw(st.integers(16, len(answer) - 1))
            answer = answer[:position] + bytes([answer[position] ^ data.draw(st.integers(1, 255))]) + answer[position + 1:]
            must_not_be_in(session, session.receive(answer))
            break
        if session.receive(answer) != "Send":
            break
    session.end()
    assert host.is_alive


@FREELY
@given(line=st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(["BeginSession", "SendPacket", "26", "1400", "-", "1", "00", "1:00", "ReceivePacket", "", "\xff"]),
                                                        max_size=7).map(lambda words: " ".join(words).encode())))
def test_lines_of_anything(deferring: Host, line: bytes) -> None:
    for part in line.split(b"\n"):
        deferring.write(part + b"\n")
        assert deferring.line().split(" ")[0] in {"ok", "error"}


def test_it_still_lets_in_who_has_the_password(host: Host) -> None:
    """Last in this file: after all that."""
    assert converse(Session(host, MSCHAPV2), EapPeer("", {MSCHAPV2: MsChapV2Peer("alice", USERS["alice"])})).result.success
