"""RADIUS' octets, as far as EAP needs them: a request read and checked, an answer made. Pure. The codec is pyrad's.

RFC 2865 (packets, State), RFC 3579 (EAP-Message in pieces, Message-Authenticator on every packet, Error-Cause for an ignored packet), RFC 2548
(MS-MPPE keys, encrypted with a salt).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from pyrad.packet import AuthPacket, PacketError

USER_NAME, STATE, CALLING_STATION, EAP_MESSAGE, MESSAGE_AUTHENTICATOR, ERROR_CAUSE = 1, 24, 31, 79, 80, 101
MICROSOFT, SEND_KEY, RECEIVE_KEY = 311, 16, 17
PIECE = 253
"""Octets of a packet of EAP in one attribute."""
INVALID_EAP_PACKET_IGNORED = (202).to_bytes(4, "big")
AUTHENTICATOR_SIZE = 16


class Code(IntEnum):
    """Codes of packets."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCESS_CHALLENGE = 11


class Unacceptable(Exception):
    """Octets that are no request of charon's: discarded without an answer (RFC 3579 3.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An Access-Request that is genuine."""

    identifier: int
    authenticator: bytes
    eap: bytes
    """A packet of EAP, put together."""
    state: bytes
    """As it was given with the challenge before; empty in a first request."""
    client: str
    """Outer address and port of the client, as charon writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What both ends of a method know (RFC 2548 2.4.2, 2.4.3)."""

    send: bytes = field(repr=False)
    receive: bytes = field(repr=False)


def read(data: bytes, secret: bytes) -> Request:
    """Return a request. Raises Unacceptable: malformed, not genuine, without EAP."""
    try:
        packet = AuthPacket(secret=secret, packet=data)
    except PacketError as error:
        raise Unacceptable(f"no RADIUS packet: {error}") from error
    if packet.code != Code.ACCESS_REQUEST:
        raise Unacceptable(f"a packet of code {packet.code}, expected an Access-Request")
    if [len(one) for one in _values(packet, MESSAGE_AUTHENTICATOR)] != [AUTHENTICATOR_SIZE] or not packet.verify_message_authenticator():
        raise Unacceptable("the Message-Authenticator is missing or wrong")
    eap, states = b"".join(_values(packet, EAP_MESSAGE)), _values(packet, STATE)
    if not eap or len(states) > 1:
        raise Unacceptable("no EAP-Message, or more than one State")
    return Request(identifier=packet.id, authenticator=packet.authenticator, eap=eap, state=b"".join(states),
                   client=b"".join(_values(packet, CALLING_STATION)).decode(errors="replace"))


def _values(packet: AuthPacket, kind: int) -> list[bytes]:
    return list(packet.get(kind, []))


def write(request: Request, code: Code, secret: bytes, *, eap: bytes, state: bytes = b"", keys: Keys | None = None, ignored: bool = False) -> bytes:
    """Return the answer to a request.

    Args:
        request: to which.
        code: what it says.
        secret: shared with charon.
        eap: the packet for the client.
        state: comes back with the next request.
        keys: go with an Access-Accept.
        ignored: the request's packet of EAP was none that could be answered; `eap` is the one before, again.
    """
    packet = AuthPacket(code=int(code), id=request.identifier, secret=secret, authenticator=request.authenticator)
    packet.add_message_authenticator()  # first of all (CVE-2024-3596)
    packet[EAP_MESSAGE] = [eap[start : start + PIECE] for start in range(0, len(eap), PIECE)]
    if state:
        packet[STATE] = [state]
    if ignored:
        packet[ERROR_CAUSE] = [INVALID_EAP_PACKET_IGNORED]
    if keys is not None:
        packet[MICROSOFT, SEND_KEY] = [packet.SaltCrypt(keys.send)]
        packet[MICROSOFT, RECEIVE_KEY] = [packet.SaltCrypt(keys.receive)]
        while packet[MICROSOFT, RECEIVE_KEY][0][:2] == packet[MICROSOFT, SEND_KEY][0][:2]:  # no salt twice in a packet
            packet[MICROSOFT, RECEIVE_KEY] = [packet.SaltCrypt(keys.receive)]
    answer: bytes = packet.ReplyPacket()
    return answer
