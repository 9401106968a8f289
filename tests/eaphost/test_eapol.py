"""The EAP host behind the twin's RADIUS front, as charon hands EAP to it, examined by wpa_supplicant's peer: neither was written with the other in mind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from eaphost_papers import USERS, Papers
from eaphost_process import MSCHAPV2, PEAP, TLS
from eapol import Network, Said, eapol_test
from test_eap_policy_front import ALICE, Server

from lab.pki import Authority, Identity
from lab.pki.authority import CLIENT_USAGES
from lab.twin.rras.eap import conversations
from lab.twin.rras.eap.policy_engine import Reason
from lab.twin.windows.eaphost import EapHost
from lab.twin.windows.users import Account

KINDS = (MSCHAPV2, TLS, PEAP)
NAMES = {MSCHAPV2: "mschapv2", TLS: "tls", PEAP: "peap"}
each_method = pytest.mark.parametrize("kind", KINDS, ids=NAMES.values())


def network(
    kind: int, papers: Papers, *, user: str = "alice", password: str = USERS["alice"], roots: Path | None = None, shown: tuple[Path, Path] | None = None, fragment: int = 0
) -> Network:
    roots = roots or papers.roots
    if kind == MSCHAPV2:
        return Network("MSCHAPV2", user, password=password)
    if kind == TLS:
        return Network("TLS", "alice@example.test", certificate=shown or (papers.folder / "alice.pem", papers.folder / "alice.key"), roots=roots, fragment=fragment)
    return Network("PEAP", user, password=password, roots=roots, inner="auth=MSCHAPV2", fragment=fragment)


@dataclass
class Asked:
    """A front with the program behind it, and why it refused."""

    program: Path
    papers: Papers
    folder: Path
    accounts: list[Account] = field(default_factory=lambda: [ALICE])
    reasons: list[Reason] = field(default_factory=list)

    def __call__(self, asked: Network, *offered: int, passwords: str = "lsa") -> Said:
        """Authenticate by a network block where these methods are offered, the preferred one first."""
        host = EapHost(program="C:\\eaphost.exe", build=self.program, methods=offered, passwords=passwords, certificate="")
        server = Server(self.folder, host, self.papers, self.accounts)
        opened = server.open()
        try:
            return eapol_test(opened.end, asked, self.folder)
        finally:
            opened.close()
            self.reasons = opened.reasons


@pytest.fixture
def ask(program: Path, papers: Papers, tmp_path: Path) -> Asked:
    return Asked(program, papers, tmp_path)


@pytest.mark.parametrize("passwords", ["lsa", "caller"])
@each_method
def test_it_is_let_in_and_has_the_same_key(ask: Asked, papers: Papers, kind: int, passwords: str) -> None:
    said = ask(network(kind, papers), kind, passwords=passwords)

    assert (said.accepted, said.keys_equal) == (True, True)
    assert (said.methods, ask.reasons) == ([kind], [])


@pytest.mark.parametrize("kind", [TLS, PEAP], ids=["tls", "peap"])
@pytest.mark.parametrize(("theirs", "ours"), [(300, 1020), (1398, 500), (300, 64)])
def test_fragments_of_any_size_make_the_same_key(ask: Asked, papers: Papers, monkeypatch: pytest.MonkeyPatch, kind: int, theirs: int, ours: int) -> None:
    monkeypatch.setattr(conversations, "PACKET", ours)
    said = ask(network(kind, papers, fragment=theirs), kind)

    assert (said.accepted, said.keys_equal) == (True, True)


@pytest.mark.parametrize(("kind", "first"), [(kind, first) for kind in KINDS for first in KINDS if kind != first], ids=lambda kind: NAMES[kind])
def test_its_nak_leads_to_the_method_that_it_has(ask: Asked, papers: Papers, kind: int, first: int) -> None:
    said = ask(network(kind, papers), first, *KINDS)

    assert (said.accepted, said.keys_equal) == (True, True)
    assert said.methods == [first, kind]


@pytest.mark.parametrize(("kind", "only"), [(MSCHAPV2, TLS), (TLS, PEAP), (PEAP, MSCHAPV2)], ids=lambda kind: NAMES[kind])
def test_its_nak_leads_to_nothing_where_its_method_is_not_offered(ask: Asked, papers: Papers, kind: int, only: int) -> None:
    said = ask(network(kind, papers), only)

    assert (said.accepted, said.methods) == (False, [only])
    assert ask.reasons == [Reason.NO_COMMON_EAP_TYPE]


@pytest.mark.parametrize("user", ["WIN10VPN\\alice", "m\u00fcller", "a" * 200])
@pytest.mark.parametrize("kind", [MSCHAPV2, PEAP], ids=["mschapv2", "peap"])
def test_name_and_password_of_any_letters_mean_the_same_to_both(ask: Asked, papers: Papers, kind: int, user: str) -> None:
    ask.accounts = [replace(ALICE, name=user.rpartition("\\")[2], password="gr\u00fcn \u20ac")]
    said = ask(network(kind, papers, user=user, password="gr\u00fcn \u20ac"), kind)

    assert (said.accepted, said.keys_equal) == (True, True)


@pytest.mark.parametrize("kind", [MSCHAPV2, PEAP], ids=["mschapv2", "peap"])
def test_a_wrong_password_is_refused(ask: Asked, papers: Papers, kind: int) -> None:
    said = ask(network(kind, papers, password="wrong"), kind)

    assert not said.accepted
    assert "error 691" in said.text
    assert ask.reasons == [Reason.CREDENTIALS]


STRANGERS: dict[str, Callable[[Papers], Identity]] = {
    "of another root": lambda _: Authority("Other root").issue("alice", usages=CLIENT_USAGES),
    "expired": lambda papers: papers.authority.issue("alice", usages=CLIENT_USAGES, until=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)),
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_certificate_that_is_not_right_is_refused(ask: Asked, papers: Papers, stranger: str) -> None:
    shown = papers.write(f"eapol-{stranger.replace(' ', '-')}", STRANGERS[stranger](papers))
    said = ask(network(TLS, papers, shown=shown), TLS)

    assert (said.accepted, ask.reasons) == (False, [Reason.EAP_ERROR])
    assert "SSL: SSL3 alert: read (remote end reported an error):fatal:" in said.text


@pytest.mark.parametrize("kind", [TLS, PEAP], ids=["tls", "peap"])
def test_it_refuses_a_server_of_another_root(ask: Asked, papers: Papers, tmp_path: Path, kind: int) -> None:
    (tmp_path / "other.pem").write_text(Authority("Other root").certificate_pem)
    said = ask(network(kind, papers, roots=tmp_path / "other.pem"), kind)

    assert (said.accepted, len(ask.reasons)) == (False, 1)
    assert "TLS: Certificate verification failed" in said.text
