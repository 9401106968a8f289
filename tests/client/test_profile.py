"""Profiles: every refusal with its text, names that a certificate vouches for, and the translation for strongSwan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from lab.client import strongswan
from lab.client.profile import IKEv2, NoEAP, NoEAPSharedSecret, SecurityAssociationParameters, ikev2_from_fields
from lab.errors import ConfigError, ProfileRefused
from lab.ike.trust import names_of
from lab.pki import RunPki
from lab.pki.authority import CLIENT_USAGES
from lab.secrets import Secret

SERVER = "vpn.example.test"


@pytest.fixture(scope="module")
def pki() -> RunPki:
    return RunPki(SERVER)


@pytest.fixture
def fields(pki: RunPki) -> dict[str, Any]:
    return {"server_address": "203.0.113.10", "remote_id": SERVER, "authentication": NoEAP(certificate=pki.client)}


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_a_right_profile_passes(fields: dict[str, Any]) -> None:
    IKEv2(**fields).check()


@pytest.mark.parametrize(("change", "message"), [
    ({"server_address": ""}, "the field Server Address is empty"), ({"remote_id": ""}, "the field Remote ID is empty"),
])
def test_an_empty_field_is_refused_by_its_label(change: Mapping[str, str], message: str, fields: dict[str, Any]) -> None:
    profile = IKEv2(**fields | change)

    with pytest.raises(ProfileRefused) as refusal:
        profile.check()
    assert refusal.value.message == message


def test_a_certificate_without_a_name_needs_a_local_id(fields: dict[str, Any], pki: RunPki) -> None:
    nameless = replace(pki.client, certificate=_without_subject(pki))

    with pytest.raises(ProfileRefused, match="Local ID is empty, and the client's certificate has no name"):
        IKEv2(**fields | {"authentication": NoEAP(certificate=nameless)}).check()
    IKEv2(**fields | {"authentication": NoEAP(certificate=nameless), "local_id": "mac"}).check()


def _without_subject(pki: RunPki) -> x509.Certificate:
    right = pki.client.certificate
    builder = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(right.issuer).public_key(pki.client.key.public_key())
               .serial_number(1).not_valid_before(right.not_valid_before_utc).not_valid_after(right.not_valid_after_utc))
    return builder.sign(pki.authority.key, hashes.SHA256())


@pytest.mark.parametrize("unknown", ["remoteid", "RemoteID", "password"])
def test_an_unknown_field_is_refused_by_its_name(unknown: str, fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"an IKEv2 profile has no field '{unknown}'") as refusal:
        ikev2_from_fields(fields | {unknown: "x"})
    assert "remote_id, send_all_traffic, server_address" in refusal.value.hint


@pytest.mark.parametrize("missing", ["server_address", "remote_id", "authentication"])
def test_a_missing_field_is_refused_by_its_name(missing: str, fields: dict[str, Any]) -> None:
    del fields[missing]

    with pytest.raises(ConfigError, match=f"the IKEv2 profile is incomplete: .*'{missing}'"):
        ikev2_from_fields(fields)


def test_fields_by_name_make_the_profile(fields: dict[str, Any]) -> None:
    assert ikev2_from_fields(fields) == IKEv2(**fields)


@pytest.mark.parametrize(("change", "message", "hint"), [
    ({"encryption_algorithm": "AES-192"}, "EncryptionAlgorithm 'AES-192' is not known to a .mobileconfig", "AES-128, AES-256"),
    ({"integrity_algorithm": "MD5"}, "IntegrityAlgorithm 'MD5' is not known to a .mobileconfig", "SHA1-96"),
    ({"diffie_hellman_group": 18}, "DiffieHellmanGroup 18 is not known to a .mobileconfig", "1, 2, 5, 14"),
])
def test_what_a_mobileconfig_cannot_say_is_refused(change: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        SecurityAssociationParameters(**change)
    assert refusal.value.message == message
    assert hint in refusal.value.hint


def test_pfs_without_child_parameters_is_refused_since_it_would_have_no_effect(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="enable_pfs has no effect without child_parameters"):
        IKEv2(**fields, enable_pfs=True)


def test_an_empty_shared_secret_is_refused_and_a_certificates_name_is_not_asked_for(fields: dict[str, Any]) -> None:
    with pytest.raises(ProfileRefused, match="the field Shared Secret is empty"):
        IKEv2(**fields | {"authentication": NoEAPSharedSecret(secret=Secret(""))}).check()
    IKEv2(**fields | {"authentication": NoEAPSharedSecret(secret=Secret("x"))}).check()


# -- names ------------------------------------------------------------------------------------------------------------


def test_the_common_name_counts_only_without_a_dns_name(pki: RunPki) -> None:
    both = pki.authority.issue("common", usages=CLIENT_USAGES, names=[x509.DNSName("a.example"), x509.DNSName("b.example")], key=pki.client.key)
    other_kind = pki.authority.issue("common", usages=CLIENT_USAGES, names=[x509.RFC822Name("me@example.test")], key=pki.client.key)

    assert names_of(both.certificate) == ["a.example", "b.example"]
    assert names_of(other_kind.certificate) == ["common"]
    assert names_of(pki.server_common_name_only.certificate) == [SERVER]


def test_the_client_calls_itself_as_local_id_says_else_as_its_certificate(fields: dict[str, Any]) -> None:
    assert IKEv2(**fields).identity == "mac.example.test"
    assert IKEv2(**fields, local_id="other").identity == "other"


# -- for strongSwan ---------------------------------------------------------------------------------------------------


def test_the_panes_profile_for_strongswan(fields: dict[str, Any], pki: RunPki) -> None:
    assert strongswan.connection(IKEv2(**fields), "203.0.113.10", remote_id=SERVER) == {"mac": {
        "version": "2", "remote_addrs": ["203.0.113.10"], "vips": ["0.0.0.0"], "mobike": "yes", "fragmentation": "yes", "keyingtries": "1",
        "proposals": ["aes256-sha256-modp2048", "aes256-sha256-ecp256", "aes256-sha256-modp1536", "aes128-sha1-modp1024", "3des-sha1-modp1024"],
        "send_certreq": "no", "send_cert": "always", "rekey_time": "480s", "rand_time": "0s", "reauth_time": "0",
        "dpd_delay": "600s",
        "local": {"auth": "pubkey", "id": "mac.example.test", "certs": [pki.client.certificate_pem]},
        "remote": {"auth": "pubkey", "id": SERVER},
        "children": {"net": {"remote_ts": ["0.0.0.0/0"], "esp_proposals": ["aes256-sha256", "aes128-sha1", "3des-sha1"], "rekey_time": "0",
                             "dpd_action": "clear"}},
    }}


def test_the_ike_sa_lasts_eight_minutes_in_the_pane_and_a_day_in_a_mobileconfig(fields: dict[str, Any]) -> None:
    def rekey_time(profile: IKEv2) -> object:
        connection: Any = strongswan.connection(profile, "203.0.113.10", remote_id=SERVER)["mac"]
        return connection["rekey_time"]

    assert rekey_time(IKEv2(**fields)) == "480s"
    assert rekey_time(IKEv2(**fields, child_parameters=SecurityAssociationParameters())) == "480s"
    assert rekey_time(IKEv2(**fields, ike_parameters=SecurityAssociationParameters())) == "86400s"


def parts(profile: IKEv2) -> tuple[object, object]:
    connection: Any = strongswan.connection(profile, "203.0.113.10", remote_id="%any")["mac"]
    return connection["proposals"], connection["children"]["net"]["esp_proposals"]


@pytest.mark.parametrize(("parameters", "ike", "esp", "esp_with_pfs"), [
    ({}, "aes256-sha256-modp2048", "aes256-sha256", "aes256-sha256-modp2048"),
    ({"encryption_algorithm": "3DES", "integrity_algorithm": "SHA1-96", "diffie_hellman_group": 2}, "3des-sha1-modp1024", "3des-sha1", "3des-sha1-modp1024"),
    ({"encryption_algorithm": "AES-256-GCM", "integrity_algorithm": "SHA2-384", "diffie_hellman_group": 20},
     "aes256gcm16-sha384-ecp384", "aes256gcm16", "aes256gcm16-sha384-ecp384"),
    ({"encryption_algorithm": "DES", "integrity_algorithm": "SHA1-160", "diffie_hellman_group": 1}, "des-sha1_160-modp768", "des-sha1_160", "des-sha1_160-modp768"),
])
def test_parameters_of_a_mobileconfig_are_the_one_proposal(
    parameters: dict[str, Any], ike: str, esp: str, esp_with_pfs: str, fields: dict[str, Any]
) -> None:
    chosen = SecurityAssociationParameters(**parameters)

    assert parts(IKEv2(**fields, ike_parameters=chosen, child_parameters=chosen)) == ([ike], [esp])
    assert parts(IKEv2(**fields, child_parameters=chosen, enable_pfs=True)) == (list(strongswan.PANE_IKE), [esp_with_pfs])


def test_a_client_that_shows_no_certificate_says_so_to_charon(fields: dict[str, Any], pki: RunPki) -> None:
    silent = IKEv2(**fields | {"authentication": NoEAP(certificate=pki.client, send_certificate=False)})

    connection: Any = strongswan.connection(silent, "203.0.113.10", remote_id=SERVER)
    assert connection["mac"]["send_cert"] == "never"


def test_with_a_shared_secret_both_prove_themselves_by_it_and_the_client_is_its_address(fields: dict[str, Any], pki: RunPki) -> None:
    by_secret = IKEv2(**fields | {"authentication": NoEAPSharedSecret(secret=Secret("s3cret"))})
    (content,) = strongswan.connection(by_secret, "203.0.113.10", remote_id=SERVER).values()
    (by_certificate,) = strongswan.connection(IKEv2(**fields), "203.0.113.10", remote_id=SERVER).values()

    assert isinstance(content, dict)
    assert isinstance(by_certificate, dict)
    assert content == {**by_certificate, "send_cert": "never", "local": {"auth": "psk"}, "remote": {"auth": "psk", "id": SERVER}}
    named: Any = strongswan.connection(replace(by_secret, local_id="mac"), "203.0.113.10", remote_id=SERVER)["mac"]
    assert named["local"] == {"auth": "psk", "id": "mac"}
    assert strongswan.credentials(by_secret, ["root"]) == [
        ("load_cert", {"type": "X509", "flag": "CA", "data": "root"}), ("load_shared", {"type": "IKE", "data": "s3cret", "owners": []})]
    assert "s3cret" not in repr(by_secret)


def test_credentials_are_the_roots_then_certificate_and_key(fields: dict[str, Any], pki: RunPki) -> None:
    assert strongswan.credentials(IKEv2(**fields), ["root one", "root two"]) == [
        ("load_cert", {"type": "X509", "flag": "CA", "data": "root one"}), ("load_cert", {"type": "X509", "flag": "CA", "data": "root two"}),
        ("load_cert", {"type": "X509", "flag": "NONE", "data": pki.client.certificate_pem}),
        ("load_key", {"type": "any", "data": pki.client.private_key_pem})]
