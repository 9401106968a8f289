"""Trust as macOS 10.13 evaluates it (Security-58286), and in its words: `Trust evaluate failure: [root AnchorTrusted …]`.

Neither `openssl verify` nor cryptography's verifier gives these verdicts: the first does not miss BasicConstraints, the others refuse
CA:TRUE that is not marked critical, which macOS accepts. "A trusted root without BasicConstraints is refused" is the article's
observation; the mechanism on macOS is inferred. Here, and not beside the profiles, because our own initiator judges in the guest, before
a credential leaves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import Enum
from ipaddress import AddressValueError, IPv4Address

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

SERVER_AUTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)


class Policy(Enum):
    """Which of macOS's policies a server's certificate is held against."""

    IKEV2 = "serverAuth, if the certificate names usages at all"
    IPSEC = "no usage is looked at"
    """kSecPolicyAppleIPsec, of L2TP and Cisco IPSec (SecPolicyCreateIPSec)."""


def evaluate(
    leaf: x509.Certificate, roots: Sequence[x509.Certificate], name: str, *, policy: Policy = Policy.IKEV2, now: dt.datetime | None = None,
) -> str:
    """Return why a server certificate is refused, in macOS's words; empty if it is trusted.

    Args:
        leaf: the certificate that the server showed.
        roots: the trusted roots.
        name: what it must vouch for: Remote ID, for L2TP the Server Address. A dotted address is looked for among its iPAddress names.
        policy: which one counts.
        now: the time of the check.
    """
    moment = now or dt.datetime.now(dt.UTC)
    root = next((one for one in roots if _issued_by(leaf, one)), None)
    failures = _leaf_failures(leaf, name, moment, policy) + ([] if root is not None else ["MissingIntermediate"])
    failed = _bracket("leaf", failures) + (_bracket("root", _root_failures(root, moment)) if root is not None else "")
    return f"Trust evaluate failure:{failed}" if failed else ""


def evaluate_root(root: x509.Certificate) -> str:
    """Return why a root in the keychain does not count as one, in macOS's words; empty if it does."""
    failed = _bracket("root", _root_failures(root, dt.datetime.now(dt.UTC)))
    return f"Trust evaluate failure:{failed}" if failed else ""


def _bracket(place: str, failures: list[str]) -> str:
    return f" [{place} {' '.join(sorted(failures))}]" if failures else ""


def _vouches_for(leaf: x509.Certificate, name: str) -> bool:
    try:
        address = IPv4Address(name)
    except AddressValueError:
        return name.lower() in (one.lower() for one in names_of(leaf))
    try:
        return address in leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.IPAddress)
    except x509.ExtensionNotFound:
        return False


def _leaf_failures(leaf: x509.Certificate, name: str, moment: dt.datetime, policy: Policy) -> list[str]:
    failures = [] if _vouches_for(leaf, name) else ["SSLHostname"]
    if not leaf.not_valid_before_utc <= moment <= leaf.not_valid_after_utc:
        failures.append("TemporalValidity")
    try:
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if policy is Policy.IKEV2 and not any(one in usages for one in SERVER_AUTH):
            failures.append("ExtendedKeyUsage")
    except x509.ExtensionNotFound:
        pass  # an absent extension allows everything
    return failures


def _root_failures(root: x509.Certificate, moment: dt.datetime) -> list[str]:
    failures = []
    if root.version is x509.Version.v3:  # older roots have no extensions and are exempt
        try:
            if not root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
                failures.append("BasicConstraintsCA")
        except x509.ExtensionNotFound:
            failures.append("BasicConstraints")
        try:
            if not root.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign:
                failures.append("KeyUsage")
        except x509.ExtensionNotFound:
            pass
    if not root.not_valid_before_utc <= moment <= root.not_valid_after_utc:
        failures.append("TemporalValidity")
    return [*failures, "AnchorTrusted"] if failures else []


def names_of(certificate: x509.Certificate) -> list[str]:
    """Return the names that a certificate vouches for: dNSName entries, and the CN only without any (macOS before 10.15)."""
    return dns_names(certificate) or common_names(certificate)


def dns_names(certificate: x509.Certificate) -> list[str]:
    """Return the dNSName entries."""
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        return []


def common_names(certificate: x509.Certificate) -> list[str]:
    """Return the subject's CNs."""
    return [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]


def _issued_by(leaf: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(root)
    except Exception:  # noqa: BLE001 - wrong name, wrong key type, wrong signature: all mean no
        return False
    return True
