"""The certificate that a server showed, as charon's log and its cache of certificates tell of it (strongSwan 6.0.1)."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography import x509

from lab.errors import ControlCheckFailed
from lab.probe.probe import Probe

SHOWN = 'received end entity cert "'
ISSUERS = ('issuer is "', 'using untrusted intermediate certificate "')
"""The first follows "no issuer certificate found"."""


def subject_shown(log: Sequence[str]) -> str:
    """Return the subject of the certificate that the server sent; empty if it sent none."""
    return next(iter(_quoted(log, SHOWN)), "")


def issuers_not_trusted(log: Sequence[str]) -> set[str]:
    """Return the names of the issuers above that certificate, as far as the client has none of them as a root."""
    return {name for marker in ISSUERS for name in _quoted(log, marker)}


def _quoted(log: Sequence[str], marker: str) -> list[str]:
    return [line.partition(marker)[2].rstrip('"') for line in log if marker in line]


def certificate_shown(probe: Probe, log: Sequence[str]) -> x509.Certificate:
    """Return what the server showed: charon keeps it among its certificates once it has verified it. Raises ControlCheckFailed without it."""
    subject = subject_shown(log)
    for answer in probe.vici("list_certs", {"type": "X509", "flag": "NONE"}):
        data = answer.get("data")
        if isinstance(data, str) and "has_privkey" not in answer:
            certificate = x509.load_der_x509_certificate(base64.b64decode(data))
            if certificate.subject.rfc4514_string() == subject:
                return certificate
    raise ControlCheckFailed(f"{probe.host}: charon does not have the certificate {subject!r} that the server showed")
