"""Certificates that Windows makes itself: real X.509, signed by their own key.

Extensions are those that were asked for, and the subject's key identifier. Source: MicrosoftDocs/windows-powershell-docs, pki,
New-SelfSignedCertificate; RFC 5280. Inferred: key usage is critical, basic constraints made from text are not; nothing depends on either.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.twin.windows.certificates import Stored

PUBLIC_EXPONENT = 65537
USAGES = {"CertSign": "key_cert_sign", "CRLSign": "crl_sign", "DigitalSignature": "digital_signature", "KeyEncipherment": "key_encipherment"}
"""Values of -KeyUsage that the twin knows -> fields of the extension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A certificate that is asked for."""

    subject: x509.Name
    not_before: dt.datetime
    not_after: dt.datetime
    key_length: int
    usages: frozenset[str] = frozenset()
    """Keys of USAGES; none: no such extension."""
    authority: bool | None = None
    """The basic constraint CA; None: no such extension."""
    exportable: bool = True
    """Whether the key may leave the machine."""


def self_signed(wanted: Wanted) -> Stored:
    """Make a key and a certificate that it signs."""
    key = rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=wanted.key_length)
    builder = (x509.CertificateBuilder().subject_name(wanted.subject).issuer_name(wanted.subject).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(wanted.not_before).not_valid_after(wanted.not_after))
    if wanted.usages:
        chosen = {field: name in wanted.usages for name, field in USAGES.items()}
        unused = dict.fromkeys(("content_commitment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False)
        builder = builder.add_extension(x509.KeyUsage(**chosen, **unused), critical=True)
    if wanted.authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=wanted.authority, path_length=None), critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return Stored(builder.sign(key, hashes.SHA256()), key, exportable=wanted.exportable)
