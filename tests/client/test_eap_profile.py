"""The pane's "Username" and "Certificate": refusals before any packet, who the client says it is, what charon is told, which engine connects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from lab.client import strongswan
from lab.client.eap_refusal import EapEnd, why_eap_ended
from lab.client.engine import Engine, engine_for
from lab.client.profile import Certificate, IKEv2, NoEAP, Username
from lab.errors import ProfileRefused
from lab.pki import RunPki
from lab.pki.authority import CLIENT_USAGES
from lab.secrets import Secret

SERVER = "vpn.example.test"


@pytest.fixture(scope="module")
def pki() -> RunPki:
    return RunPki(SERVER)


def profile(authentication: Any, local_id: str = "") -> IKEv2:
    return IKEv2(server_address="203.0.113.10", remote_id=SERVER, local_id=local_id, authentication=authentication)


def user(account: str = "alice", password: str = "pass") -> Username:
    return Username(account=account, password=Secret(password))


@pytest.mark.parametrize("account", ["a", "a" * 256, "DOMAIN\\alice", "alice@example.test", "Zoë", "Владимир"])
def test_a_user_name_of_any_kind_passes_and_is_said_in_eap_alone(account: str) -> None:
    made = profile(user(account))
    made.check()
    assert (made.identity, made.eap_identity) == ("", account)


@pytest.mark.parametrize(("authentication", "says"), [
    (user(account=""), "the field Username is empty"), (user(password=""), "the field Password is empty"),
    (user(account="a\nb"), "the field Username has a line break"), (user(password="s3cret\0"), "the field Password has a line break or a NUL"),
])
def test_what_the_pane_cannot_hold_is_refused_by_its_label(authentication: Username, says: str) -> None:
    with pytest.raises(ProfileRefused, match=says) as refusal:
        profile(authentication).check()
    assert "s3cret" not in str(refusal.value)


def test_a_certificate_says_its_name_in_eap_and_its_address_in_ike_unless_local_id_is_set(pki: RunPki) -> None:
    own = Certificate(certificate=pki.client)
    profile(own).check()
    assert (profile(own).identity, profile(own).eap_identity) == ("", "mac.example.test")
    assert profile(own, "me").identity == "me"
    assert profile(NoEAP(certificate=pki.client)).eap_identity == ""


def test_an_expired_certificate_is_shown_all_the_same_and_one_without_a_name_is_not(pki: RunPki) -> None:
    profile(Certificate(certificate=pki.client_expired)).check()
    right = pki.client.certificate
    builder = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(right.issuer).public_key(pki.client.key.public_key())
               .serial_number(1).not_valid_before(right.not_valid_before_utc).not_valid_after(right.not_valid_after_utc))
    nameless = replace(pki.client, certificate=builder.sign(pki.authority.key, hashes.SHA256()))
    with pytest.raises(ProfileRefused, match="certificate has no name"):
        profile(Certificate(certificate=nameless), "me").check()


# -- for charon -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("local_id", "said"), [("", {}), ("me", {"id": "me"})])
def test_charon_proves_itself_by_eap_and_asks_the_server_for_a_certificate(pki: RunPki, local_id: str, said: dict[str, str]) -> None:
    made: Any = strongswan.connection(profile(user(), local_id), "203.0.113.10", remote_id=SERVER)["mac"]
    assert (made["local"], made["send_cert"]) == ({"auth": "eap-mschapv2", "eap_id": "fqdn:alice"} | said, "never")
    assert made["remote"] == {"auth": "pubkey", "id": SERVER}

    made = strongswan.connection(profile(Certificate(certificate=pki.client), local_id), "203.0.113.10", remote_id=SERVER)["mac"]
    assert made["local"] == {"auth": "eap-tls", "eap_id": "fqdn:mac.example.test", "aaa_id": "%any"} | said


def test_credentials_are_the_roots_and_the_password_or_certificate_and_key(pki: RunPki) -> None:
    root = ("load_cert", {"type": "X509", "flag": "CA", "data": "root"})
    assert strongswan.credentials(profile(user(password="s3cret")), ["root"]) == [
        root, ("load_shared", {"type": "EAP", "data": "s3cret", "owners": []})]
    assert strongswan.credentials(profile(Certificate(certificate=pki.client)), ["root"]) == [
        root, ("load_cert", {"type": "X509", "flag": "NONE", "data": pki.client.certificate_pem}),
        ("load_key", {"type": "any", "data": pki.client.private_key_pem})]
    assert "s3cret" not in repr(profile(user(password="s3cret")))


@pytest.mark.parametrize(("account", "password", "engine"), [
    ("alice", "pass", Engine.CHARON), ("DOMAIN\\alice", "pass word \"", Engine.CHARON), ("a" * 256, "pass", Engine.CHARON),
    ("Zoë", "pass", Engine.OWN), ("alice", "pässwörd", Engine.OWN), ("#616c", "pass", Engine.OWN),
])
def test_charon_connects_unless_it_would_say_something_else(account: str, password: str, engine: Engine) -> None:
    assert engine_for(profile(user(account, password))) is engine


def test_charon_finds_a_certificate_by_its_dns_name_alone(pki: RunPki) -> None:
    common_name_only = pki.authority.issue("mac", usages=CLIENT_USAGES, names=[], key=pki.client.key)
    assert engine_for(profile(Certificate(certificate=pki.client))) is Engine.CHARON
    assert engine_for(profile(Certificate(certificate=common_name_only))) is Engine.OWN
    assert engine_for(profile(NoEAP(certificate=common_name_only))) is Engine.CHARON


# -- charon's words on how EAP ended, from logs of strongSwan 6.0.1 at both ends ------------------------------------------


@pytest.mark.parametrize(("log", "end"), [
    (["EAP-MS-CHAPv2 failed with error ERROR_AUTHENTICATION_FAILURE: '(null)'", "EAP_MSCHAPV2 method failed"], EapEnd(True, "EAP failure: RAS error 691")),
    (["EAP-MS-CHAPv2 failed with error ERROR_ACCT_DISABLED: '(null)'"], EapEnd(True, "EAP failure: RAS error 647")),
    (["EAP-MS-CHAPv2 failed with error ERROR_NEW: '(null)'"], EapEnd(True, "EAP failure: RAS error ERROR_NEW")),
    (["received fatal TLS alert 'certificate unknown'", "EAP_TLS method failed"], EapEnd(True, "TLS: certificate unknown")),
    (["sending fatal TLS alert 'unknown ca'", "received EAP_FAILURE, EAP authentication failed"], EapEnd(False, "TLS: unknown ca")),
    (["requesting EAP_MSCHAPV2 authentication, sending EAP_NAK", "received EAP_FAILURE, EAP authentication failed"], EapEnd(True, "EAP failure")),
    (["received AUTHENTICATION_FAILED notify error"], None),
    ([], None),
])
def test_which_end_ended_eap_and_with_what(log: list[str], end: EapEnd | None) -> None:
    assert why_eap_ended(log) == end
