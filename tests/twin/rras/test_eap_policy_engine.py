"""What the policy engine offers, whom it lets in, and which reason it gives."""

from __future__ import annotations

import pytest

from lab.twin.rras.eap.policy_engine import MSCHAPV2, PEAP, TLS, Reason, account_name, authorize, explain, offered, wishes
from lab.twin.windows.users import Account, DialIn

ACCOUNTS = (
    Account(name="alice", dial_in=DialIn.PERMIT), Account(name="off", dial_in=DialIn.PERMIT, enabled=False), Account(name="denied", dial_in=DialIn.DENY),
    Account(name="plain"),
)


@pytest.mark.parametrize(("installed", "allowed", "expected"), [
    ((26, 25, 13), {13, 25, 26}, (26, 25, 13)), ((13, 26), {13, 25, 26}, (13, 26)), ((26, 25, 13), {13}, (13,)), ((26,), {13}, ()), ((26,), set(), ()),
    ((), {13, 25, 26}, (26, 25, 13)), ((), set(), ()),
])
def test_what_the_program_has_and_the_policy_allows_is_offered_in_the_programs_order(
    installed: tuple[int, ...], allowed: set[int], expected: tuple[int, ...]
) -> None:
    assert offered(installed, allowed) == expected


@pytest.mark.parametrize(("user", "account"), [
    ("alice", "alice"), ("WIN10VPN\\alice", "alice"), ("a\\b\\alice", "alice"), ("alice@example.test", "alice@example.test"), ("", ""), ("müller", "müller"),
])
def test_a_domain_is_left_out_and_an_address_names_no_account(user: str, account: str) -> None:
    assert account_name(user) == account


@pytest.mark.parametrize(("packet", "expected"), [
    (b"\x02\x01\x00\x06\x03\x19", (25,)), (b"\x02\x01\x00\x07\x03\x0d\x19", (13, 25)), (b"\x02\x01\x00\x05\x03", ()),
    (b"\x02\x01\x00\x06\x1a\x19", ()), (b"\x01\x01\x00\x06\x03\x19", ()), (b"\x02\x01\x00\x04", ()), (b"", ()),
])
def test_only_a_nak_wishes_for_methods(packet: bytes, expected: tuple[int, ...]) -> None:
    assert wishes(packet) == expected


@pytest.mark.parametrize(("method", "user", "reason"), [
    (MSCHAPV2, "alice", None), (MSCHAPV2, "ALICE", None), (PEAP, "WIN10VPN\\alice", None), (MSCHAPV2, "off", Reason.ACCOUNT_DISABLED),
    (PEAP, "denied", Reason.NO_PERMISSION), (MSCHAPV2, "plain", Reason.NO_PERMISSION), (MSCHAPV2, "bob", Reason.NO_SUCH_USER),
    (TLS, "mac.example.test", None),
])
def test_an_account_must_be_enabled_and_permitted_and_a_certificate_needs_none(method: int, user: str, reason: Reason | None) -> None:
    refusal = authorize(method, user, ACCOUNTS)

    assert (refusal.reason if refusal else None) is reason


@pytest.mark.parametrize(("method", "user", "wanted", "denied", "reason"), [
    (MSCHAPV2, "alice", (25,), {25}, Reason.METHOD_NOT_ENABLED), (MSCHAPV2, "alice", (4,), {25}, Reason.NO_COMMON_EAP_TYPE),
    (MSCHAPV2, "alice", (), {25}, Reason.CREDENTIALS), (PEAP, "bob", (), set(), Reason.CREDENTIALS), (MSCHAPV2, "off", (), set(), Reason.ACCOUNT_DISABLED),
    (TLS, "mac", (), set(), Reason.EAP_ERROR), (0, "mac", (), set(), Reason.EAP_ERROR),
])
def test_a_failure_is_explained_by_what_led_to_it(method: int, user: str, wanted: tuple[int, ...], denied: set[int], reason: Reason) -> None:
    refusal = explain(method, user, wanted, denied, ACCOUNTS, "its words")

    assert refusal.reason is reason
    assert ("its words" in refusal.text) is (reason not in (Reason.METHOD_NOT_ENABLED, Reason.ACCOUNT_DISABLED))
