"""Which process answers for the twin's policy engine, one packet after another: its life, clients that interleave, what is out of turn."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from eaphost_process import MSCHAPV2, PEAP, TLS
from policy_front import ALICE, MOST_SESSIONS, PASSWORD, ROUND_TRIP_S, Client, Opened, Server
from radius_client import IDENTITY_REQUEST, carry

from lab.ike.eap.mschapv2 import MsChapV2
from lab.ike.eap.peer import MethodPeer
from lab.twin.rras.eap import activation as activation_module
from lab.twin.rras.eap import conversations as conversations_module
from lab.twin.rras.eap.messages import ERROR_CAUSE
from lab.twin.rras.eap.policy_engine import Reason
from lab.waiting import Deadline, stretched, wait_until

# -- which process ----------------------------------------------------------------------------------------------------------


def test_one_process_answers_all_and_another_one_after_accounts_have_changed(policy_server: Server, opened: Callable[[], Opened]) -> None:
    front = opened()
    assert [front.admit(kind).accepted for kind in (MSCHAPV2, TLS)] == [True, True]
    assert len(policy_server.started) == 1

    policy_server.accounts = [replace(ALICE, password="another")]
    assert not front.admit(MSCHAPV2).accepted
    assert front.admit(MSCHAPV2, "another").accepted
    assert len(policy_server.started) == 2
    assert policy_server.ended == policy_server.started[:1]


def test_a_program_that_was_altered_answers_nobody(policy_server: Server, opened: Callable[[], Opened]) -> None:
    front = opened()
    assert front.admit(MSCHAPV2).accepted
    policy_server.altered = True

    assert not front.admit(MSCHAPV2).accepted
    assert "altered" in policy_server.refused[0].refusal.text


def test_a_process_that_dies_refuses_its_clients_and_the_next_gets_a_new_one(policy_server: Server, opened: Callable[[], Opened]) -> None:
    front = opened()

    class Dying(MethodPeer):
        def receive(self, packet: bytes) -> bytes | None:
            if packet != IDENTITY_REQUEST and not policy_server.ended:
                os.kill(policy_server.started[0], 9)
            return super().receive(packet)

    assert not carry(front.end, Dying("alice", MsChapV2("alice", PASSWORD)), "alice").accepted
    assert front.reasons == [Reason.EAP_ERROR]
    assert front.admit(MSCHAPV2).accepted
    assert len(policy_server.started) == 2


def test_a_process_that_cannot_start_refuses_and_the_next_attempt_tries_again(policy_server: Server, opened: Callable[[], Opened], tmp_path: Path) -> None:
    good = policy_server.host
    policy_server.host = replace(good, build=tmp_path / "nothing.exe")
    front = opened()
    assert not front.admit(MSCHAPV2).accepted
    assert front.reasons == [Reason.EAP_ERROR]

    policy_server.host = good
    assert front.admit(MSCHAPV2).accepted


def test_an_idle_process_is_ended(policy_server: Server, opened: Callable[[], Opened], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation_module, "IDLE", 0.05)
    front = opened()
    assert front.admit(MSCHAPV2).accepted

    wait_until(lambda: policy_server.ended == policy_server.started, Deadline(5.0), lambda: AssertionError("it still runs"))
    assert front.admit(MSCHAPV2).accepted


# -- one packet after another -------------------------------------------------------------------------------------------------


def test_many_clients_at_a_time_are_kept_apart(policy_server: Server, past_the_socket: Opened) -> None:
    policy_server.accounts = [replace(ALICE, name=f"user{number}", password=f"word{number}") for number in range(20)]
    clients = [Client(past_the_socket.front, past_the_socket.peer((MSCHAPV2, PEAP)[number % 2], f"word{number}", f"user{number}")) for number in range(20)]
    going = list(clients)
    for _ in range(40):
        going = [one for one in going if one.step()]

    assert [one.code for one in clients] == [2] * 20
    assert len({one.peer.msk for one in clients}) == 20
    assert len(policy_server.started) == 1


def test_a_packet_that_answers_nothing_gets_the_request_again_and_not_for_ever(policy_server: Server, past_the_socket: Opened) -> None:
    client = Client(past_the_socket.front, past_the_socket.peer(MSCHAPV2))
    client.step()
    for _ in range(conversations_module.MOST_IGNORED):
        reply = client.send(b"\x02\xee\x00\x06\x1a\x00")
        assert reply is not None
        assert reply[ERROR_CAUSE] == [(202).to_bytes(4, "big")]
        assert client.heard[-1] == client.heard[0]
    client.send(b"\x02\xee\x00\x06\x1a\x00")

    assert client.code == 3
    assert past_the_socket.reasons == [Reason.EAP_ERROR]


def test_the_packet_that_was_accepted_last_gets_the_request_again_and_does_no_harm(policy_server: Server, past_the_socket: Opened) -> None:
    client = Client(past_the_socket.front, past_the_socket.peer(MSCHAPV2))
    client.step()
    again = client.said
    client.step()
    reply = client.send(again)
    assert reply is not None
    assert ERROR_CAUSE not in reply
    assert client.heard[-1] == client.heard[-2]

    while client.step():
        pass
    assert client.code == 2


def test_an_attempt_of_which_nobody_knows_has_no_answer(policy_server: Server, past_the_socket: Opened) -> None:
    client = Client(past_the_socket.front, past_the_socket.peer(MSCHAPV2))
    client.state = b"x" * 16

    assert client.send() is None


def test_one_too_many_is_refused_and_the_others_are_served_further(policy_server: Server, past_the_socket: Opened) -> None:
    clients = [Client(past_the_socket.front, past_the_socket.peer(MSCHAPV2)) for _ in range(MOST_SESSIONS + 1)]
    assert all(one.step() for one in clients[:-1])
    clients[-1].send()
    assert clients[-1].code == 3
    assert past_the_socket.reasons == [Reason.EAP_ERROR]
    while clients[0].step():
        pass

    assert clients[0].code == 2
    assert Client(past_the_socket.front, past_the_socket.peer(MSCHAPV2)).step(), "and there is room again"
    assert len(policy_server.started) == 1


def test_an_attempt_that_nobody_goes_on_with_keeps_no_process(
    policy_server: Server, opened: Callable[[], Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activation_module, "IDLE", 0.05)
    monkeypatch.setattr(conversations_module, "ABANDONED", 0.2)
    front = opened()

    class Leaving(MethodPeer):
        def receive(self, packet: bytes) -> bytes | None:
            assert packet == IDENTITY_REQUEST, "leaves"
            return super().receive(packet)

    with pytest.raises(AssertionError, match="leaves"):
        carry(front.end, Leaving("alice", MsChapV2("alice", PASSWORD)), "alice")
    wait_until(lambda: policy_server.ended == policy_server.started != [], Deadline(5.0), lambda: AssertionError("it still runs"))
    assert policy_server.refused == []


def test_an_attempt_that_was_abandoned_is_forgotten(policy_server: Server, past_the_socket: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    left, next_one = (Client(past_the_socket.front, past_the_socket.peer(MSCHAPV2)) for _ in range(2))
    left.step()
    monkeypatch.setattr(conversations_module, "ABANDONED", -1.0)

    next_one.send()
    assert left.send() is None


@pytest.mark.parametrize("kind", [MSCHAPV2, PEAP, TLS])
def test_a_round_trip_is_short_once_everything_is_compiled(policy_server: Server, past_the_socket: Opened, kind: int) -> None:
    took: list[float] = []
    for _ in range(5):
        client = Client(past_the_socket.front, past_the_socket.peer(kind))
        while True:
            began = time.monotonic()
            client.send()
            took.append(time.monotonic() - began)
            client.said = client.peer.receive(client.heard[-1]) or b""
            if client.code != 11:
                break
        assert client.code == 2

    assert statistics.median(took) <= stretched(ROUND_TRIP_S), took
