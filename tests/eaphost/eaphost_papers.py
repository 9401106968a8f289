"""Accounts and certificates of the tests of the EAP host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab.pki import Authority, Identity

USERS = {"alice": "Pa$$w0rd", "m\u00fcller": "gr\u00fcn", "a" * 256: "long", "mail@example.test": "secret", "empty": ""}
UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


@dataclass(frozen=True, slots=True)
class Papers:
    """Certificates as PEM files."""

    folder: Path
    authority: Authority
    server: Identity
    alice: Identity

    @property
    def roots(self) -> Path:
        return self.folder / "roots.pem"

    def write(self, name: str, identity: Identity) -> tuple[Path, Path]:
        """Write certificate and key; return both paths."""
        pair = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        pair[0].write_bytes(identity.certificate.public_bytes(serialization.Encoding.PEM))
        pair[1].write_bytes(identity.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return pair


def principal(name: str) -> x509.OtherName:
    """Return a user principal name."""
    encoded = name.encode()
    assert len(encoded) < 128
    return x509.OtherName(UPN, bytes([0x0C, len(encoded)]) + encoded)
