"""FreeRADIUS as authenticator of the EAP peers of our own IKEv2 initiator (lab/ike/eap): neither was written with the other in mind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from eaphost_papers import USERS, Papers
from eaphost_process import MSCHAPV2, PEAP, TLS
from freeradius_server import RadiusEnd, freeradius
from radius_client import carry

from lab.ike.eap import tls
from lab.ike.eap.mschapv2 import MsChapV2
from lab.ike.eap.peap import Peap
from lab.ike.eap.peer import EapMethod, MethodPeer
from lab.ike.eap.tls import EapTls, Trust
from lab.pki import Authority, Identity
from lab.pki.authority import CLIENT_USAGES

MD5 = 4
AROUND_TLS = 10
"""Octets that FreeRADIUS puts around a fragment of Framed-MTU: EAP's header, type, flags, length."""


@pytest.fixture(scope="module")
def server(papers: Papers) -> Iterator[RadiusEnd]:
    with freeradius(papers) as end:
        yield end


def trust(papers: Papers, *, root: Authority | None = None, shown: Identity | None = None) -> Trust:
    roots = (root or papers.authority).certificate_pem
    return Trust(roots=roots, certificate=shown.certificate_pem, key=shown.private_key_pem) if shown else Trust(roots=roots)


def method(kind: int, papers: Papers, *, user: str = "alice", password: str = "", root: Authority | None = None, shown: Identity | None = None) -> EapMethod:
    if kind == TLS:
        return EapTls(trust(papers, root=root, shown=shown or papers.alice))
    inner = MsChapV2(user, password or USERS[user])
    return inner if kind == MSCHAPV2 else Peap(trust(papers, root=root), user, inner)


METHODS = pytest.mark.parametrize("kind", [MSCHAPV2, TLS, PEAP], ids=["mschapv2", "tls", "peap"])
WITH_PASSWORD = pytest.mark.parametrize("kind", [MSCHAPV2, PEAP], ids=["mschapv2", "peap"])
WITH_TLS = pytest.mark.parametrize("kind", [TLS, PEAP], ids=["tls", "peap"])


@METHODS
def test_it_accepts_us_and_has_our_key(server: RadiusEnd, papers: Papers, kind: int) -> None:
    peer = MethodPeer("alice", method(kind, papers))
    ended = carry(server, peer, "alice")

    assert (ended.accepted, ended.refusal) == (True, None)
    assert ended.requests[0][4] == MD5, "it wished another method first"
    assert ended.requests[1][4] == kind
    assert peer.msk == ended.msk
    assert len(set(peer.msk[:32])) > 8, "a key, not zeros"


@WITH_TLS
@pytest.mark.parametrize(("theirs", "ours"), [(500, 1000), (1400, 300), (300, 120)])
def test_fragments_of_any_size_make_the_same_key(server: RadiusEnd, papers: Papers, monkeypatch: pytest.MonkeyPatch, kind: int, theirs: int, ours: int) -> None:
    """Ours not so small that what we say inside PEAP goes in two: FreeRADIUS 3.2 loses its inner conversation then, whose identifiers it takes from outside."""
    monkeypatch.setattr(tls, "PIECE", ours)
    peer = MethodPeer("alice", method(kind, papers))
    ended = carry(server, peer, "alice", mtu=theirs)

    assert ended.accepted
    assert peer.msk == ended.msk
    assert max(map(len, ended.requests)) <= theirs + AROUND_TLS


@WITH_PASSWORD
def test_name_and_password_of_any_letters_mean_the_same_to_both(server: RadiusEnd, papers: Papers, kind: int) -> None:
    user = "m\u00fcller"
    assert not USERS[user].isascii()
    peer = MethodPeer(user, method(kind, papers, user=user))
    ended = carry(server, peer, user)

    assert (ended.accepted, peer.msk) == (True, ended.msk)


def test_peap_keeps_the_name_inside(server: RadiusEnd, papers: Papers) -> None:
    peer = MethodPeer("anonymous", method(PEAP, papers))
    ended = carry(server, peer, "anonymous")

    assert (ended.accepted, peer.msk) == (True, ended.msk)


@WITH_PASSWORD
def test_a_wrong_password_is_refused_with_a_code_that_we_read(server: RadiusEnd, papers: Papers, kind: int) -> None:
    ended = carry(server, MethodPeer("alice", method(kind, papers, password="wrong")), "alice")

    assert not ended.accepted
    assert ended.refusal
    assert (ended.refusal.by, "E=691" in str(ended.refusal)) == ("server", True)


@WITH_TLS
def test_we_refuse_a_server_of_another_root(server: RadiusEnd, papers: Papers, kind: int) -> None:
    ended = carry(server, MethodPeer("alice", method(kind, papers, root=Authority("Other root"))), "alice")

    assert not ended.accepted
    assert ended.refusal
    assert (ended.refusal.by, "CERTIFICATE_VERIFY_FAILED" in str(ended.refusal)) == ("client", True)


CERTIFICATES: dict[str, Callable[[Papers], Identity]] = {
    "of another root": lambda _: Authority("Other root").issue("alice", usages=CLIENT_USAGES),
    "expired": lambda papers: papers.authority.issue("alice", usages=CLIENT_USAGES, until=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)),
}


@pytest.mark.parametrize("certificate", CERTIFICATES)
def test_a_certificate_that_is_not_right_is_refused(server: RadiusEnd, papers: Papers, certificate: str) -> None:
    """By EAP-Failure alone: FreeRADIUS sends no alert."""
    ended = carry(server, MethodPeer("alice", method(TLS, papers, shown=CERTIFICATES[certificate](papers))), "alice")

    assert not ended.accepted
    assert ended.refusal
    assert (ended.refusal.by, str(ended.refusal)) == ("server", "EAP failure")
