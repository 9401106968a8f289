"""EAP-TLS (RFC 5216) and PEAPv0 ([MS-PEAP]): Python's TLS against the host's, fragments of all sizes both ways, the same keys at both ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from eap_peer import EapPeer, MsChapV2Peer, response
from eap_tls_peer import TlsPeer
from eaphost_papers import USERS, Papers
from eaphost_process import PEAP, TLS, Ended, Host, Session, converse
from test_eap_mschapv2 import verdict

from lab.pki import Authority
from lab.pki.authority import CLIENT_USAGES, SERVER_USAGES

MakePeer = Callable[..., TlsPeer]


@pytest.fixture
def peer(papers: Papers, tmp_path: Path) -> MakePeer:
    """Make TLS peers that trust the server."""
    return lambda **options: TlsPeer(options.pop("roots", papers.roots), tmp_path / "keys", **options)


@pytest.fixture
def alice(papers: Papers) -> tuple[Path, Path]:
    return papers.folder / "alice.pem", papers.folder / "alice.key"


def eap_tls(host: Host, tls: TlsPeer, length: int = 1400) -> Ended:
    return converse(Session(host, TLS, length=length), EapPeer("alice@example.test", {TLS: tls}))


def peap(host: Host, tls: TlsPeer, length: int = 1400, decide=None) -> Ended:
    return converse(Session(host, PEAP, length=length), EapPeer("anonymous", {PEAP: tls}), decide)


SIZES = [(1400, 1400), (1400, 300), (500, 1000), (64, 64), (100, 17), (1400, 4000)]


@pytest.mark.parametrize(("ours", "theirs"), SIZES)
def test_a_certificate_lets_in_with_fragments_of_any_size(host: Host, peer: MakePeer, alice: tuple[Path, Path], ours: int, theirs: int) -> None:
    tls = peer(certificate=alice, fragment=theirs)
    ended = eap_tls(host, tls, ours)

    assert ended.result.success, ended.result.reason
    assert (ended.result.user, ended.result.method, ended.result.msk) == ("alice@example.test", TLS, tls.msk)
    assert max(map(len, ended.requests)) <= ours
    assert ended.final == bytes([3, ended.requests[-1][1], 0, 4])


def test_the_length_may_be_left_out_of_whole_messages(host: Host, peer: MakePeer, alice: tuple[Path, Path]) -> None:
    assert eap_tls(host, peer(certificate=alice, fragment=4000, gives_length=False)).result.success


@pytest.mark.parametrize("length", [0, 1, 10, 63, 4294967295])
def test_a_senseless_packet_length_is_made_sensible(host: Host, peer: MakePeer, alice: tuple[Path, Path], length: int) -> None:
    ended = eap_tls(host, peer(certificate=alice), length)

    assert ended.result.success
    assert max(map(len, ended.requests)) <= (64 if length < 64 else 1400)


def test_who_shows_no_certificate_is_refused(host: Host, peer: MakePeer) -> None:
    ended = eap_tls(host, peer())

    assert (ended.result.success, ended.result.failure) == (False, 691)
    assert "peer did not return a certificate" in ended.result.reason


def refused(host: Host, papers: Papers, peer: MakePeer, name: str, **changed: object) -> Ended:
    authority = changed.pop("authority", papers.authority)
    assert isinstance(authority, Authority)
    identity = authority.issue("alice", **({"usages": CLIENT_USAGES, "names": []} | changed))  # type: ignore[arg-type]
    tls = peer(certificate=papers.write(name, identity))
    ended = eap_tls(host, tls)
    assert "alert" in tls.refusal, "expected the reason as an alert"
    return ended


@pytest.mark.parametrize(("name", "changed", "reason"), [
    ("stranger", {"authority": Authority("Other root")}, "certificate verify failed"),
    ("expired", {"until": dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)}, "certificate verify failed"),
    ("server-only", {"usages": SERVER_USAGES[:1]}, "certificate verify failed"),
])
def test_a_certificate_that_is_not_right_is_refused_with_an_alert(host: Host, papers: Papers, peer: MakePeer, name: str, changed: dict[str, object], reason: str) -> None:
    ended = refused(host, papers, peer, name, **changed)

    assert not ended.result.success
    assert reason in ended.result.reason
    assert ended.result.attributes == []
    assert ended.final[0] == 4


@pytest.mark.parametrize("method", [TLS, PEAP])
def test_a_peer_that_does_not_trust_the_server_is_refused(host: Host, papers: Papers, peer: MakePeer, tmp_path: Path, alice: tuple[Path, Path], method: int) -> None:
    (tmp_path / "other.pem").write_text(Authority("Other root").certificate_pem)
    tls = peer(roots=tmp_path / "other.pem", certificate=alice, inner=MsChapV2Peer("alice", USERS["alice"]))
    ended = (eap_tls if method == TLS else peap)(host, tls)

    assert not ended.result.success
    assert "unknown ca" in ended.result.reason


@pytest.mark.parametrize(("early", "reason"), [("data", "the peer sends data before it was asked for any"), ("close_notify", "TLS failed")])
@pytest.mark.parametrize("method", [TLS, PEAP])
def test_who_does_not_wait_for_the_end_is_refused(host: Host, peer: MakePeer, alice: tuple[Path, Path], method: int, early: str, reason: str) -> None:
    tls = peer(certificate=alice, early=early, inner=MsChapV2Peer("alice", USERS["alice"]))
    ended = (eap_tls if method == TLS else peap)(host, tls)

    assert (ended.result.success, ended.result.attributes) == (False, [])
    assert reason in ended.result.reason


# -- PEAP ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ours", "theirs"), SIZES)
def test_a_password_lets_in_through_peap(host: Host, peer: MakePeer, ours: int, theirs: int) -> None:
    inner = MsChapV2Peer("LAB\\alice", USERS["alice"])
    tls = peer(inner=inner, inner_identity="LAB\\alice", fragment=theirs)
    ended = peap(host, tls, ours)

    assert ended.result.success, ended.result.reason
    assert (ended.result.user, ended.result.method, ended.result.msk) == ("LAB\\alice", PEAP, tls.msk)
    assert tls.results == [1]
    assert max(map(len, ended.requests)) <= ours
    assert inner.told[-1][0] == 3


def test_a_wrong_password_is_refused_inside_peap(host: Host, peer: MakePeer) -> None:
    tls = peer(inner=MsChapV2Peer("alice", "wrong"), inner_identity="alice")
    ended = peap(host, tls)

    assert (ended.result.success, ended.result.failure, ended.result.attributes) == (False, 691, [])
    assert tls.results == [2]


def test_a_peer_that_was_told_failure_cannot_claim_success(host: Host, peer: MakePeer) -> None:
    tls = peer(inner=MsChapV2Peer("alice", "wrong"), inner_identity="alice", claims_success=True)
    ended = peap(host, tls)

    assert (ended.result.success, ended.result.attributes, tls.results) == (False, [], [2])


@pytest.mark.parametrize("behaviour", ["refuses_inner", "disagrees"])
def test_a_peer_that_refuses_inside_is_not_let_in(host: Host, peer: MakePeer, behaviour: str) -> None:
    ended = peap(host, peer(inner=MsChapV2Peer("alice", USERS["alice"]), inner_identity="alice", **{behaviour: True}))

    assert not ended.result.success


def test_the_caller_decides_inside_peap_too(deferring: Host, peer: MakePeer) -> None:
    def through(status: int) -> Ended:
        tls = peer(inner=MsChapV2Peer("alice", "anything"), inner_identity="alice")
        return peap(deferring, tls, decide=lambda asked: (status, verdict(asked, "anything") if status == 0 else []))

    assert through(0).result.success
    assert through(647).result.failure == 647


# -- framing that no honest peer sends ----------------------------------------------------------------------------------------


@pytest.fixture
def started(host: Host) -> Callable[[int], tuple[Session, bytes]]:
    def one(method: int) -> tuple[Session, bytes]:
        session = Session(host, method)
        session.receive(response(session.send()[1], 1, b"x"))
        return session, session.send()

    return one


@pytest.mark.parametrize("method", [TLS, PEAP])
@pytest.mark.parametrize("data", ["", "20", "20aabb", "60aabb", "80", "80000000", "00"], ids=lambda data: data or "nothing")
def test_a_malformed_frame_is_discarded(started, method: int, data: str) -> None:
    session, request = started(method)

    assert session.receive(response(request[1], method, bytes.fromhex(data))) == "Discard"
    assert session.send() == request
    session.end()


@pytest.mark.parametrize(("frames", "reason"), [
    (["40aa"], "does not tell the length"), (["8000010001" + "aa"], "beyond the limit"), (["80ffffffffaa"], "beyond the limit"),
    (["8000000001aabb"], "longer than their"), (["8000000003aabb"], "shorter than their"), (["c000000003aabbcc" + "dd"], "longer than their"),
    (["c000000004aa", "c000000005bb"], "different lengths"), (["c000000004aa", "40"], "a fragment is empty"), (["c000000004aa", "00bb"], "shorter than their"),
    (["00" + "a5" * 20], "SSL routines"), (["80000000051603010001"], "incomplete"),
])
def test_what_no_peer_sends_ends_in_failure(started, frames: list[str], reason: str) -> None:
    session, request = started(TLS)
    action = "Send"
    for frame in frames:
        request = session.send()
        action = session.receive(response(request[1], TLS, bytes.fromhex(frame)))
    if action == "Send":    # an alert, whose acknowledgement is waited for
        assert session.receive(response(session.send()[1], TLS, b"\0")) == "Result"
    assert reason in session.result().reason
    assert session.final(success=False)[0] == 4
    session.end()


def test_another_version_of_peap_is_refused(started) -> None:
    session, request = started(PEAP)

    assert session.receive(response(request[1], PEAP, b"\x01aa")) == "Result"
    assert "another version" in session.result().reason


def test_fragments_without_end_come_to_one(started) -> None:
    session, request = started(TLS)
    for _ in range(400):
        action = session.receive(response(session.send()[1], TLS, b"\xc0\x00\x01\x00\x00a" if request else b"\x40a"))
        request = b""
        if action == "Result":
            break
    assert session.result().reason == "the conversation has too many rounds"
