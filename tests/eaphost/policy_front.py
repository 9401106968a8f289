"""The twin's policy engine with the real program behind it, as tests use it: a machine as the front sees it, the front itself, a client past its socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

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
from lab.twin.rras.eap.activation import Activation, Launch, Process
from lab.twin.rras.eap.conversations import Conversations, Refused
from lab.twin.rras.eap.front import Front, FrontServer
from lab.twin.rras.eap.messages import EAP_MESSAGE, STATE
from lab.twin.rras.eap.papers import accounts_file, papers
from lab.twin.rras.eap.policy_engine import Reason
from lab.twin.rras.eap.settings import EapSettings
from lab.twin.windows.certificates import Stored
from lab.twin.windows.eaphost import ComponentMissing, EapHost
from lab.twin.windows.ias import AccessPolicy
from lab.twin.windows.users import Account, DialIn

SECRET = b"shared with charon"
ALL = AccessPolicy(authentication_types=frozenset({5, 11}), eap_types=frozenset({13, 25, 26}))
PASSWORD = "Pa$$w0rd"
MOST_SESSIONS = 256
"""Limits.Sessions of the program."""
ROUND_TRIP_S = 0.02
"""From a RADIUS request to its answer: median 0.3 to 0.5 ms measured; the first of a process took 0.1 to 0.2 s."""
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
