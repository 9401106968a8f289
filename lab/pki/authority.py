"""A certification authority and what it issues, with the extensions that the article and macOS ask for.

Root: X.509 v3, CA:TRUE not marked critical, as New-SelfSignedCertificate's {text}CA=True gives it; keyUsage keyCertSign and
cRLSign. Server: dNSName and CN, serverAuth and IP security IKE intermediate (1.3.6.1.5.5.8.2.2). Client: dNSName, clientAuth.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.errors import ConfigError
from lab.secrets import Secret

IKE_INTERMEDIATE = x509.ObjectIdentifier("1.3.6.1.5.5.8.2.2")
SERVER_USAGES = (ExtendedKeyUsageOID.SERVER_AUTH, IKE_INTERMEDIATE)
CLIENT_USAGES = (ExtendedKeyUsageOID.CLIENT_AUTH,)
VALIDITY = dt.timedelta(days=3652)
"""Ten years: tests move the lab's clock, never so far."""


def new_key() -> rsa.RSAPrivateKey:
    """Return an RSA key of 2048 bits."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate with its private key, and the root above it."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)
    root: x509.Certificate

    @property
    def certificate_pem(self) -> str:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def private_key_pem(self) -> str:
        """The key as PKCS#8 PEM, unencrypted: only for files of mode 0600 and for vici."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def thumbprint(self) -> str:
        """What Windows calls the certificate by: SHA-1 of its DER, in capitals."""
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303

    def pkcs12(self, password: Secret) -> bytes:
        """Return a PFX that every Windows 10 imports: 3DES with SHA-1, the only form that builds before 1809 read."""
        protection = (
            serialization.PrivateFormat.PKCS12.encryption_builder()
            .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .kdf_rounds(2000)  # as Windows' own exports; the password is random and lives as long as the run
            .hmac_hash(hashes.SHA1())  # noqa: S303 - see above
            .build(password.reveal().encode())
        )
        return pkcs12.serialize_key_and_certificates(b"lab", self.key, self.certificate, None, protection)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: str, issuer: x509.Name, key: rsa.RSAPrivateKey, until: dt.datetime | None) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    begin = now - dt.timedelta(days=2)
    return (
        x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(until or now + VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signature: bool = False, encipherment: bool = False, issuing: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(digital_signature=signature, content_commitment=False, key_encipherment=encipherment,
                         data_encipherment=False, key_agreement=False, key_cert_sign=issuing, crl_sign=issuing,
                         encipher_only=False, decipher_only=False)


class Authority:
    """A root that issues certificates."""

    def __init__(self, common_name: str, *, basic_constraints: bool = True) -> None:
        self.key = new_key()
        builder = _builder(common_name, _name(common_name), self.key, None)
        if basic_constraints:
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=False)
        builder = builder.add_extension(_usage(issuing=True), critical=True)
        self.certificate = builder.sign(self.key, hashes.SHA256())

    @classmethod
    def from_pkcs12(cls, content: bytes, password: Secret) -> Authority:
        """Return the authority whose root and key a PFX holds. Raises ConfigError if it holds something else."""
        try:
            key, certificate, _ = pkcs12.load_key_and_certificates(content, password.reveal().encode())
        except ValueError as error:
            raise ConfigError(f"a PFX of {len(content)} bytes cannot be opened: {error}") from error
        if certificate is None or not isinstance(key, rsa.RSAPrivateKey):
            raise ConfigError("a PFX holds no certificate with an RSA key, which an authority needs")
        authority = cls.__new__(cls)
        authority.key, authority.certificate = key, certificate
        return authority

    @property
    def certificate_pem(self) -> str:
        """The root as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(
        self, common_name: str, *, usages: Sequence[x509.ObjectIdentifier], names: Sequence[x509.GeneralName] | None = None,
        key: rsa.RSAPrivateKey | None = None, until: dt.datetime | None = None,
    ) -> Identity:
        """Return a certificate with its key.

        Args:
            common_name: subject CN.
            usages: extended key usages; empty leaves the extension out.
            names: subject alternative names; None means the common name as dNSName, an empty list leaves the extension out.
            key: to certify an existing key again.
            until: end of validity.
        """
        key = key or new_key()
        builder = _builder(common_name, self.certificate.subject, key, until)
        alternatives = [x509.DNSName(common_name)] if names is None else list(names)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), critical=False)
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(authority_key, critical=False)
        builder = builder.add_extension(_usage(signature=True, encipherment=True), critical=True)
        return Identity(certificate=builder.sign(self.key, hashes.SHA256()), key=key, root=self.certificate)

    def revoke(self, identity: Identity) -> x509.CertificateRevocationList:
        """Return a CRL that names a certificate."""
        now = dt.datetime.now(dt.UTC)
        entry = (x509.RevokedCertificateBuilder().serial_number(identity.certificate.serial_number)
                 .revocation_date(now - dt.timedelta(hours=1)).build())
        builder = (
            x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
            .last_update(now - dt.timedelta(days=1)).next_update(now + VALIDITY).add_revoked_certificate(entry)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        return builder.sign(self.key, hashes.SHA256())
