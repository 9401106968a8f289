"""The EAP peers of our own IKEv2 initiator (lab/ike/eap) against the replacement for eapahost.dll: two programs that share no line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from eaphost_papers import Papers
from eaphost_process import MSCHAPV2, PEAP, TLS, Ended, Host, Session, converse

from lab.ike.eap.mschapv2 import MsChapV2
from lab.ike.eap.peap import Peap
from lab.ike.eap.peer import EapMethod, MethodPeer
from lab.ike.eap.tls import EapTls, Trust
from lab.ike.errors import Refused
from lab.pki import Authority
from lab.pki.authority import SERVER_USAGES

Make = Callable[[Papers, str], EapMethod]


@dataclass
class Driven:
    """A peer as `converse` takes one."""

    peer: MethodPeer
    said: list[bytes] = field(default_factory=list)

    def answer(self, request: bytes) -> bytes:
        answer = self.peer.receive(request)
        assert answer is not None
        assert self.peer.receive(request) == answer, "a repeated request gets the same answer"
        self.said.append(answer)
        return answer


def trust(papers: Papers, *, certificate: bool = False) -> Trust:
    roots = papers.authority.certificate_pem
    return Trust(roots=roots, certificate=papers.alice.certificate_pem, key=papers.alice.private_key_pem) if certificate else Trust(roots=roots)


METHODS: dict[int, Make] = {
    MSCHAPV2: lambda _, password: MsChapV2("alice", password),
    TLS: lambda papers, _: EapTls(trust(papers, certificate=True)),
    PEAP: lambda papers, password: Peap(trust(papers), "alice", MsChapV2("alice", password)),
}


def authenticate(host: Host, kind: int, method: EapMethod, length: int = 1400) -> tuple[MethodPeer, Ended]:
    peer = MethodPeer("alice@example.test" if kind == TLS else "alice", method)
    return peer, converse(Session(host, kind, length=length), Driven(peer))


@pytest.mark.parametrize("length", [1400, 300])
@pytest.mark.parametrize("kind", METHODS)
def test_both_ends_have_the_same_key(host: Host, papers: Papers, kind: int, length: int) -> None:
    peer, ended = authenticate(host, kind, METHODS[kind](papers, "Pa$$w0rd"), length)

    assert ended.result.success, ended.result.reason
    assert peer.receive(ended.final) is None
    assert peer.msk == ended.result.msk
    assert len(peer.msk) == 64


@pytest.mark.parametrize("kind", [MSCHAPV2, PEAP])
def test_a_wrong_password_is_refused_by_the_server_with_its_words(host: Host, papers: Papers, kind: int) -> None:
    peer, ended = authenticate(host, kind, METHODS[kind](papers, "wrong"))

    assert not ended.result.success
    with pytest.raises(Refused, match="E=691") as refusal:
        peer.receive(ended.final)
    assert refusal.value.by == "server"


@pytest.mark.parametrize("kind", [TLS, PEAP])
def test_a_server_of_another_root_is_refused_by_the_client_and_has_no_key(host: Host, papers: Papers, kind: int) -> None:
    stranger = Trust(roots=Authority("Other root").certificate_pem)
    method: EapMethod = EapTls(stranger) if kind == TLS else Peap(stranger, "alice", MsChapV2("alice", "Pa$$w0rd"))
    peer, ended = authenticate(host, kind, method)

    assert not ended.result.success
    with pytest.raises(Refused, match="CERTIFICATE_VERIFY_FAILED") as refusal:
        _ = peer.msk
    assert refusal.value.by == "client"


@pytest.mark.parametrize(("usages", "until", "refused"), [
    ([ExtendedKeyUsageOID.CLIENT_AUTH], None, True), ([], None, False), (SERVER_USAGES, -1, True), (SERVER_USAGES, None, False),
], ids=["clientAuth alone", "no usages", "expired", "another name"])
def test_the_certificate_inside_tls_must_be_a_servers_if_it_names_usages_and_may_have_any_name(
    start: Callable[..., Host], papers: Papers, usages: list[x509.ObjectIdentifier], until: int | None, *, refused: bool
) -> None:
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=until) if until is not None else None
    shown = papers.authority.issue("radius.example.test", usages=usages, key=papers.server.key, until=end)
    certificate, key = papers.write("inner", shown)
    peer, ended = authenticate(start(f"certificate={certificate}", f"key={key}", f"roots={papers.roots}"), TLS, EapTls(trust(papers, certificate=True)))

    assert ended.result.success is not refused
    if refused:
        with pytest.raises(Refused, match="CERTIFICATE_VERIFY_FAILED") as refusal:
            _ = peer.msk
        assert refusal.value.by == "client"


def test_without_a_certificate_eap_tls_is_refused_by_the_server(host: Host, papers: Papers) -> None:
    peer, ended = authenticate(host, TLS, EapTls(trust(papers)))

    assert not ended.result.success
    with pytest.raises(Refused, match="TLS: handshake failure") as refusal:
        peer.receive(ended.final)
    assert refusal.value.by == "server"


@pytest.mark.parametrize(("kind", "other"), [(MSCHAPV2, TLS), (TLS, PEAP), (PEAP, MSCHAPV2)])
def test_another_method_gets_a_nak_and_ours(host: Host, papers: Papers, kind: int, other: int) -> None:
    peer = Driven(MethodPeer("alice@example.test", METHODS[kind](papers, "Pa$$w0rd")))
    ended = converse(Session(host, other), peer)

    assert not ended.result.success
    assert peer.said[-1][4:] == bytes([3, kind])
