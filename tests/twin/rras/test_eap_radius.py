"""RADIUS as the front speaks it, against pyrad's client side; what is not genuine or malformed has no answer."""

from __future__ import annotations

import hmac
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrad.client import Client
from pyrad.dictionary import Dictionary
from pyrad.packet import AuthPacket

from lab.twin.rras.eap.conversations import Verdict
from lab.twin.rras.eap.front import Front
from lab.twin.rras.eap.messages import (
    EAP_MESSAGE,
    ERROR_CAUSE,
    MICROSOFT,
    RECEIVE_KEY,
    SEND_KEY,
    STATE,
    Code,
    Keys,
    Unacceptable,
    read,
    write,
)

SECRET = b"shared with charon"
IDENTITY = b"\x02\x00\x00\x0a\x01alice"
KEYS = Keys(send=bytes(range(16)), receive=bytes(range(32, 64)))


VENDOR = "VENDOR Microsoft 311\n"
"""Of a dictionary no more: pyrad takes vendor attributes apart only for a vendor that it knows."""


def asked(eap: bytes = IDENTITY, *, state: bytes = b"", secret: bytes = SECRET) -> AuthPacket:
    request: AuthPacket = Client("127.0.0.1", secret=secret, dict=Dictionary(io.StringIO(VENDOR))).CreateAuthPacket()
    request[31] = [b"203.0.113.20[500]"]
    request[EAP_MESSAGE] = [eap[start:start + 253] for start in range(0, len(eap), 253)] or [b""]
    if state:
        request[STATE] = [state]
    request.add_message_authenticator()
    return request


def unsigned() -> bytes:
    """Return a request with an EAP-Message alone."""
    return bytes([1, 9, 0, 20 + 2 + len(IDENTITY)]) + bytes(16) + bytes([EAP_MESSAGE, 2 + len(IDENTITY)]) + IDENTITY


def answered(request: AuthPacket, raw: bytes) -> AuthPacket:
    reply = request.CreateReply(packet=raw)
    assert request.VerifyReply(reply, raw, enforce_ma=True)
    reply.request_authenticator = request.authenticator
    return reply


class Taken:
    """Conversations that say what they were told to."""

    def __init__(self, *verdicts: Verdict | None) -> None:
        self.verdicts, self.taken = list(verdicts), []

    def take(self, state: bytes, packet: bytes, client: str) -> Verdict | None:
        self.taken.append((state, packet, client))
        return self.verdicts.pop(0)


CHALLENGE = Verdict(code=Code.ACCESS_CHALLENGE, eap=b"\x01\x01\x00\x06\x0d\x20", state=b"S" * 16)


@pytest.mark.parametrize("size", [1, 253, 254, 1020, 3000])
def test_a_packet_of_eap_is_put_together_and_taken_apart(size: int) -> None:
    eap = bytes(number % 251 for number in range(size))
    request = asked(eap, state=b"state")
    known = read(request.RequestPacket(), SECRET)
    assert (known.eap, known.state, known.client) == (eap, b"state", "203.0.113.20[500]")

    reply = answered(request, write(known, Code.ACCESS_CHALLENGE, SECRET, eap=eap, state=b"next"))
    assert (reply.code, b"".join(reply[EAP_MESSAGE]), reply[STATE]) == (11, eap, [b"next"])
    assert all(len(piece) <= 253 for piece in reply[EAP_MESSAGE])


def test_keys_are_encrypted_each_with_a_salt_of_its_own() -> None:
    request = asked()
    raw = write(read(request.RequestPacket(), SECRET), Code.ACCESS_ACCEPT, SECRET, eap=b"\x03\x00\x00\x04", keys=KEYS)
    reply = answered(request, raw)
    encrypted = {kind: reply[MICROSOFT, kind][0] for kind in (SEND_KEY, RECEIVE_KEY)}

    assert {kind: reply.SaltDecrypt(value) for kind, value in encrypted.items()} == {SEND_KEY: KEYS.send, RECEIVE_KEY: KEYS.receive}
    assert encrypted[SEND_KEY][:2] != encrypted[RECEIVE_KEY][:2]
    assert all(value[0] & 0x80 for value in encrypted.values()), "RFC 2548 2.4.2: the salt's first bit is set"
    assert KEYS.send not in raw
    assert KEYS.receive not in raw


def test_an_ignored_packet_is_said_to_be_one() -> None:
    request = asked()
    known = read(request.RequestPacket(), SECRET)

    assert answered(request, write(known, Code.ACCESS_CHALLENGE, SECRET, eap=b"\x01", ignored=True))[ERROR_CAUSE] == [(202).to_bytes(4, "big")]
    assert ERROR_CAUSE not in answered(request, write(known, Code.ACCESS_CHALLENGE, SECRET, eap=b"\x01"))


def test_a_request_that_comes_again_is_answered_as_before_and_asked_of_nobody() -> None:
    conversations = Taken(CHALLENGE, None)
    front = Front(SECRET, conversations)  # type: ignore[arg-type]
    raw, other = asked().RequestPacket(), asked().RequestPacket()

    first = front.answer(raw, "charon")
    assert first is not None
    assert front.answer(raw, "charon") == first
    assert len(conversations.taken) == 1
    assert front.answer(other, "charon") is None
    assert len(conversations.taken) == 2


@pytest.mark.parametrize("raw", [
    b"", b"\x01", asked().RequestPacket()[:-1], asked(secret=b"another").RequestPacket(), unsigned(), asked(b"").RequestPacket(),
    bytes([4]) + asked().RequestPacket()[1:],
], ids=["nothing", "a byte", "cut off", "another secret", "no authenticator", "no EAP", "accounting"])
def test_what_is_not_genuine_has_no_answer(raw: bytes) -> None:
    conversations = Taken()
    assert Front(SECRET, conversations).answer(raw, "somebody") is None  # type: ignore[arg-type]
    assert conversations.taken == []
    with pytest.raises(Unacceptable):
        read(raw, SECRET)


def resigned(raw: bytes) -> bytes:
    """Sign octets as they are, if they have room for a Message-Authenticator."""
    head = raw[:2] + (len(raw) + 18).to_bytes(2, "big") + raw[4:] + bytes([80, 18])
    return head + hmac.digest(SECRET, head + bytes(16), "md5")


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=600), spoilt=st.integers(0, 60), octet=st.integers(0, 255))
def test_no_octets_break_the_front(raw: bytes, spoilt: int, octet: int) -> None:
    conversations = Taken(*[None] * 3)
    front = Front(SECRET, conversations)  # type: ignore[arg-type]
    genuine = asked().RequestPacket()

    assert front.answer(raw, "somebody") is None
    assert front.answer(genuine[:spoilt] + bytes([octet]) + genuine[spoilt + 1:], "somebody") is None
    assert front.answer(resigned(b"\x01\x07\x00\x00" + raw.ljust(16, b"\0")), "somebody") is None
