"""Why EAP ended, as charon's log of the client tells of it (strongSwan 6.0.1): which end refused, and with what error.

After a failure inside a method charon does not wait for EAP-Failure: it ends the connection itself, although the server was the one to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

FAILURE = "received EAP_FAILURE"
MSCHAPV2_ERROR = re.compile(r"EAP-MS-CHAPv2 failed with error (\w+)")  # EAP-MS-CHAPv2 failed with error ERROR_ACCT_DISABLED: '(null)'
ALERT = re.compile(r"(received|sending) fatal TLS alert '([^']*)'")  # received fatal TLS alert 'certificate unknown'
ERRORS = {"ERROR_RESTRICTED_LOGON_HOURS": 646, "ERROR_ACCT_DISABLED": 647, "ERROR_PASSWD_EXPIRED": 648, "ERROR_NO_DIALIN_PERMISSION": 649,
          "ERROR_AUTHENTICATION_FAILURE": 691, "ERROR_CHANGING_PASSWORD": 709}
"""RAS errors by charon's names of them (RFC 2759, 6; strongSwan, eap_mschapv2.c)."""


@dataclass(frozen=True, slots=True)
class EapEnd:
    """Who ended EAP, and why."""

    by_server: bool
    reason: str


def why_eap_ended(log: Sequence[str]) -> EapEnd | None:
    """Return how EAP ended; None where nothing is told of it."""
    for line in log[::-1]:
        if found := ALERT.search(line):
            return EapEnd(found[1] == "received", f"TLS: {found[2]}")
        if found := MSCHAPV2_ERROR.search(line):
            return EapEnd(by_server=True, reason=f"EAP failure: RAS error {ERRORS.get(found[1], found[1])}")
    return EapEnd(by_server=True, reason="EAP failure") if any(FAILURE in line for line in log) else None
