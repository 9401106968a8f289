"""Deciding about a password for the program that leaves it to its caller (setting Passwords, "caller"): RFC 2548 2.3, RFC 2759, RFC 3079.

The primitives are those of lab/ike: none of the twin's own, since the program has its own and is checked against them.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence

from lab.ike.eap import mschap
from lab.twin.rras.admission import Admission
from lab.twin.rras.eap.messages import RECEIVE_KEY, SEND_KEY, USER_NAME
from lab.twin.rras.eap.policy_engine import account_name
from lab.twin.rras.eap.program import Attribute, Misuse, key_attribute, microsoft, microsoft_attribute
from lab.twin.windows.users import Account, named

CHAP_CHALLENGE, CHAP2_RESPONSE, CHAP2_SUCCESS = 11, 25, 26
CHALLENGE_SIZE, RESPONSE_SIZE = 16, 50
PEER, ANSWER = slice(2, 18), slice(26, 50)
"""Where the client's challenge and its answer are in an MS-CHAP2-Response."""
KEY_SIZE = 16


def check_password(question: Sequence[Attribute], accounts: Iterable[Account]) -> tuple[int, list[Attribute]]:
    """Return the decision about a response: 0 with proof and keys, or a RAS error. Raises Misuse for a question that is none."""
    user = next((one.value for one in question if one.kind == USER_NAME), b"")
    challenge, response = microsoft(question, CHAP_CHALLENGE), microsoft(question, CHAP2_RESPONSE)
    if len(challenge) != CHALLENGE_SIZE or len(response) != RESPONSE_SIZE:
        raise Misuse("it asks about a password without challenge or response")
    account = named(accounts, account_name(user.decode(errors="replace")))
    if account is None or not account.password:
        return Admission.UNKNOWN, []
    plain, peer, answer = user.rpartition(b"\\")[2], response[PEER], response[ANSWER]
    if not hmac.compare_digest(answer, mschap.nt_response(challenge, peer, plain, account.password)):
        return Admission.UNKNOWN, []
    if not account.enabled:
        return Admission.DISABLED, []
    proof = response[:1] + mschap.authenticator_response(account.password, answer, peer, challenge, plain)
    msk = mschap.session_key(account.password, answer)
    return 0, [microsoft_attribute(CHAP2_SUCCESS, proof), key_attribute(RECEIVE_KEY, msk[:KEY_SIZE]), key_attribute(SEND_KEY, msk[KEY_SIZE : 2 * KEY_SIZE])]
