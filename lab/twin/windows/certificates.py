"""Certificate stores of the local machine, with real X.509 certificates."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

STORES = ("My", "Root", "CA")


@dataclass(frozen=True, slots=True)
class Stored:
    """A certificate in a store."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes | None = None

    @property
    def thumbprint(self) -> str:
        """SHA-1 of the certificate, in capitals: its name on Windows."""
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - Windows' own naming


@dataclass(slots=True)
class Stores:
    """LocalMachine's stores, and the revocation lists in CA."""

    by_name: dict[str, list[Stored]] = field(default_factory=lambda: {name: [] for name in STORES})
    revocation_lists: list[x509.CertificateRevocationList] = field(default_factory=list)

    def store(self, name: str) -> list[Stored]:
        """Return a store. Raises KeyError for an unknown name."""
        return next(content for known, content in self.by_name.items() if known.lower() == name.lower())

    def add(self, name: str, stored: Stored) -> None:
        """Put a certificate into a store; one that is there already is replaced."""
        content = self.store(name)
        content[:] = [one for one in content if one.thumbprint != stored.thumbprint] + [stored]

    def remove(self, name: str, thumbprint: str) -> bool:
        """Remove a certificate; return whether it was there."""
        content = self.store(name)
        kept = [one for one in content if one.thumbprint != thumbprint.upper()]
        found = len(kept) != len(content)
        content[:] = kept
        return found
