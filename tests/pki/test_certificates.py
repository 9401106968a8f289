"""The certificates of a run: exact extensions of each, and each wrong one wrong in exactly what its name says."""

from __future__ import annotations

import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from lab.errors import ConfigError
from lab.pki import Authority, Identity, RunPki, winrm_identity
from lab.pki.authority import IKE_INTERMEDIATE
from lab.secrets import Secret

NAME = "vpn.example.test"
NOW = dt.datetime.now(dt.UTC)
LEAF = {ExtensionOID.SUBJECT_KEY_IDENTIFIER: False, ExtensionOID.SUBJECT_ALTERNATIVE_NAME: False, ExtensionOID.EXTENDED_KEY_USAGE: False,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER: False, ExtensionOID.KEY_USAGE: True}
"""Extensions of a leaf, and whether they are critical."""
SERVER = [ExtendedKeyUsageOID.SERVER_AUTH, IKE_INTERMEDIATE]
CLIENT = [ExtendedKeyUsageOID.CLIENT_AUTH]


@pytest.fixture(scope="module")
def pki() -> RunPki:
    return RunPki(NAME)


def criticality(certificate: x509.Certificate) -> dict[x509.ObjectIdentifier, bool]:
    return {extension.oid: extension.critical for extension in certificate.extensions}


def common_name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()


def dns_names(certificate: x509.Certificate) -> list[str]:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def usages(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def key_usages(certificate: x509.Certificate) -> set[str]:
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    return {name for name in names if getattr(usage, name)}


def is_valid_now(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc


def test_the_root_is_a_ca_that_does_not_mark_it_critical(pki: RunPki) -> None:
    root = pki.authority.certificate

    assert criticality(root) == {ExtensionOID.SUBJECT_KEY_IDENTIFIER: False, ExtensionOID.BASIC_CONSTRAINTS: False, ExtensionOID.KEY_USAGE: True}
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(ca=True, path_length=None)
    assert key_usages(root) == {"key_cert_sign", "crl_sign"}
    assert root.version is x509.Version.v3
    assert root.subject == root.issuer
    assert is_valid_now(root)
    root.verify_directly_issued_by(root)


def test_the_articles_first_mistake_lacks_basic_constraints_only(pki: RunPki) -> None:
    root = pki.authority_without_basic_constraints.certificate

    assert criticality(root) == {ExtensionOID.SUBJECT_KEY_IDENTIFIER: False, ExtensionOID.KEY_USAGE: True}
    assert key_usages(root) == {"key_cert_sign", "crl_sign"}


@pytest.mark.parametrize(("which", "name", "expected_usages"), [("server", NAME, SERVER), ("client", "mac.example.test", CLIENT)])
def test_a_right_leaf_has_exactly_these_extensions(which: str, name: str, expected_usages: list[x509.ObjectIdentifier], pki: RunPki) -> None:
    identity: Identity = getattr(pki, which)
    leaf = identity.certificate

    assert criticality(leaf) == LEAF
    assert (common_name(leaf), dns_names(leaf), usages(leaf)) == (f"CN={name}", [name], expected_usages)
    assert key_usages(leaf) == {"digital_signature", "key_encipherment"}
    assert is_valid_now(leaf)
    assert identity.key.key_size == 2048
    leaf.verify_directly_issued_by(pki.authority.certificate)
    issuer_key = pki.authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == issuer_key


def facts(identity: Identity, pki: RunPki) -> dict[str, object]:
    """What the variants differ in."""
    leaf = identity.certificate
    has_names = ExtensionOID.SUBJECT_ALTERNATIVE_NAME in criticality(leaf)
    return {"name": common_name(leaf), "dns": dns_names(leaf) if has_names else None, "usages": usages(leaf), "valid": is_valid_now(leaf),
            "issuer": leaf.issuer.rfc4514_string(), "key": identity.key.public_key().public_numbers()}


@pytest.mark.parametrize(("variant", "right", "differs"), [
    ("server_common_name_only", "server", {"dns": None}),
    ("server_other_name", "server", {"name": "CN=other.example.test", "dns": ["other.example.test"]}),
    ("server_without_server_auth", "server", {"usages": CLIENT}),
    ("server_expired", "server", {"valid": False}),
    ("server_of_other_authority", "server", {"issuer": "CN=Other root"}),
    ("client_expired", "client", {"valid": False}),
    ("client_of_other_authority", "client", {"issuer": "CN=Other root"}),
    ("client_revoked", "client", {"name": "CN=revoked.example.test", "dns": ["revoked.example.test"]}),
])
def test_a_wrong_leaf_differs_in_what_its_name_says_only(variant: str, right: str, differs: dict[str, object], pki: RunPki) -> None:
    assert facts(getattr(pki, variant), pki) == facts(getattr(pki, right), pki) | differs


def test_an_expired_one_was_valid_once(pki: RunPki) -> None:
    for expired in (pki.server_expired.certificate, pki.client_expired.certificate):
        assert expired.not_valid_before_utc < expired.not_valid_after_utc < NOW


def test_the_other_root_has_another_key_so_its_leaf_does_not_verify(pki: RunPki) -> None:
    with pytest.raises(ValueError, match=r"[Ii]ssuer"):
        pki.server_of_other_authority.certificate.verify_directly_issued_by(pki.authority.certificate)


def test_the_revocation_list_names_the_revoked_client_alone(pki: RunPki) -> None:
    crl = x509.load_der_x509_crl(pki.revocation_list)

    assert [entry.serial_number for entry in crl] == [pki.client_revoked.certificate.serial_number]
    assert crl.get_revoked_certificate_by_serial_number(pki.client.certificate.serial_number) is None
    assert crl.issuer == pki.authority.certificate.subject
    assert crl.is_signature_valid(pki.authority.key.public_key())
    assert crl.next_update_utc is not None
    assert crl.next_update_utc > NOW


def test_each_is_made_once_and_further_clients_differ(pki: RunPki) -> None:
    assert pki.server is pki.server
    another = pki.another_client("mac2.example.test")

    assert dns_names(another.certificate) == ["mac2.example.test"]
    assert another.certificate.serial_number != pki.client.certificate.serial_number


def test_a_pfx_opens_with_its_password_only(pki: RunPki) -> None:
    pfx = pki.server.pkcs12(Secret("right"))

    key, certificate, chain = pkcs12.load_key_and_certificates(pfx, b"right")
    assert certificate == pki.server.certificate
    assert key is not None
    assert key.public_key() == pki.server.key.public_key()
    assert chain == []
    with pytest.raises(ValueError, match=r"(?i)password"):
        pkcs12.load_key_and_certificates(pfx, b"wrong")


def test_an_identity_does_not_print_its_key(pki: RunPki) -> None:
    assert "RSAPrivateKey" not in repr(pki.server)
    assert load_pem_private_key(pki.server.private_key_pem.encode(), None).public_key() == pki.server.key.public_key()


def test_the_winrm_listener_is_known_by_loopbacks_names() -> None:
    identity = winrm_identity()
    leaf, root = (x509.load_pem_x509_certificate(pem.encode()) for pem in (identity.certificate_pem, identity.root_pem))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.IPv4Address("127.0.0.1")]
    assert ExtendedKeyUsageOID.SERVER_AUTH in usages(leaf)
    leaf.verify_directly_issued_by(root)


def test_an_authority_may_come_from_elsewhere(pki: RunPki) -> None:
    password = Secret("pass-Word1")
    own = pki.authority
    taken = Authority.from_pkcs12(Identity(certificate=own.certificate, key=own.key, root=own.certificate).pkcs12(password), password)

    assert taken.certificate == own.certificate
    taken.issue("vpn.example.test", usages=()).certificate.verify_directly_issued_by(own.certificate)
    for content in (b"", b"no PFX"):
        with pytest.raises(ConfigError, match="cannot be opened"):
            Authority.from_pkcs12(content, password)
    with pytest.raises(ConfigError, match="cannot be opened"):
        Authority.from_pkcs12(Identity(certificate=own.certificate, key=own.key, root=own.certificate).pkcs12(password), Secret("another"))
