"""The pane's "Username" and "Certificate" by both engines, against an authenticator that is not ours: strongSwan with its EAP methods, the charon of
another client's host. What each engine then does against the twin is shown by e2e/test_ikev2_eap.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.roles import Client
from fixtures.session import LabSession
from lab.client.connection import Refused
from lab.client.engine import Engine
from lab.client.profile import Certificate, IKEv2, Username
from lab.client.strongswan import PANE_IKE
from lab.evidence.recorder import Recorder
from lab.evidence.residue import difference
from lab.pki import Identity, RunPki
from lab.pki.authority import SERVER_USAGES
from lab.probe.probe import Probe
from lab.secrets import Secret

POOL = "10.99.0.0/28"
ALICE, ACCENTED = "alice", "Zoë"
PASSWORD, ACCENTED_PASSWORD = Secret("Pa55 w0rd"), Secret("pässwörd")
BOTH = pytest.mark.parametrize("engine", list(Engine))


class Authenticator:
    """A charon that serves EAP."""

    def __init__(self, probe: Probe, address: str, pki: RunPki) -> None:
        self.probe, self.address, self.pki = probe, address, pki

    def serve(self, method: str, *, certificate: Identity | None = None) -> None:
        """Serve with one method, by another certificate than the right one."""
        self.forget()
        shown = certificate or self.pki.server
        self.probe.vici("load_cert", {"type": "X509", "flag": "CA", "data": self.pki.authority.certificate_pem})
        self.probe.vici("load_cert", {"type": "X509", "flag": "NONE", "data": shown.certificate_pem})
        self.probe.vici("load_key", {"type": "any", "data": shown.private_key_pem})
        for name in (ALICE, ACCENTED):
            self.probe.vici("load_shared", {"type": "EAP", "data": PASSWORD.reveal(), "owners": [f"fqdn:{name}" if name.isascii() else f"fqdn:#{name.encode().hex()}"]})
        self.probe.vici("load_pool", {"inner": {"addrs": POOL}})
        self.probe.vici("load_conn", {"eap": {
            "version": "2", "proposals": list(PANE_IKE), "pools": ["inner"], "send_cert": "always", "send_certreq": "no",
            "local": {"auth": "pubkey", "id": "%any", "certs": [shown.certificate_pem]}, "remote": {"auth": method, "eap_id": "%any"},
            "children": {"net": {"local_ts": ["0.0.0.0/0"], "esp_proposals": ["aes128-sha1"]}},
        }})

    def forget(self) -> None:
        self.probe.vici_control("terminate", {"ike": "eap", "force": "yes", "timeout": "1000"})
        for command, message in (("unload_conn", {"name": "eap"}), ("unload_pool", {"name": "inner"})):
            loaded = self.probe.vici("get_conns" if "conn" in command else "get_pools")
            if message["name"] in str(loaded):
                self.probe.vici(command, message)
        self.probe.vici("clear_creds")


@pytest.fixture
def authenticator(session: LabSession) -> Iterator[Authenticator]:
    made = Authenticator(session.probe("client2"), str(session.topology.host("client2").address("wan")), session.pki)
    made.probe.add_route(POOL, interface="wan")
    yield made
    made.forget()
    made.probe.delete_route(POOL, interface="wan")


@pytest.fixture
def mac(session: LabSession) -> Iterator[Client]:
    made = Client(session.topology.host("client"), session.probe("client"), session.pki)
    yield made
    made.close()
    assert difference(made.before, made.probe.facts()) == []


def by_password(to: Authenticator, account: str = ALICE, password: Secret = PASSWORD, *, remote_id: str = "") -> IKEv2:
    return IKEv2(server_address=to.address, remote_id=remote_id or to.pki.server_name, authentication=Username(account=account, password=password))


def by_certificate(to: Authenticator, certificate: Identity) -> IKEv2:
    return IKEv2(server_address=to.address, remote_id=to.pki.server_name, authentication=Certificate(certificate=certificate))


@pytest.mark.parametrize(("account", "engine"), [
    (ALICE, Engine.CHARON), (ALICE, Engine.OWN), (ACCENTED, Engine.OWN)], ids=["charon", "own", "beyond ASCII"])
def test_a_user_name_connects_and_carries_traffic(mac: Client, authenticator: Authenticator, account: str, engine: Engine) -> None:
    authenticator.serve("eap-mschapv2")
    with mac.connect(by_password(authenticator, account), engine=engine) as tunnel:
        assert tunnel.user == account
        assert mac.probe.ping(authenticator.address, source=str(tunnel.inner_address)) is not None
        (child,) = tunnel.sa().children
        assert (child.mode, child.suite, child.bytes_in > 0, child.bytes_out > 0) == ("TUNNEL", "AES_CBC-128/HMAC_SHA1_96", True, True)


@BOTH
def test_a_certificate_connects_and_carries_traffic(mac: Client, authenticator: Authenticator, engine: Engine) -> None:
    authenticator.serve("eap-tls")
    with mac.connect(by_certificate(authenticator, authenticator.pki.client), engine=engine) as tunnel:
        assert tunnel.user == "mac.example.test"
        assert mac.probe.ping(authenticator.address, source=str(tunnel.inner_address)) is not None


@BOTH
@pytest.mark.parametrize(("account", "password"), [(ALICE, Secret("wrong")), ("bob", PASSWORD)], ids=["password", "user"])
def test_a_wrong_password_is_refused_by_the_server_with_its_error(
    mac: Client, authenticator: Authenticator, account: str, password: Secret, engine: Engine
) -> None:
    authenticator.serve("eap-mschapv2")
    with pytest.raises(Refused, match="EAP failure") as refusal:
        mac.connect(by_password(authenticator, account, password), engine=engine)
    assert refusal.value.by == "server"
    assert "RAS error 691" in refusal.value.reason


@BOTH
@pytest.mark.parametrize("which", ["client_of_other_authority", "client_expired"])
def test_a_wrong_certificate_is_refused_by_the_server(mac: Client, authenticator: Authenticator, which: str, engine: Engine) -> None:
    authenticator.serve("eap-tls")
    with pytest.raises(Refused) as refusal:
        mac.connect(by_certificate(authenticator, getattr(authenticator.pki, which)), engine=engine)
    assert refusal.value.by == "server"


@BOTH
def test_another_method_is_answered_with_a_nak_and_refused_by_the_server_that_has_no_other(
    mac: Client, authenticator: Authenticator, engine: Engine
) -> None:
    authenticator.serve("eap-tls")
    with pytest.raises(Refused) as refusal:
        mac.connect(by_password(authenticator), engine=engine)
    assert refusal.value.by == "server"


@pytest.fixture
def recorder(session: LabSession, mac: Client, tmp_path: Path) -> Iterator[Recorder]:
    made = session.recorder(tmp_path)
    made.follow_client("client", mac.probe)
    yield made
    made.close()


def must_be_refused_before_eap(mac: Client, to: Authenticator, recorder: Recorder, engine: Engine) -> Refused:
    """Return the client's refusal; none of its requests so far has EAP."""
    with pytest.raises(Refused) as refusal:
        mac.connect(by_password(to), engine=engine)
    assert refusal.value.by == "client"
    sent = [message.payloads for message in recorder.wire().requests("IKE_AUTH")]
    assert sent
    assert not any("EAP" in payloads for payloads in sent)
    return refusal.value


@BOTH
@pytest.mark.parametrize("which", ["server_other_name", "server_of_other_authority", "server_expired"])
def test_no_packet_of_eap_leaves_for_a_server_that_a_mac_does_not_trust(
    mac: Client, authenticator: Authenticator, recorder: Recorder, which: str, engine: Engine
) -> None:
    authenticator.serve("eap-mschapv2", certificate=getattr(authenticator.pki, which))
    must_be_refused_before_eap(mac, authenticator, recorder, engine)


@BOTH
def test_nor_for_one_whose_cn_is_right_and_whose_dns_name_is_another(
    mac: Client, authenticator: Authenticator, recorder: Recorder, engine: Engine
) -> None:
    pki = authenticator.pki
    both = pki.authority.issue(pki.server_name, usages=SERVER_USAGES, names=[x509.DNSName("other.example.test")], key=pki.server.key)
    authenticator.serve("eap-mschapv2", certificate=both)
    must_be_refused_before_eap(mac, authenticator, recorder, engine)


def test_a_cn_without_a_dns_name_is_taken_by_our_own_and_by_charon_refused_with_a_hint(
    mac: Client, authenticator: Authenticator, recorder: Recorder
) -> None:
    authenticator.serve("eap-mschapv2", certificate=authenticator.pki.server_common_name_only)
    refusal = must_be_refused_before_eap(mac, authenticator, recorder, Engine.CHARON)
    assert "Engine.OWN" in refusal.hint
    with mac.connect(by_password(authenticator), engine=Engine.OWN) as tunnel:
        assert mac.probe.ping(authenticator.address, source=str(tunnel.inner_address)) is not None


def test_our_own_judges_usages_too_before_eap(mac: Client, authenticator: Authenticator) -> None:
    authenticator.serve("eap-mschapv2", certificate=authenticator.pki.server_without_server_auth)
    with pytest.raises(Refused, match="ExtendedKeyUsage") as refusal:
        mac.connect(by_password(authenticator), engine=Engine.OWN)
    assert refusal.value.by == "client"
