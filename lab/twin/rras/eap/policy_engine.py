"""The policy engine's decisions: which methods are offered, who may come in, and why somebody may not. Pure.

Reasons: learn.microsoft.com, NPS Reason Codes 0 Through 37, 38 Through 257 (dd197464, dd197521), which RemoteAccess' own policy engine shares with
Network Policy Server (inferred), as is which reason belongs to which cause where two could be meant. An attempt is authenticated, then
authorised (technet, "IAS as a RADIUS server"). Nobody is authorised by a name that was not proved; with EAP-TLS the certificate is the proof and no
account is asked (inferred: the article's clients had certificates of machines).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from lab.twin.rras.admission import Admission, admission
from lab.twin.windows.users import Account

NAK, TLS, PEAP, MSCHAPV2 = 3, 13, 25, 26
RESPONSE, HEADER = 2, 4


class Reason(IntEnum):
    """Why NPS refuses."""

    INTERNAL_ERROR = 1
    NO_SUCH_USER = 8
    CREDENTIALS = 16
    """The name is no account's, or the password is wrong."""
    NO_COMMON_EAP_TYPE = 22
    EAP_ERROR = 23
    ACCOUNT_DISABLED = 34
    NO_POLICY = 48
    NO_PERMISSION = 65
    METHOD_NOT_ENABLED = 66
    """By the policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an attempt is refused."""

    reason: Reason
    text: str


ADMISSIONS = {
    Admission.UNKNOWN: Refusal(reason=Reason.NO_SUCH_USER, text="there is no such account"),
    Admission.DISABLED: Refusal(reason=Reason.ACCOUNT_DISABLED, text="the account is disabled"),
    Admission.NO_PERMISSION: Refusal(reason=Reason.NO_PERMISSION, text="the account has no dial-in permission"),
}


def offered(installed: Sequence[int], allowed: Iterable[int]) -> tuple[int, ...]:
    """Return the methods that are offered, in the order in which the program has them; one that has none of its own takes those of the policy."""
    known = frozenset(allowed)
    return tuple(one for one in installed if one in known) if installed else tuple(sorted(known, reverse=True))


def account_name(user: str) -> str:
    r"""Return the account's part of DOMAIN\user. An address stays whole: no account's name has an @, so it names none."""
    return user.rpartition("\\")[2]


def wishes(packet: bytes) -> tuple[int, ...]:
    """Return the methods that a client's Nak asks for (RFC 3748 5.3.1); none for any other packet."""
    is_nak = len(packet) > HEADER and packet[0] == RESPONSE and packet[HEADER] == NAK
    return tuple(packet[HEADER + 1 :]) if is_nak else ()


def authorize(method: int, user: str, accounts: Iterable[Account]) -> Refusal | None:
    """Return why a user who was authenticated by a method may not come in; None: he may."""
    return None if method == TLS else ADMISSIONS.get(admission(accounts, account_name(user)))


def explain(method: int, user: str, wanted: Sequence[int], denied: Iterable[int], accounts: Iterable[Account], said: str) -> Refusal:
    """Return why the program refused.

    Args:
        method: that was on its way; 0: none.
        user: what the client called itself.
        wanted: methods that the client's last packet asked for, a Nak.
        denied: methods that the program has and the policy does not allow.
        accounts: of the machine.
        said: the program's own words.
    """
    if wanted:
        names = ", ".join(str(one) for one in wanted)
        if set(wanted) & set(denied):
            return Refusal(reason=Reason.METHOD_NOT_ENABLED, text=f"the policy does not allow EAP type {names}")
        return Refusal(reason=Reason.NO_COMMON_EAP_TYPE, text=f"the client wants EAP type {names}: {said}")
    if method not in (MSCHAPV2, PEAP):
        return Refusal(reason=Reason.EAP_ERROR, text=said)
    found = admission(accounts, account_name(user))
    return ADMISSIONS[found] if found is Admission.DISABLED else Refusal(reason=Reason.CREDENTIALS, text=said)
