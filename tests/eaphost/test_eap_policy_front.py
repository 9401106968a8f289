"""The twin's RADIUS front with the real program behind it, asked by a RADIUS client that carries our initiator's EAP peers: who gets in, who does
not and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from eaphost_process import MSCHAPV2, PEAP, TLS
from policy_front import ALICE, PASSWORD, Opened, Server
from radius_client import carry

from lab.pki import Authority
from lab.pki.authority import CLIENT_USAGES
from lab.twin.rras.eap.policy_engine import Reason
from lab.twin.windows.ias import AccessPolicy
from lab.twin.windows.users import Account, DialIn

# -- who gets in ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("passwords", ["lsa", "caller"])
@pytest.mark.parametrize("kind", [MSCHAPV2, PEAP, TLS])
def test_both_ends_get_the_same_key(policy_server: Server, opened: Callable[[], Opened], kind: int, passwords: str) -> None:
    policy_server.host = replace(policy_server.host, passwords=passwords)
    front = opened()
    peer = front.peer(kind)
    carried = carry(front.end, peer, "alice")

    assert carried.accepted
    assert carried.msk == peer.msk
    assert policy_server.refused == []


@pytest.mark.parametrize("passwords", ["lsa", "caller"])
@pytest.mark.parametrize("kind", [MSCHAPV2, PEAP])
@pytest.mark.parametrize(("user", "password", "account", "reason"), [
    ("alice", "wrong", ALICE, Reason.CREDENTIALS), ("bob", PASSWORD, ALICE, Reason.CREDENTIALS), ("alice", "", Account(name="alice"), Reason.CREDENTIALS),
    ("alice", PASSWORD, replace(ALICE, enabled=False), Reason.ACCOUNT_DISABLED), ("alice", PASSWORD, replace(ALICE, dial_in=DialIn.DENY), Reason.NO_PERMISSION),
    ("alice", PASSWORD, replace(ALICE, dial_in=DialIn.POLICY), Reason.NO_PERMISSION), ("a" * 253, PASSWORD, ALICE, Reason.CREDENTIALS),
    ("alice@example.test", PASSWORD, ALICE, Reason.CREDENTIALS),
], ids=["password", "unknown", "empty password", "disabled", "denied", "left to the policy", "253 characters", "address"])
def test_a_user_is_refused_for_a_reason(
    policy_server: Server, opened: Callable[[], Opened], kind: int, passwords: str, user: str, password: str, account: Account, reason: Reason
) -> None:
    policy_server.host, policy_server.accounts = replace(policy_server.host, passwords=passwords), [account]
    front = opened()
    carried = front.admit(kind, password, user)

    assert not carried.accepted
    assert carried.refusal is not None
    assert carried.refusal.by == "server"
    assert front.reasons == [reason]
    assert policy_server.refused[0].user == user


@pytest.mark.parametrize("user", ["WIN10VPN\\alice", "ALICE", "m\u00fcller"])
@pytest.mark.parametrize("passwords", ["lsa", "caller"])
def test_a_name_is_known_with_its_domain_in_any_case_and_any_letters(policy_server: Server, opened: Callable[[], Opened], user: str, passwords: str) -> None:
    policy_server.host, policy_server.accounts = replace(policy_server.host, passwords=passwords), [ALICE, replace(ALICE, name="m\u00fcller")]

    assert opened().admit(MSCHAPV2, user=user).accepted


def test_a_certificate_of_another_root_is_refused_until_that_root_is_trusted(policy_server: Server, opened: Callable[[], Opened]) -> None:
    stranger = Authority("Other root")
    shown = stranger.issue("alice", usages=CLIENT_USAGES)
    front = opened()

    assert not front.admit(TLS, certificate=shown.certificate_pem, key=shown.private_key_pem).accepted
    assert front.reasons == [Reason.EAP_ERROR]
    policy_server.roots = [stranger]
    assert front.admit(TLS, certificate=shown.certificate_pem, key=shown.private_key_pem).accepted


def test_a_client_that_does_not_trust_the_server_ends_it_and_that_is_told(policy_server: Server, opened: Callable[[], Opened]) -> None:
    front = opened()
    carried = front.admit(PEAP, roots=Authority("Other root").certificate_pem)

    assert not carried.accepted
    assert front.reasons != []


# -- which methods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("authentication", "eap", "admitted"), [
    ({5, 11}, {13, 25, 26}, {MSCHAPV2, PEAP, TLS}), ({5}, {13, 25, 26}, {MSCHAPV2, TLS}), ({5, 11}, {13, 26}, {MSCHAPV2, TLS}), ({5, 11}, {25}, {PEAP}),
    ({3, 4, 9, 10}, {13, 26}, set()), ({11}, {13, 25, 26}, set()), ({5, 11}, set(), set()),
])
def test_only_what_the_policy_allows_gets_in(
    policy_server: Server, opened: Callable[[], Opened], authentication: set[int], eap: set[int], admitted: set[int]
) -> None:
    policy_server.policy = AccessPolicy(authentication_types=frozenset(authentication), eap_types=frozenset(eap))
    front = opened()

    assert {kind for kind in (MSCHAPV2, PEAP, TLS) if front.admit(kind).accepted} == admitted
    assert front.reasons == [Reason.METHOD_NOT_ENABLED] * (3 - len(admitted))
    assert bool(policy_server.started) is bool(admitted), "the program is not started for nothing"


def test_a_method_that_nobody_has_is_another_reason(policy_server: Server, opened: Callable[[], Opened]) -> None:
    policy_server.host = replace(policy_server.host, methods=(MSCHAPV2,))
    front = opened()

    assert not front.admit(TLS).accepted
    assert front.reasons == [Reason.NO_COMMON_EAP_TYPE]


def test_without_the_program_nobody_gets_in(policy_server: Server, opened: Callable[[], Opened]) -> None:
    policy_server.missing = "eapahost.dll: not registered"
    front = opened()

    assert not front.admit(MSCHAPV2).accepted
    assert [one.refusal.text for one in policy_server.refused] == ["eapahost.dll: not registered"]
