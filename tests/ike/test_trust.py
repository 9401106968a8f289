"""Trust: every verdict in macOS's words, alone and together."""

from __future__ import annotations

import datetime as dt
from ipaddress import IPv4Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from lab.ike.trust import Policy, evaluate, evaluate_root
from lab.pki import Authority, RunPki
from lab.pki.authority import SERVER_USAGES

NAME = "vpn.example.test"
NOW = dt.datetime.now(dt.UTC)
FAILURE = "Trust evaluate failure:"


@pytest.fixture(scope="module")
def pki() -> RunPki:
    return RunPki(NAME)


def root_with(pki: RunPki, *extensions: x509.ExtensionType, until: dt.datetime | None = None) -> x509.Certificate:
    """The lab's root again, by the same key, with other extensions."""
    right = pki.authority.certificate
    builder = (x509.CertificateBuilder().subject_name(right.subject).issuer_name(right.issuer).public_key(right.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(right.not_valid_before_utc)
               .not_valid_after(until or right.not_valid_after_utc))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(pki.authority.key, hashes.SHA256())


def usage(*, issuing: bool) -> x509.KeyUsage:
    return x509.KeyUsage(digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
                         key_cert_sign=issuing, crl_sign=False, encipher_only=False, decipher_only=False)


@pytest.mark.parametrize(("which", "verdict"), [
    ("server", ""),
    ("server_common_name_only", ""),
    ("server_other_name", f"{FAILURE} [leaf SSLHostname]"),
    ("server_without_server_auth", f"{FAILURE} [leaf ExtendedKeyUsage]"),
    ("server_expired", f"{FAILURE} [leaf TemporalValidity]"),
    ("server_of_other_authority", f"{FAILURE} [leaf MissingIntermediate]"),
])
def test_the_servers_certificate_is_judged(which: str, verdict: str, pki: RunPki) -> None:
    assert evaluate(getattr(pki, which).certificate, [pki.authority.certificate], NAME) == verdict


def test_several_failures_of_one_certificate_stand_in_one_bracket(pki: RunPki) -> None:
    wrong = pki.other_authority.issue("other.example.test", usages=(ExtendedKeyUsageOID.CLIENT_AUTH,), key=pki.server.key, until=NOW - dt.timedelta(days=1))

    assert evaluate(wrong.certificate, [pki.authority.certificate], NAME) == (
        f"{FAILURE} [leaf ExtendedKeyUsage MissingIntermediate SSLHostname TemporalValidity]")


def test_leaf_and_root_have_a_bracket_each(pki: RunPki) -> None:
    assert evaluate(pki.server_other_name.certificate, [root_with(pki)], NAME) == f"{FAILURE} [leaf SSLHostname] [root AnchorTrusted BasicConstraints]"


def test_the_right_one_among_several_roots_counts(pki: RunPki) -> None:
    assert evaluate(pki.server.certificate, [pki.other_authority.certificate, pki.authority.certificate], NAME) == ""
    assert "MissingIntermediate" in evaluate(pki.server.certificate, [], NAME)


def test_a_root_of_the_same_name_with_another_key_does_not_count(pki: RunPki) -> None:
    assert "MissingIntermediate" in evaluate(pki.server.certificate, [Authority("Lab root").certificate], NAME)


def test_names_are_compared_without_regard_to_case_and_never_as_a_part(pki: RunPki) -> None:
    root = [pki.authority.certificate]

    assert evaluate(pki.server.certificate, root, "VPN.Example.Test") == ""
    assert "SSLHostname" in evaluate(pki.server.certificate, root, "example.test")
    assert "SSLHostname" in evaluate(pki.server.certificate, root, "203.0.113.10")


@pytest.mark.parametrize(("names", "written", "verdict"), [
    ([x509.IPAddress(IPv4Address("203.0.113.10"))], "203.0.113.10", ""),
    ([x509.IPAddress(IPv4Address("203.0.113.11"))], "203.0.113.10", f"{FAILURE} [leaf SSLHostname]"),
    ([x509.DNSName(NAME)], "203.0.113.10", f"{FAILURE} [leaf SSLHostname]"), ([], "203.0.113.10", f"{FAILURE} [leaf SSLHostname]"),
    ([x509.DNSName("203.0.113.10")], "203.0.113.10", f"{FAILURE} [leaf SSLHostname]"), ([], NAME, ""),
])
def test_a_dotted_address_is_looked_for_among_addresses_only(pki: RunPki, names: list[x509.GeneralName], written: str, verdict: str) -> None:
    leaf = pki.authority.issue(NAME, usages=SERVER_USAGES, names=names, key=pki.server.key).certificate

    assert evaluate(leaf, [pki.authority.certificate], written, policy=Policy.IPSEC) == verdict


@pytest.mark.parametrize(("policy", "verdict"), [(Policy.IKEV2, f"{FAILURE} [leaf ExtendedKeyUsage]"), (Policy.IPSEC, "")])
def test_a_usage_is_asked_for_by_one_policy_only(pki: RunPki, policy: Policy, verdict: str) -> None:
    assert evaluate(pki.server_without_server_auth.certificate, [pki.authority.certificate], NAME, policy=policy) == verdict


def test_no_usage_at_all_and_any_usage_allow_a_server(pki: RunPki) -> None:
    for usages in ((), (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), SERVER_USAGES[:1]):
        leaf = pki.authority.issue(NAME, usages=usages, key=pki.server.key).certificate
        assert evaluate(leaf, [pki.authority.certificate], NAME) == ""


def test_a_time_before_and_after_is_judged(pki: RunPki) -> None:
    leaf, root = pki.server.certificate, pki.authority.certificate
    after = max(leaf.not_valid_after_utc, root.not_valid_after_utc) + dt.timedelta(seconds=1)

    for moment in (leaf.not_valid_before_utc - dt.timedelta(days=1), after):
        assert evaluate(leaf, [root], NAME, now=moment) == f"{FAILURE} [leaf TemporalValidity] [root AnchorTrusted TemporalValidity]"


def test_the_right_root_counts_though_its_constraint_is_not_critical(pki: RunPki) -> None:
    assert evaluate_root(pki.authority.certificate) == ""
    assert evaluate_root(root_with(pki, x509.BasicConstraints(ca=True, path_length=None))) == ""  # no KeyUsage is no restriction


def test_the_articles_first_mistake_is_refused_in_its_words(pki: RunPki) -> None:
    assert evaluate_root(pki.authority_without_basic_constraints.certificate) == f"{FAILURE} [root AnchorTrusted BasicConstraints]"


def test_other_wrong_roots_are_refused(pki: RunPki) -> None:
    ca = x509.BasicConstraints(ca=True, path_length=None)
    cases = {
        "BasicConstraintsCA": root_with(pki, x509.BasicConstraints(ca=False, path_length=None)), "KeyUsage": root_with(pki, ca, usage(issuing=False)),
        "TemporalValidity": root_with(pki, ca, usage(issuing=True), until=NOW - dt.timedelta(days=1)),
    }

    assert {name: evaluate_root(root) for name, root in cases.items()} == {
        "BasicConstraintsCA": f"{FAILURE} [root AnchorTrusted BasicConstraintsCA]", "KeyUsage": f"{FAILURE} [root AnchorTrusted KeyUsage]",
        "TemporalValidity": f"{FAILURE} [root AnchorTrusted TemporalValidity]"}
