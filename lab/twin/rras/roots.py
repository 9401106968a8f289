"""Roots as charon and OpenSSL take them, whatever Windows takes.

Windows accepts what a root has issued although the root lacks BasicConstraints (observed by the article's author). Neither charon nor
OpenSSL takes such a certificate for an authority. So they are handed two others: one of the same name and the same key, with CA:TRUE, and above it the one that has
issued it, by a key that is forgotten at once. What the root has issued is checked against the root's own key all the same.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

VOUCHER = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "roots without BasicConstraints, as Windows takes them")])
AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)


def as_authorities(root: x509.Certificate) -> tuple[x509.Certificate, ...]:
    """Return what stands for a root with charon or OpenSSL: itself, or those that vouch for it."""
    return vouched_for(root) if says_nothing(root) else (root,)


def says_nothing(certificate: x509.Certificate) -> bool:
    """Whether a certificate has no BasicConstraints at all."""
    return not any(one.oid == x509.BasicConstraints.oid for one in certificate.extensions)


@lru_cache(maxsize=8)
def vouched_for(root: x509.Certificate) -> tuple[x509.Certificate, x509.Certificate]:
    """Return a root with nothing to say, and a certificate issued by it of a root's subject, key, validity and extensions, with CA:TRUE."""
    key = ec.generate_private_key(ec.SECP256R1())
    validity = root.not_valid_before_utc, root.not_valid_after_utc

    def begun(subject: x509.Name) -> x509.CertificateBuilder:
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(VOUCHER).serial_number(x509.random_serial_number())
                .not_valid_before(validity[0]).not_valid_after(validity[1]).add_extension(AUTHORITY, critical=True))

    above = begun(VOUCHER).public_key(key.public_key()).sign(key, hashes.SHA256())
    builder = begun(root.subject).public_key(root.public_key())
    for extension in root.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    return above, builder.sign(key, hashes.SHA256())
