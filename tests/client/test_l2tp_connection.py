"""Connecting by L2TP with a charon and daemons of ours, which answer with lines of the real ones (strongSwan 6.0.1, xl2tpd 1.3.18, ppp 2.5.2):
which end refused and why, what is set and taken back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lab.client.connection import Refused
from lab.client.ikev1_refusal import loadable, why_ipsec_failed, why_main_mode_failed
from lab.client.l2tp import FREE_PORTS, Dialled, L2tpMac, why_ppp_failed
from lab.client.l2tp_profile import L2TP, MachineCertificate, SharedSecret, UserAuthentication
from lab.errors import CommandFailed, ControlCheckFailed, ProfileRefused
from lab.pki import RunPki
from lab.probe.probe import Control
from lab.secrets import Secret

PROFILE = L2TP(server_address="203.0.113.10", account="vpnuser", password=Secret("pass"), machine=SharedSecret(secret=Secret("s3cret")))
CHILD = {"state": "INSTALLED", "mode": "TRANSPORT", "spi-in": "c35a8b82", "spi-out": "c1ac1514", "encr-alg": "AES_CBC", "encr-keysize": "256",
         "integ-alg": "HMAC_SHA1_96", "local-ts": ["203.0.113.20/32[udp/56629]"], "remote-ts": ["203.0.113.10/32[udp/l2f]"]}
SA: Mapping[str, Any] = {"mac-l2tp": {"state": "ESTABLISHED", "local-id": "203.0.113.20", "remote-id": "203.0.113.10", "encr-alg": "AES_CBC",
                                      "encr-keysize": "256", "child-sas": {"l2tp-1": CHILD}}}
UP: Mapping[str, Any] = {"up": True, "interface": "ppp0", "local": "192.168.77.209", "remote": "192.168.77.200",
                         "log": ["CHAP authentication succeeded"]}
WRONG_PASSWORD = ['rcvd [CHAP Failure id=0x17 "E=691 R=1 C=f06fee6752c7bbc69feffa9af3734495 V=0 M=Access denied"]', "CHAP authentication failed",
                  "Connection terminated."]
NO_ADDRESS = ["xl2tpd[79]: control_finish: Connection closed to 203.0.113.10, serial 1 (No available IP address)"]
END = ["hang_up", "terminate", "unload_conn", "clear_creds", "flush_certs"]


# -- whose word it was --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("log", "by", "reason", "notify"), [
    (["parsed INFORMATIONAL_V1 request 4219781547 [ N(NO_PROP) ]", "received NO_PROPOSAL_CHOSEN error notify"], "server", "NO_PROPOSAL_CHOSEN",
     "NO_PROPOSAL_CHOSEN"),
    (["invalid HASH_V1 payload length, decryption failed?", "could not decrypt payloads", "message parsing failed"], "server",
     "its answer cannot be decrypted: the shared secrets differ", ""),
    (["sending retransmit 1 of request message ID 0, seq 1"], "nobody", "no answer from the server", ""),
    (["received INITIAL_CONTACT notify"], "nobody", "no answer from the server", ""),
])
def test_why_ipsec_failed(log: list[str], by: str, reason: str, notify: str) -> None:
    refused = why_ipsec_failed(Control(error="establishing failed", log=tuple(log)))

    assert (refused.by, refused.reason, refused.notify) == (by, reason, notify)


@pytest.mark.parametrize(("log", "interface", "by", "reason", "notify"), [
    (WRONG_PASSWORD, "ppp0", "server", "the user is refused: RAS error 691", "691"),
    ([WRONG_PASSWORD[0].replace("691", "649"), *WRONG_PASSWORD[1:]], "ppp0", "server", "the user is refused: RAS error 649", "649"),
    (NO_ADDRESS, "", "server", "L2TP: No available IP address", ""),
    ([NO_ADDRESS[0].replace("No available IP address", "")], "", "server", "L2TP: no reason given", ""),
    (["xl2tpd[79]: Maximum retries exceeded for tunnel 21033.  Closing."], "", "nobody", "L2TP: no answer from the server", ""),
    (["LCP: timeout sending Config-Requests", "Connection terminated."], "ppp0", "server", "PPP ended before it was up", ""),
])
def test_why_ppp_failed(log: list[str], interface: str, by: str, reason: str, notify: str) -> None:
    refused = why_ppp_failed(Dialled(up=False, interface=interface, address="", log=tuple(log)))

    assert (refused.by, refused.reason, refused.notify) == (by, reason, notify)
    assert log[-1] in refused.evidence


# -- a client -----------------------------------------------------------------------------------------------------------


@dataclass
class FakeProbe:
    """A host with charon and the daemons; tells what it was asked."""

    host: str = "client"
    initiated: Control = field(default_factory=lambda: Control(error="", log=()))
    dialled: Mapping[str, Any] = field(default_factory=lambda: UP)
    hosts: str = "127.0.0.1 localhost\n"
    sas: list[Mapping[str, Any]] = field(default_factory=lambda: [SA])
    asked: list[str] = field(default_factory=list)
    connections: list[Mapping[str, Any]] = field(default_factory=list)
    files: Mapping[str, str] = field(default_factory=dict)
    routes: list[str] = field(default_factory=list)
    route_error: bool = False
    initiated_what: list[Mapping[str, Any]] = field(default_factory=list)
    certificates: list[x509.Certificate] = field(default_factory=list)

    def vici(self, command: str, message: Mapping[str, Any] | None = None) -> list[Mapping[str, Any]]:
        if command == "list_sas":
            return self.sas
        self.asked.append(command)
        if command == "load_conn":
            assert message is not None
            self.connections.append(message["mac-l2tp"])
        if command == "unload_conn" and not self.connections:
            raise CommandFailed("client: vici failed: ViciRefused: unload_conn: not found")
        if command == "list_certs":
            return [{"data": base64.b64encode(one.public_bytes(Encoding.DER)).decode()} for one in self.certificates]
        return [{}]

    def vici_control(self, command: str, message: Mapping[str, Any]) -> Control:
        self.asked.append(command)
        if command == "initiate":
            self.initiated_what.append(message)
            return self.initiated
        return Control(error="", log=())

    def ask(self, operation: str, *, budget: float = 0, **arguments: Any) -> object:
        self.asked.append(operation)
        if operation == "dial":
            self.files = arguments["files"]
            return self.dialled
        return None

    def read_file(self, path: str) -> str:
        return self.hosts

    def resolve(self, name: str, server: str, *, timeout: float = 1.0) -> list[str] | None:
        self.asked.append(f"resolve {name}")
        return None

    def add_route(self, destination: str, *, interface: str, source: str) -> None:
        if self.route_error:
            raise CommandFailed("client: route failed: NetlinkError: Network is unreachable")
        self.routes.append(f"{destination} dev {interface} src {source}")


def mac(probe: FakeProbe, **options: Any) -> L2tpMac:
    return L2tpMac(probe, **options)  # type: ignore[arg-type]


def test_ipsec_comes_first_then_l2tp_then_routes() -> None:
    probe = FakeProbe()

    tunnel = mac(probe).connect(PROFILE)

    assert probe.asked == [*END, "load_shared", "load_conn", "initiate", "dial", "inform"]
    assert (tunnel.inner_address, tunnel.user, tunnel.interface) == (IPv4Address("192.168.77.209"), "vpnuser", "ppp0")
    assert probe.routes == ["192.168.77.0/24 dev ppp0 src 192.168.77.209"]
    assert tunnel.sa().inner_addresses == (IPv4Address("192.168.77.209"),)
    assert tunnel.sa().children[0].mode == "TRANSPORT"


def test_charon_and_xl2tpd_have_the_same_port() -> None:
    probe = FakeProbe()

    tunnel = mac(probe).connect(PROFILE)

    assert tunnel.port in FREE_PORTS
    assert probe.connections[0]["children"]["l2tp"]["local_ts"] == [f"dynamic[udp/{tunnel.port}]"]
    assert f"port = {tunnel.port}\n" in probe.files["xl2tpd.conf"]


def test_send_all_traffic_adds_the_rest_of_the_world() -> None:
    probe = FakeProbe()

    mac(probe).connect(replace(PROFILE, send_all_traffic=True))

    assert [route.split()[0] for route in probe.routes] == ["192.168.77.0/24", "0.0.0.0/1", "128.0.0.0/1"]
    assert "inform" not in probe.asked  # nor does it ask for routes then


def test_disconnecting_ends_ppp_before_ipsec() -> None:
    probe = FakeProbe()
    with mac(probe).connect(PROFILE):
        probe.asked.clear()

    assert probe.asked == END


@pytest.mark.parametrize(("changed", "reason"), [
    (FakeProbe(initiated=Control(error="failed", log=("received NO_PROPOSAL_CHOSEN error notify",))), "NO_PROPOSAL_CHOSEN"),
    (FakeProbe(dialled={**UP, "up": False, "log": WRONG_PASSWORD}), "the user is refused: RAS error 691"),
])
def test_whatever_is_refused_is_taken_back(changed: FakeProbe, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        mac(changed).connect(PROFILE)

    assert refused.value.reason == reason
    assert changed.asked[-5:] == END
    assert changed.routes == []


def test_a_route_that_cannot_be_set_takes_everything_back() -> None:
    probe = FakeProbe(route_error=True)

    with pytest.raises(CommandFailed):
        mac(probe).connect(PROFILE)

    assert probe.asked[-5:] == END


def test_a_profile_that_the_pane_refuses_sends_nothing() -> None:
    probe = FakeProbe()

    with pytest.raises(ProfileRefused):
        mac(probe).connect(replace(PROFILE, user_authentication=UserAuthentication.KERBEROS))

    assert probe.asked == []


@pytest.mark.parametrize("sas", [[], [SA, SA], [{"mac-l2tp": {**SA["mac-l2tp"], "child-sas": {}}}]])
def test_exactly_one_sa_with_one_child(sas: list[Mapping[str, Any]]) -> None:
    probe = FakeProbe()
    tunnel = mac(probe).connect(PROFILE)
    probe.sas = sas

    with pytest.raises(ControlCheckFailed, match="expected one IKE SA with one child"):
        tunnel.sa()


# -- certificates -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pki() -> RunPki:
    return RunPki("vpn.example.test")


def with_certificate(pki: RunPki, **changes: Any) -> L2TP:
    return replace(PROFILE, **{"machine": MachineCertificate(certificate=pki.client), "server_address": "vpn.example.test", **changes})


HOSTS = "203.0.113.10 vpn.example.test other.example.test\n"
SHOWN = Control(error="", log=('received end entity cert "CN=vpn.example.test"',))


def test_the_servers_certificate_is_judged_between_main_and_quick_mode(pki: RunPki) -> None:
    probe = FakeProbe(hosts=HOSTS, initiated=SHOWN, certificates=[pki.client.certificate, pki.server.certificate])

    mac(probe, roots=[pki.authority.certificate]).connect(with_certificate(pki))

    assert probe.asked == [*END, "load_cert", "load_cert", "load_key", "load_conn", "initiate", "list_certs", "initiate", "dial", "inform"]
    assert ["child" in what for what in probe.initiated_what] == [False, True]


@pytest.mark.parametrize("written", ["203.0.113.10", "other.example.test"])
def test_a_name_that_the_certificate_lacks_ends_it_after_main_mode(pki: RunPki, written: str) -> None:
    probe = FakeProbe(hosts=HOSTS, initiated=SHOWN, certificates=[pki.server.certificate])

    with pytest.raises(Refused) as refused:
        mac(probe, roots=[pki.authority.certificate]).connect(with_certificate(pki, server_address=written))

    assert (refused.value.by, refused.value.reason) == ("client", "Trust evaluate failure: [leaf SSLHostname]")
    assert probe.asked.count("initiate") == 1
    assert probe.asked[-5:] == END


def test_a_certificate_that_charon_does_not_have_fails_the_test_not_the_server(pki: RunPki) -> None:
    probe = FakeProbe(hosts=HOSTS, initiated=SHOWN, certificates=[pki.client.certificate])

    with pytest.raises(ControlCheckFailed, match=r"does not have the certificate 'CN=vpn\.example\.test'"):
        mac(probe, roots=[pki.authority.certificate]).connect(with_certificate(pki))
    assert probe.asked[-5:] == END


def test_roots_that_do_not_count_are_not_loaded(pki: RunPki) -> None:
    assert loadable([pki.authority_without_basic_constraints.certificate, pki.authority.certificate]) == [pki.authority.certificate_pem]


NO_AUTHORITY = "Trust evaluate failure: [root AnchorTrusted BasicConstraints]"
ROOT = "CN=Lab root without BasicConstraints"


@pytest.mark.parametrize(("log", "by", "reason"), [
    (['no issuer certificate found for "CN=vpn.example.test"', f'  issuer is "{ROOT}"', "no trusted RSA public key found for 'CN=vpn.example.test'"], "client", NO_AUTHORITY),
    ([f'  using untrusted intermediate certificate "{ROOT}"', f'no issuer certificate found for "{ROOT}"', '  issuer is "CN=above"'], "client", NO_AUTHORITY),
    (['no issuer certificate found for "CN=vpn.example.test"', '  issuer is "CN=Other root"', "no trusted RSA public key found for 'CN=vpn.example.test'"], "client",
     "no trusted RSA public key found for 'CN=vpn.example.test'"),
    (['no issuer certificate found for "CN=vpn.example.test"', '  issuer is "CN=Lab root"'], "client", 'no issuer certificate found for "CN=vpn.example.test"'),
    (["subject certificate invalid (valid from Nov 23 2026 to Nov 24 2026)"], "client", "subject certificate invalid (valid from Nov 23 2026 to Nov 24 2026)"),
    (["received AUTHENTICATION_FAILED error notify"], "server", "AUTHENTICATION_FAILED"), (["sending retransmit 1"], "nobody", "no answer from the server"),
])
def test_why_main_mode_failed(pki: RunPki, log: list[str], by: str, reason: str) -> None:
    roots = [pki.authority.certificate, pki.authority_without_basic_constraints.certificate]
    refused = why_main_mode_failed(Control(error="establishing failed", log=tuple(log)), roots)

    assert (refused.by, refused.reason) == (by, reason)


# -- names ----------------------------------------------------------------------------------------------------------------


def test_a_name_may_stand_in_the_hosts_file() -> None:
    probe = FakeProbe(hosts="203.0.113.10 other VPN.example.test # the server\n")

    mac(probe).connect(replace(PROFILE, server_address="vpn.example.test"))

    assert probe.connections[0]["remote_addrs"] == ["203.0.113.10"]


@pytest.mark.parametrize(("hosts", "dns", "asked"), [
    ("", None, []), ("# 203.0.113.10 vpn.example.test\n", None, []), ("::1 vpn.example.test\n", "203.0.113.53", ["resolve vpn.example.test"]),
    ("203.0.113.10 vpn.example.test.org\n", "203.0.113.53", ["resolve vpn.example.test"]),
])
def test_a_name_that_nobody_knows_is_refused(hosts: str, dns: str | None, asked: list[str]) -> None:
    probe = FakeProbe(hosts=hosts)

    with pytest.raises(ProfileRefused, match="could not be found"):
        mac(probe, dns=dns).connect(replace(PROFILE, server_address="vpn.example.test"))

    assert probe.asked == asked
