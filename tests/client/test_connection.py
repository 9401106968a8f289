"""Connecting, with a charon of ours that answers with log lines of the real one (strongSwan 6.0.1, both ends): which end refused,
what is set and taken back."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lab.client import connection
from lab.client.connection import Mac, Refused, why_refused
from lab.client.profile import IKEv2, NoEAP, NoEAPSharedSecret, Username
from lab.client.routes import classful
from lab.errors import CommandFailed, ControlCheckFailed, ProfileRefused
from lab.pki import RunPki
from lab.probe.probe import Control
from lab.secrets import Secret

NAME = "vpn.example.test"
SHOWN = f'received end entity cert "CN={NAME}"'
SERVERS_WORDS = {
    "AUTHENTICATION_FAILED": ["parsed IKE_AUTH response 1 [ N(AUTH_FAILED) ]", "received AUTHENTICATION_FAILED notify error"],
    "NO_PROPOSAL_CHOSEN": ["parsed IKE_SA_INIT response 0 [ N(NO_PROP) ]", "received NO_PROPOSAL_CHOSEN notify error"],
    "INTERNAL_ADDRESS_FAILURE": [
        "parsed IKE_SA_INIT response 0 [ N(INVAL_KE) ]", "peer didn't accept key exchange method MODP_2048, it requested MODP_1024",
        "received CHILDLESS_IKEV2_SUPPORTED notify", "parsed IKE_AUTH response 1 [ IDr CERT AUTH N(MOBIKE_SUP) N(INT_ADDR_FAIL) ]", SHOWN,
        "received INTERNAL_ADDRESS_FAILURE notify, no CHILD_SA built"],
}
CLIENTS_WORDS = {
    f'no issuer certificate found for "CN={NAME}"': [
        SHOWN, f'  using certificate "CN={NAME}"', f'no issuer certificate found for "CN={NAME}"', '  issuer is "CN=Other root"',
        f"no trusted RSA public key found for 'CN={NAME}'", "generating INFORMATIONAL request 2 [ N(AUTH_FAILED) ]"],
    "subject certificate invalid (valid from Nov 23 02:33:12 2026 to Nov 24 02:33:12 2026)": [
        "received CHILDLESS_IKEV2_SUPPORTED notify", SHOWN, '  using trusted ca certificate "CN=Lab root"',
        "subject certificate invalid (valid from Nov 23 02:33:12 2026 to Nov 24 02:33:12 2026)",
        f"no trusted RSA public key found for 'CN={NAME}'", "generating INFORMATIONAL request 2 [ N(AUTH_FAILED) ]"],
    "no trusted RSA public key found for 'other.example.test'": [
        SHOWN, "no trusted RSA public key found for 'other.example.test'", "generating INFORMATIONAL request 2 [ N(AUTH_FAILED) ]"],
    "the server could not be authenticated": ["generating INFORMATIONAL request 2 [ N(AUTH_FAILED) ]"],
}
NOBODYS_WORDS = {
    "no answer from the server": ["initiating IKE_SA mac[16] to 203.0.113.254", "retransmit 1 of request with message ID 0"],
    "establishing CHILD_SA 'net' failed": ["initiating IKE_SA mac[16] to 203.0.113.254"],
}
FAILED = "establishing CHILD_SA 'net' failed"


# -- whose word it was --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("notify", SERVERS_WORDS)
def test_an_error_notify_is_the_servers_refusal(notify: str) -> None:
    refused = why_refused(Control(error=FAILED, log=tuple(SERVERS_WORDS[notify])))

    assert (refused.by, refused.reason, refused.notify) == ("server", notify, notify)
    assert refused.message == f"the connection was refused by the server: {notify}"
    assert SERVERS_WORDS[notify][-1] in refused.evidence


@pytest.mark.parametrize("reason", CLIENTS_WORDS)
def test_a_certificate_that_does_not_verify_is_the_clients_refusal(reason: str) -> None:
    refused = why_refused(Control(error=FAILED, log=tuple(CLIENTS_WORDS[reason])))

    assert (refused.by, refused.reason, refused.notify) == ("client", reason, "")


@pytest.mark.parametrize("reason", NOBODYS_WORDS)
def test_silence_is_nobodys_refusal(reason: str) -> None:
    refused = why_refused(Control(error=FAILED, log=tuple(NOBODYS_WORDS[reason])))

    assert (refused.by, refused.reason) == ("nobody", reason)
    assert refused.message == f"the connection failed: {reason}"


def test_the_evidence_is_the_end_of_the_log() -> None:
    refused = why_refused(Control(error=FAILED, log=tuple(f"line {number}" for number in range(40))))

    assert refused.evidence.splitlines() == [f"line {number}" for number in range(28, 40)]


# -- a client -----------------------------------------------------------------------------------------------------------


@dataclass
class FakeProbe:
    """A host with charon; tells what it was asked."""

    host: str = "client"
    outcomes: list[Control] = field(default_factory=list)
    """Of initiations, in order."""
    certificates: list[x509.Certificate] = field(default_factory=list)
    sas: list[Mapping[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    connections: list[Mapping[str, Any]] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)
    route_error: bool = False

    def vici(self, command: str, message: Mapping[str, Any] | None = None) -> list[Mapping[str, Any]]:
        self.asked.append(command)
        if command == "load_conn":
            assert message is not None
            self.connections.append(message["mac"])
        if command == "unload_conn" and not self.connections:
            raise CommandFailed("client: vici failed: ViciRefused: unload_conn: not found")
        if command == "list_certs":
            return [{"data": base64.b64encode(one.public_bytes(Encoding.DER)).decode()} for one in self.certificates]
        return self.sas if command == "list_sas" else [{}]

    def vici_control(self, command: str, message: Mapping[str, Any]) -> Control:
        self.asked.append(command)
        return self.outcomes.pop(0) if command == "initiate" else Control(error="", log=())

    def resolve(self, name: str, server: str, *, timeout: float = 1.0) -> list[str] | None:
        self.asked.append(f"resolve {name}")
        return None

    def add_route(self, destination: str, *, interface: str, source: str) -> None:
        if self.route_error:
            raise CommandFailed("client: route failed: NetlinkError: Network is unreachable")
        self.routes.append(f"{destination} dev {interface} src {source}")

    def delete_route(self, destination: str, *, interface: str, source: str) -> None:
        if f"{destination} dev {interface} src {source}" not in self.routes:
            raise CommandFailed("client: route failed: NetlinkError: No such process")
        self.routes.remove(f"{destination} dev {interface} src {source}")


CHILD = {"state": "INSTALLED", "mode": "TUNNEL", "spi-in": "c76ccf77", "spi-out": "c0d1c72f", "encr-alg": "AES_CBC", "encr-keysize": "128",
         "integ-alg": "HMAC_SHA1_96", "local-ts": ["192.168.77.201/32"], "remote-ts": ["0.0.0.0/0"], "bytes-in": "84", "bytes-out": "168"}
SA: Mapping[str, Any] = {"mac": {
    "state": "ESTABLISHED", "local-id": "mac.example.test", "remote-id": NAME, "local-vips": ["192.168.77.201"], "encr-alg": "AES_CBC",
    "encr-keysize": "256", "integ-alg": "HMAC_SHA2_256_128", "prf-alg": "PRF_HMAC_SHA2_256", "dh-group": "MODP_1024",
    "child-sas": {"net-3": CHILD, "net-2": CHILD | {"state": "DELETED"}}}}
UP = Control(error="", log=(SHOWN, f"authentication of '{NAME}' with RSA signature successful"))
END = ["terminate", "unload_conn", "clear_creds", "flush_certs"]


@pytest.fixture(scope="module")
def pki() -> RunPki:
    return RunPki(NAME)


@pytest.fixture
def profile(pki: RunPki) -> Callable[..., IKEv2]:
    return lambda **change: IKEv2(**{"server_address": "203.0.113.10", "remote_id": NAME, "authentication": NoEAP(certificate=pki.client)} | change)


@pytest.fixture
def probe(pki: RunPki) -> FakeProbe:
    return FakeProbe(outcomes=[UP], certificates=[pki.client.certificate, pki.server.certificate], sas=[SA])


def mac(probe: FakeProbe, roots: Sequence[x509.Certificate]) -> Mac:
    return Mac(probe, roots=roots)  # type: ignore[arg-type]


@pytest.fixture
def client(probe: FakeProbe, pki: RunPki) -> Mac:
    return mac(probe, [pki.authority.certificate])


def test_a_connection_comes_up_with_addresses_routes_and_sas(client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2]) -> None:
    tunnel = client.connect(profile())

    assert tunnel.inner_address == IPv4Address("192.168.77.201")
    assert (tunnel.attempts, tunnel.by_common_name) == (1, False)
    assert probe.routes == [f"{destination} dev wan src 192.168.77.201" for destination in ("192.168.77.0/24", "0.0.0.0/1", "128.0.0.0/1")]
    assert tunnel.sa().suite == "AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_1024"
    assert [child.suite for child in tunnel.sa().children] == ["AES_CBC-128/HMAC_SHA1_96"]
    assert tunnel.sa().children[0].bytes_out == 168
    assert probe.connections[0]["remote"]["id"] == NAME


def test_without_all_traffic_only_the_classful_network_leads_into_it(client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2]) -> None:
    client.connect(profile(send_all_traffic=False))

    assert probe.routes == ["192.168.77.0/24 dev wan src 192.168.77.201"]


BY_SECRET = NoEAPSharedSecret(secret=Secret("s3cret"))


def test_a_refused_shared_secret_is_told_what_is_needed_instead(client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2]) -> None:
    refused = Control(error=FAILED, log=tuple(SERVERS_WORDS["AUTHENTICATION_FAILED"]))
    probe.outcomes = [refused, refused]
    with pytest.raises(Refused) as told:
        client.connect(profile(authentication=BY_SECRET))
    assert "IKEv2 needs certificates here" in str(told.value)
    assert "s3cret" not in str(told.value)

    with pytest.raises(Refused) as told:
        client.connect(profile())
    assert told.value.hint == ""


def test_with_a_shared_secret_the_server_shows_no_certificate_to_judge(probe: FakeProbe, profile: Callable[..., IKEv2]) -> None:
    probe.outcomes, probe.certificates = [Control(error="", log=())], []

    assert mac(probe, []).connect(profile(authentication=BY_SECRET)).inner_address == IPv4Address("192.168.77.201")


@pytest.mark.parametrize(("address", "network"), [
    ("10.1.2.3", "10.0.0.0/8"), ("127.255.0.1", "127.0.0.0/8"), ("128.0.0.1", "128.0.0.0/16"), ("172.20.5.1", "172.20.0.0/16"),
    ("191.255.1.1", "191.255.0.0/16"), ("192.0.0.1", "192.0.0.0/24"), ("192.168.77.201", "192.168.77.0/24"),
])
def test_the_classful_network_of_an_address(address: str, network: str) -> None:
    assert str(classful(IPv4Address(address))) == network


def test_a_disconnect_takes_everything_back_once(client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2]) -> None:
    with client.connect(profile()) as tunnel:
        probe.routes.pop()  # one went by itself
        probe.asked.clear()
    assert probe.asked == END
    assert probe.routes == []

    tunnel.disconnect()
    assert probe.routes == []


@pytest.mark.parametrize("change", [{"server_address": ""}, {"remote_id": ""}, {"server_address": NAME}])
def test_a_wrong_profile_is_refused_before_charon_hears_of_it(
    change: dict[str, str], client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2]
) -> None:
    with pytest.raises(ProfileRefused):
        client.connect(profile(**change))
    assert probe.asked == []


def test_a_root_that_is_none_is_refused_before_charon_hears_of_it(probe: FakeProbe, profile: Callable[..., IKEv2], pki: RunPki) -> None:
    client = mac(probe, [pki.authority.certificate, pki.authority_without_basic_constraints.certificate])

    with pytest.raises(ProfileRefused, match=r"'Lab root without BasicConstraints' does not count as a root: .*\[root AnchorTrusted BasicConstraints\]"):
        client.connect(profile())
    assert probe.asked == []


@pytest.mark.parametrize("words", [*SERVERS_WORDS.values(), *NOBODYS_WORDS.values(), CLIENTS_WORDS["no trusted RSA public key found for 'other.example.test'"]])
def test_after_a_refusal_nothing_is_left(words: list[str], client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2]) -> None:
    probe.outcomes = [Control(error=FAILED, log=tuple(words))] * 2

    with pytest.raises(Refused):
        client.connect(profile())

    assert probe.asked[-4:] == END
    assert probe.routes == []


@pytest.mark.parametrize(("which", "failure"), [("server_without_server_auth", "ExtendedKeyUsage"), ("server_expired", "TemporalValidity")])
def test_a_certificate_that_charon_takes_and_macos_does_not_is_refused_by_the_client(
    which: str, failure: str, client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2], pki: RunPki
) -> None:
    probe.certificates = [getattr(pki, which).certificate]

    with pytest.raises(Refused, match=rf"refused by the client: Trust evaluate failure: \[leaf {failure}\]") as refusal:
        client.connect(profile())

    assert refusal.value.by == "client"
    assert probe.asked[-4:] == END
    assert probe.routes == []


def test_a_common_name_matches_in_a_second_attempt_without_idr(client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2], pki: RunPki) -> None:
    probe.outcomes = [Control(error=FAILED, log=(SHOWN, f"no trusted RSA public key found for '{NAME}'")), UP]
    probe.certificates = [pki.server_common_name_only.certificate]

    tunnel = client.connect(profile())

    assert (tunnel.attempts, tunnel.by_common_name) == (2, True)
    assert [one["remote"]["id"] for one in probe.connections] == [NAME, "%any"]


def test_a_common_name_does_not_count_beside_another_dns_name(client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2], pki: RunPki) -> None:
    both = pki.authority.issue(NAME, usages=connection.trust.SERVER_AUTH[:1], names=[x509.DNSName("other.example.test")], key=pki.server.key)
    probe.outcomes = [Control(error=FAILED, log=(SHOWN, f"no trusted RSA public key found for '{NAME}'")), UP]
    probe.certificates = [both.certificate]

    with pytest.raises(Refused, match="SSLHostname"):
        client.connect(profile())


def test_no_second_attempt_with_eap_which_would_begin_before_the_name_is_judged(client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2]) -> None:
    probe.outcomes = [Control(error=FAILED, log=(SHOWN, f"no trusted RSA public key found for '{NAME}'"))]

    with pytest.raises(Refused) as refusal:
        client.connect(profile(authentication=Username(account="alice", password=Secret("pass"))))
    assert (refusal.value.by, len(probe.connections)) == ("client", 1)
    assert "Engine.OWN" in refusal.value.hint


def test_no_second_attempt_for_another_common_name(client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2]) -> None:
    probe.outcomes = [Control(error=FAILED, log=('received end entity cert "CN=other.example.test"', f"no trusted RSA public key found for '{NAME}'"))]

    with pytest.raises(Refused) as refusal:
        client.connect(profile())
    assert refusal.value.by == "client"
    assert len(probe.connections) == 1


def test_a_route_that_cannot_be_set_ends_the_connection(client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2]) -> None:
    probe.route_error = True

    with pytest.raises(CommandFailed, match="Network is unreachable"):
        client.connect(profile())
    assert probe.asked[-4:] == END


@pytest.mark.parametrize(("sas", "message"), [([], "there are 0 with 0"), ([SA, SA], "there are 2 with 2"),
                                              ([{"mac": SA["mac"] | {"child-sas": {}}}], "there are 1 with 0")])
def test_one_sa_with_one_child_is_expected(sas: list[Mapping[str, Any]], message: str, client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2]) -> None:
    tunnel = client.connect(profile())
    probe.sas = sas

    with pytest.raises(ControlCheckFailed, match=f"client: expected one IKE SA with one child, {message}"):
        tunnel.sa()


def test_a_rekey_is_seen_by_its_other_spi(client: Mac, probe: FakeProbe, profile: Callable[..., IKEv2], monkeypatch: pytest.MonkeyPatch) -> None:
    tunnel = client.connect(profile())
    monkeypatch.setattr(connection.budgets, "APPEAR", 0.01)

    assert tunnel.await_other_child("00000000").spi_out == "c0d1c72f"
    with pytest.raises(ControlCheckFailed, match="the child SA was not rekeyed"):
        tunnel.await_other_child("c0d1c72f")
