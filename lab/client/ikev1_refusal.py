"""Why main or quick mode failed, as charon's log tells of it: which end refused, and in macOS's words where it is the client's trust.

charon refuses a root without CA:TRUE when it is loaded, and misses it then as the issuer of the server's certificate. macOS finds the same at the
same moment, when the server's certificate has come (racoon, "the peer's certificate is not verified"), and says what is wrong with the root.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab.client.connection import Refused
from lab.client.shown import issuers_not_trusted
from lab.ike import trust
from lab.probe.probe import Control

NOTIFY = re.compile(r"received (\w+) error notify")
UNREADABLE = "could not decrypt payloads"
"""With another secret both ends have other keys: what the server says of message 5 reaches a client that cannot read it."""
OWN_VERDICTS = ("certificate invalid", "no issuer certificate found", "no trusted RSA public key found", "constraint check failed", "no end entity cert")
"""What charon says when it does not accept the server's certificate."""


def loadable(roots: Sequence[x509.Certificate]) -> list[str]:
    """Return as PEM the roots that count as such; charon would refuse the others."""
    return [root.public_bytes(serialization.Encoding.PEM).decode() for root in roots if not trust.evaluate_root(root)]


def why_ipsec_failed(done: Control) -> Refused:
    """Return the refusal of main or quick mode that charon's log tells of."""
    errors = [found[1] for line in done.log if (found := NOTIFY.search(line))]
    if errors:
        return Refused("server", errors[-1], notify=errors[-1], log=done.log)
    if any(UNREADABLE in line for line in done.log):
        return Refused("server", "its answer cannot be decrypted: the shared secrets differ", log=done.log)
    return Refused("nobody", "no answer from the server", log=done.log)


def why_main_mode_failed(done: Control, roots: Sequence[x509.Certificate]) -> Refused:
    """Return the refusal of main mode with certificates.

    Args:
        done: charon's word.
        roots: in the client's keychain, also those that do not count.
    """
    missed = issuers_not_trusted(done.log)
    for root in roots:
        if root.subject.rfc4514_string() in missed and (problem := trust.evaluate_root(root)):
            return Refused("client", problem, log=done.log)
    own = [line.strip() for line in done.log if any(sign in line for sign in OWN_VERDICTS)]
    return Refused("client", own[-1], log=done.log) if own else why_ipsec_failed(done)
