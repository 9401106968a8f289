"""A RADIUS client of pyrad's that carries EAP (RFC 3579): what an IKE responder does with the packets of a peer."""

from __future__ import annotations

import io
from dataclasses import dataclass

from freeradius_server import RadiusEnd
from pyrad.client import Client
from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept, AccessChallenge, Packet

from lab.ike.eap.peer import MethodPeer
from lab.ike.errors import Refused

USER_NAME, FRAMED_MTU, STATE, EAP_MESSAGE = 1, 12, 24, 79
MICROSOFT = 311
SEND_KEY, RECEIVE_KEY = (MICROSOFT, 16), (MICROSOFT, 17)
MOST = 253
"""Octets of an attribute."""
IDENTITY_REQUEST = b"\1\0\0\5\1"
VENDOR = "VENDOR Microsoft 311\n"
"""Of a dictionary no more: pyrad takes vendor attributes apart only for a vendor that it knows."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A conversation that came to its end."""

    accepted: bool
    requests: list[bytes]
    """The authenticator's packets, the last one too."""
    keys: tuple[bytes, bytes]
    """MS-MPPE-Recv-Key and MS-MPPE-Send-Key (RFC 2548); empty when refused."""
    refusal: Refused | None
    """What the peer makes of the end; None when it takes it for success."""

    @property
    def msk(self) -> bytes:
        """The master session key as an IKE responder puts it together."""
        return b"".join(self.keys).ljust(64, b"\0")


def carry(end: RadiusEnd, peer: MethodPeer, user: str, *, mtu: int = 1400, rounds: int = 100) -> Carried:
    """Let a peer be authenticated, as the user whom it names outside."""
    client = Client("127.0.0.1", authport=end.port, secret=end.secret, dict=Dictionary(io.StringIO(VENDOR)), retries=1, timeout=10, enforce_ma=True)
    answer, state, requests = peer.receive(IDENTITY_REQUEST), b"", []
    for _ in range(rounds):
        assert answer is not None
        reply = client.SendPacket(_asked(client, user, answer, state, mtu))
        requests.append(b"".join(reply.get(EAP_MESSAGE, [])))
        if reply.code != AccessChallenge:
            return _ended(reply, peer, requests)
        state, answer = reply[STATE][0], peer.receive(requests[-1])
    raise AssertionError(f"no end after {rounds} rounds")


def _asked(client: Client, user: str, answer: bytes, state: bytes, mtu: int) -> Packet:
    asked = client.CreateAuthPacket()
    asked[USER_NAME] = [user.encode()]
    asked[FRAMED_MTU] = [mtu.to_bytes(4, "big")]
    asked[EAP_MESSAGE] = [answer[at:at + MOST] for at in range(0, len(answer), MOST)]
    if state:
        asked[STATE] = [state]
    asked.add_message_authenticator()
    return asked


def _ended(reply: Packet, peer: MethodPeer, requests: list[bytes]) -> Carried:
    refusal = None
    try:
        assert peer.receive(requests[-1]) is None
    except Refused as error:
        refusal = error
    accepted = reply.code == AccessAccept
    keys = (reply.SaltDecrypt(reply[RECEIVE_KEY][0]), reply.SaltDecrypt(reply[SEND_KEY][0])) if accepted else (b"", b"")
    return Carried(accepted, requests, keys, refusal)
