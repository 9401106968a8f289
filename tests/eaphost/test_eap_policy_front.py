"""The twin's RADIUS front with the real program behind it, asked by a RADIUS client that carries our initiator's EAP peers: who gets in, who does
not and why, which process answers, and how it ends."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from eaphost_papers import Papers as Certificates
from eaphost_process import MSCHAPV2, PEAP, TLS
from freeradius_server import RadiusEnd
from pyrad.packet import AuthPacket
from radius_client import IDENTITY_REQUEST, Carried, carry

from lab.ike.eap.mschapv2 import MsChapV2
from lab.ike.eap.peap import Peap
from lab.ike.eap.peer import EapMethod, MethodPeer
from lab.ike.eap.tls import EapTls, Trust
from lab.pki import Authority
from lab.pki.authority import CLIENT_USAGES
from lab.twin.rras.eap import activation as activation_module
from lab.twin.rras.eap import conversations as conversations_module
from lab.twin.rras.eap.activation import Activation, Launch, Process
from lab.twin.rras.eap.conversations import Conversations, Refused
from lab.twin.rras.eap.front import Front, FrontServer
from lab.twin.rras.eap.messages import EAP_MESSAGE, ERROR_CAUSE, STATE
from lab.twin.rras.eap.papers import accounts_file, papers
from lab.twin.rras.eap.policy_engine import Reason
from lab.twin.rras.eap.settings import EapSettings
from lab.twin.windows.certificates import Stored
from lab.twin.windows.eaphost import ComponentMissing, EapHost
from lab.twin.windows.ias import AccessPolicy
from lab.twin.windows.users import Account, DialIn
from lab.waiting import Deadline, stretched, wait_until

SECRET = b"shared with charon"
ALL = AccessPolicy(authentication_types=frozenset({5, 11}), eap_types=frozenset({13, 25, 26}))
PASSWORD = "Pa$$w0rd"
ROUND_TRIP_S = 0.02
"""From a RADIUS request to its answer: 0.3 to 1.5 ms measured."""
ALICE = Account(name="alice", password=PASSWORD, dial_in=DialIn.PERMIT)


@dataclass
class Server:
    """A machine as the front sees it, and what came of it."""

    folder: Path
    host: EapHost
    papers: Certificates
    accounts: list[Account] = field(default_factory=lambda: [ALICE])
    policy: AccessPolicy = ALL
    missing: str = ""
    roots: list[Authority] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    started: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    altered: bool = False

    def launch(self) -> Launch:
        if self.altered:
            raise ComponentMissing("names a program that was altered")
        own = Stored(self.papers.server.certificate, self.papers.server.key)
        users = accounts_file(self.accounts) if self.host.passwords == "lsa" else None
        return Launch(host=self.host, papers=papers(own, [one.certificate for one in (self.papers.authority, *self.roots)], users))

    def note(self, process: Process) -> Callable[[], None]:
        self.started.append(process.program.pid)
        return lambda: self.ended.append(process.program.pid)

    def open(self, *, socket: bool = True) -> Opened:
        settings = EapSettings(allowed=True, host=None if self.missing else self.host, missing=self.missing, policy=self.policy)
        activation = Activation(self.launch, self.note, folder=self.folder / "eap", log=self.folder / "log")
        conversations = Conversations(settings, activation, lambda: self.accounts, self.refused.append)
        front = Front(SECRET, conversations)
        return Opened(self, front, conversations, activation, FrontServer(front, conversations, activation, port=0) if socket else None)


@dataclass
class Opened:
    """The front, with or without its socket."""

    server: Server
    front: Front
    conversations: Conversations
    activation: Activation
    serving: FrontServer | None

    @property
    def end(self) -> RadiusEnd:
        assert self.serving is not None
        return RadiusEnd(self.serving.port, SECRET)

    def close(self) -> None:
        if self.serving is not None:
            self.serving.stop()
        else:
            self.conversations.end()
            self.activation.stop()
        assert self.server.ended == self.server.started, "a process outlives the service"
        assert not list(self.server.folder.glob("eap/*")), "a file outlives the start"

    def admit(self, kind: int, password: str = PASSWORD, user: str = "alice", **trust: str) -> Carried:
        return carry(self.end, self.peer(kind, password, user, **trust), user, rounds=40)

    def peer(self, kind: int, password: str = PASSWORD, user: str = "alice", **trust: str) -> MethodPeer:
        made = self.server.papers
        known = Trust(**({"roots": made.authority.certificate_pem} | ({"certificate": made.alice.certificate_pem, "key": made.alice.private_key_pem}
                                                                     if kind == TLS else {}) | trust))  # type: ignore[arg-type]
        methods: dict[int, Callable[[], EapMethod]] = {
            MSCHAPV2: lambda: MsChapV2(user, password), TLS: lambda: EapTls(known), PEAP: lambda: Peap(known, user, MsChapV2(user, password))}
        return MethodPeer(user, methods[kind]())

    @property
    def reasons(self) -> list[Reason]:
        return [one.refusal.reason for one in self.server.refused]


@pytest.fixture
def server(tmp_path: Path, program: Path, papers: Certificates) -> Server:
    host = EapHost(program="C:\\eaphost.exe", build=program, methods=(MSCHAPV2, PEAP, TLS), passwords="lsa", certificate="")
    return Server(tmp_path, host, papers)


@pytest.fixture
def opened(server: Server) -> Iterator[Callable[[], Opened]]:
    made: list[Opened] = []

    def make() -> Opened:
        made.append(server.open())
        return made[-1]

    yield make
    for one in made:
        one.close()


# -- who gets in ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("passwords", ["lsa", "caller"])
@pytest.mark.parametrize("kind", [MSCHAPV2, PEAP, TLS])
def test_both_ends_get_the_same_key(server: Server, opened: Callable[[], Opened], kind: int, passwords: str) -> None:
    server.host = replace(server.host, passwords=passwords)
    front = opened()
    peer = front.peer(kind)
    carried = carry(front.end, peer, "alice")

    assert carried.accepted
    assert carried.msk == peer.msk
    assert server.refused == []


@pytest.mark.parametrize("passwords", ["lsa", "caller"])
@pytest.mark.parametrize("kind", [MSCHAPV2, PEAP])
@pytest.mark.parametrize(("user", "password", "account", "reason"), [
    ("alice", "wrong", ALICE, Reason.CREDENTIALS), ("bob", PASSWORD, ALICE, Reason.CREDENTIALS), ("alice", "", Account(name="alice"), Reason.CREDENTIALS),
    ("alice", PASSWORD, replace(ALICE, enabled=False), Reason.ACCOUNT_DISABLED), ("alice", PASSWORD, replace(ALICE, dial_in=DialIn.DENY), Reason.NO_PERMISSION),
    ("alice", PASSWORD, replace(ALICE, dial_in=DialIn.POLICY), Reason.NO_PERMISSION), ("a" * 253, PASSWORD, ALICE, Reason.CREDENTIALS),
    ("alice@example.test", PASSWORD, ALICE, Reason.CREDENTIALS),
], ids=["password", "unknown", "empty password", "disabled", "denied", "left to the policy", "253 characters", "address"])
def test_a_user_is_refused_for_a_reason(
    server: Server, opened: Callable[[], Opened], kind: int, passwords: str, user: str, password: str, account: Account, reason: Reason
) -> None:
    server.host, server.accounts = replace(server.host, passwords=passwords), [account]
    front = opened()
    carried = front.admit(kind, password, user)

    assert not carried.accepted
    assert carried.refusal is not None
    assert carried.refusal.by == "server"
    assert front.reasons == [reason]
    assert server.refused[0].user == user


@pytest.mark.parametrize("user", ["WIN10VPN\\alice", "ALICE", "m\u00fcller"])
@pytest.mark.parametrize("passwords", ["lsa", "caller"])
def test_a_name_is_known_with_its_domain_in_any_case_and_any_letters(server: Server, opened: Callable[[], Opened], user: str, passwords: str) -> None:
    server.host, server.accounts = replace(server.host, passwords=passwords), [ALICE, replace(ALICE, name="m\u00fcller")]

    assert opened().admit(MSCHAPV2, user=user).accepted


def test_a_certificate_of_another_root_is_refused_until_that_root_is_trusted(server: Server, opened: Callable[[], Opened]) -> None:
    stranger = Authority("Other root")
    shown = stranger.issue("alice", usages=CLIENT_USAGES)
    front = opened()

    assert not front.admit(TLS, certificate=shown.certificate_pem, key=shown.private_key_pem).accepted
    assert front.reasons == [Reason.EAP_ERROR]
    server.roots = [stranger]
    assert front.admit(TLS, certificate=shown.certificate_pem, key=shown.private_key_pem).accepted


def test_a_client_that_does_not_trust_the_server_ends_it_and_that_is_told(server: Server, opened: Callable[[], Opened]) -> None:
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
    server: Server, opened: Callable[[], Opened], authentication: set[int], eap: set[int], admitted: set[int]
) -> None:
    server.policy = AccessPolicy(authentication_types=frozenset(authentication), eap_types=frozenset(eap))
    front = opened()

    assert {kind for kind in (MSCHAPV2, PEAP, TLS) if front.admit(kind).accepted} == admitted
    assert front.reasons == [Reason.METHOD_NOT_ENABLED] * (3 - len(admitted))
    assert bool(server.started) is bool(admitted), "the program is not started for nothing"


def test_a_method_that_nobody_has_is_another_reason(server: Server, opened: Callable[[], Opened]) -> None:
    server.host = replace(server.host, methods=(MSCHAPV2,))
    front = opened()

    assert not front.admit(TLS).accepted
    assert front.reasons == [Reason.NO_COMMON_EAP_TYPE]


def test_without_the_program_nobody_gets_in(server: Server, opened: Callable[[], Opened]) -> None:
    server.missing = "eapahost.dll: not registered"
    front = opened()

    assert not front.admit(MSCHAPV2).accepted
    assert [one.refusal.text for one in server.refused] == ["eapahost.dll: not registered"]


# -- which process ----------------------------------------------------------------------------------------------------------


def test_one_process_answers_all_and_another_one_after_accounts_have_changed(server: Server, opened: Callable[[], Opened]) -> None:
    front = opened()
    assert [front.admit(kind).accepted for kind in (MSCHAPV2, TLS)] == [True, True]
    assert len(server.started) == 1

    server.accounts = [replace(ALICE, password="another")]
    assert not front.admit(MSCHAPV2).accepted
    assert front.admit(MSCHAPV2, "another").accepted
    assert len(server.started) == 2
    assert server.ended == server.started[:1]


def test_a_program_that_was_altered_answers_nobody(server: Server, opened: Callable[[], Opened]) -> None:
    front = opened()
    assert front.admit(MSCHAPV2).accepted
    server.altered = True

    assert not front.admit(MSCHAPV2).accepted
    assert "altered" in server.refused[0].refusal.text


def test_a_process_that_dies_refuses_its_clients_and_the_next_gets_a_new_one(server: Server, opened: Callable[[], Opened]) -> None:
    front = opened()

    class Dying(MethodPeer):
        def receive(self, packet: bytes) -> bytes | None:
            if packet != IDENTITY_REQUEST and not server.ended:
                os.kill(server.started[0], 9)
            return super().receive(packet)

    assert not carry(front.end, Dying("alice", MsChapV2("alice", PASSWORD)), "alice").accepted
    assert front.reasons == [Reason.EAP_ERROR]
    assert front.admit(MSCHAPV2).accepted
    assert len(server.started) == 2


def test_a_process_that_cannot_start_refuses_and_the_next_attempt_tries_again(server: Server, opened: Callable[[], Opened], tmp_path: Path) -> None:
    good = server.host
    server.host = replace(good, build=tmp_path / "nothing.exe")
    front = opened()
    assert not front.admit(MSCHAPV2).accepted
    assert front.reasons == [Reason.EAP_ERROR]

    server.host = good
    assert front.admit(MSCHAPV2).accepted


def test_an_idle_process_is_ended(server: Server, opened: Callable[[], Opened], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation_module, "IDLE", 0.05)
    front = opened()
    assert front.admit(MSCHAPV2).accepted

    wait_until(lambda: server.ended == server.started, Deadline(5.0), lambda: AssertionError("it still runs"))
    assert front.admit(MSCHAPV2).accepted


# -- one packet after another -------------------------------------------------------------------------------------------------


class Client:
    """A client whose packets a test sends itself, past the socket."""

    def __init__(self, front: Front, peer: MethodPeer) -> None:
        self.front, self.peer, self.state, self.code = front, peer, b"", 0
        self.said = peer.receive(IDENTITY_REQUEST) or b""
        self.heard: list[bytes] = []

    def send(self, eap: bytes | None = None) -> AuthPacket | None:
        """Send what is due, or something else; return the reply."""
        request = AuthPacket(code=1, secret=SECRET)
        request[EAP_MESSAGE] = [(eap or self.said)[start:start + 253] for start in range(0, len(eap or self.said), 253)]
        if self.state:
            request[STATE] = [self.state]
        request.add_message_authenticator()
        raw = self.front.answer(request.RequestPacket(), self)
        if raw is None:
            return None
        reply: AuthPacket = request.CreateReply(packet=raw)
        self.code, self.state = reply.code, b"".join(reply.get(STATE, []))
        self.heard.append(b"".join(reply[EAP_MESSAGE]))
        return reply

    def step(self) -> bool:
        """Go on; return whether it goes on further."""
        self.send()
        self.said = self.peer.receive(self.heard[-1]) or b""
        return self.code == 11


@pytest.fixture
def past_the_socket(server: Server) -> Iterator[Opened]:
    """The front without its thread: a test calls it."""
    made = server.open(socket=False)
    yield made
    made.close()


def test_many_clients_at_a_time_are_kept_apart(server: Server, past_the_socket: Opened) -> None:
    server.accounts = [replace(ALICE, name=f"user{number}", password=f"word{number}") for number in range(20)]
    clients = [Client(past_the_socket.front, past_the_socket.peer((MSCHAPV2, PEAP)[number % 2], f"word{number}", f"user{number}")) for number in range(20)]
    going = list(clients)
    for _ in range(40):
        going = [one for one in going if one.step()]

    assert [one.code for one in clients] == [2] * 20
    assert len({one.peer.msk for one in clients}) == 20
    assert len(server.started) == 1


def test_a_packet_that_answers_nothing_gets_the_request_again_and_not_for_ever(server: Server, past_the_socket: Opened) -> None:
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


def test_the_packet_that_was_accepted_last_gets_the_request_again_and_does_no_harm(server: Server, past_the_socket: Opened) -> None:
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


def test_an_attempt_of_which_nobody_knows_has_no_answer(server: Server, past_the_socket: Opened) -> None:
    client = Client(past_the_socket.front, past_the_socket.peer(MSCHAPV2))
    client.state = b"x" * 16

    assert client.send() is None


def test_an_attempt_that_was_abandoned_is_forgotten(server: Server, past_the_socket: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    left, next_one = (Client(past_the_socket.front, past_the_socket.peer(MSCHAPV2)) for _ in range(2))
    left.step()
    monkeypatch.setattr(conversations_module, "ABANDONED", -1.0)

    next_one.send()
    assert left.send() is None


@pytest.mark.parametrize("kind", [MSCHAPV2, PEAP, TLS])
def test_a_round_trip_is_short_once_everything_is_compiled(server: Server, past_the_socket: Opened, kind: int) -> None:
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
