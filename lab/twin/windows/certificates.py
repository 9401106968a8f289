"""Certificate stores of the local machine, and of whoever runs the scripts, with real X.509 certificates, and the files of their private keys.

A key that is kept has a file of its own, which outlives the certificate unless it is removed with it. Source:
MicrosoftDocs/PowerShell-Docs, Remove-Item for Certificate (-DeleteKey); .NET Framework, X509KeyStorageFlags.PersistKeySet.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

STORES = ("My", "Root", "CA")


@dataclass(frozen=True, slots=True)
class Stored:
    """A certificate in a store."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes | None = None
    key_file: str = ""
    """Name of the file that keeps the key; empty: it goes with the object that holds it."""
    exportable: bool = False
    """Whether the key may leave the machine."""

    @property
    def thumbprint(self) -> str:
        """SHA-1 of the certificate, in capitals: its name on Windows."""
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - Windows' own naming


@dataclass(slots=True)
class Stores:
    """The stores of LocalMachine or of CurrentUser, and the revocation lists in CA."""

    by_name: dict[str, list[Stored]] = field(default_factory=lambda: {name: [] for name in STORES})
    revocation_lists: list[x509.CertificateRevocationList] = field(default_factory=list)
    key_files: set[str] = field(default_factory=set)
    """Names of the files in the key store of machine or user."""

    def store(self, name: str) -> list[Stored]:
        """Return a store. Raises KeyError for an unknown name."""
        return next(content for known, content in self.by_name.items() if known.lower() == name.lower())

    def add(self, name: str, stored: Stored) -> None:
        """Put a certificate into a store; one that is there already is replaced."""
        content = self.store(name)
        content[:] = [one for one in content if one.thumbprint != stored.thumbprint] + [stored]

    def keep_key(self, stored: Stored) -> Stored:
        """Write the key into a file of its own; return the certificate with it. Every call writes another file."""
        kept = replace(stored, key_file=str(uuid.uuid4()))
        self.key_files.add(kept.key_file)
        return kept

    def remove(self, name: str, thumbprint: str, *, with_key: bool = False) -> None:
        """Remove a certificate if it is there; its key's file stays, unless it is to go too."""
        content = self.store(name)
        if with_key:
            self.key_files -= {one.key_file for one in content if one.thumbprint == thumbprint.upper()}
        content[:] = [one for one in content if one.thumbprint != thumbprint.upper()]
