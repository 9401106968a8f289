"""Who may dial in: one answer for PPP and EAP, asked of the accounts at every attempt. Pure.

RAS errors 647, 649 and 691: learn.microsoft.com, Routing and Remote Access Error Codes. A user whose permission is left to the policy is not
let in: the stock policy's msNPAllowDialin is 0 (inferred).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from lab.twin.windows.users import Account, DialIn, named


class Admission(IntEnum):
    """Whether a user may dial in: 0, or the RAS error."""

    ALLOWED = 0
    DISABLED = 647
    NO_PERMISSION = 649
    UNKNOWN = 691


def admission(accounts: Iterable[Account], user: str) -> Admission:
    """Return whether a user may dial in, the password aside; names are compared without regard to case."""
    account = named(accounts, user)
    if account is None:
        return Admission.UNKNOWN
    if not account.enabled:
        return Admission.DISABLED
    return Admission.ALLOWED if account.dial_in is DialIn.PERMIT else Admission.NO_PERMISSION
