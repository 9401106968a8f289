"""EAP-MSCHAPv2, the client's side (draft-kamath-pppext-eap-mschapv2-02). The key counts once the server has proved that it knows the password."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

from lab.ike.eap import mschap
from lab.ike.eap.peer import Method
from lab.ike.errors import Malformed, Refused

HEADER = struct.Struct("!BBH")
CHALLENGE, RESPONSE, SUCCESS, FAILURE = 1, 2, 3, 4
SIZE = 16


class MsChapV2:
    """One authentication of a user by password."""

    kind = Method.MSCHAPV2
    inner = ()

    def __init__(self, user: str, password: str, *, random: Callable[[int], bytes] = os.urandom) -> None:
        """Take the user's name, with or without domain, and the password. `random` makes the peer's challenge."""
        self._user, self._password, self._random = user.encode(), password, random
        self._expected, self._response, self._proved = b"", b"", False
        self.told = ""
        """The server's words of refusal: "E=691 R=0 …"."""

    @property
    def msk(self) -> bytes:
        """The key; empty until the server has proved itself."""
        return mschap.session_key(self._password, self._response) if self._proved else b""

    def answer(self, identifier: int, data: bytes) -> bytes:  # noqa: ARG002 - MS-CHAPv2 has an identifier of its own
        """Return the answer to challenge, success and failure. Raises Refused: the server does not know the password; Malformed."""
        if len(data) < HEADER.size:
            raise Malformed(f"an EAP-MSCHAPv2 packet of {len(data)} bytes")
        operation, number, length = HEADER.unpack_from(data)
        if length != len(data):
            raise Malformed(f"an EAP-MSCHAPv2 packet says that it has {length} bytes, there are {len(data)}")
        rest = data[HEADER.size :]
        if operation == CHALLENGE:
            return self._respond(number, rest)
        if operation == SUCCESS:
            if not self._expected or not mschap.proves(rest, self._expected):
                raise Refused("client", "the server does not know the password: its authenticator response is wrong")
            self._proved = True
            return bytes([SUCCESS])
        if operation == FAILURE:
            self.told = rest.decode(errors="replace")
            return bytes([FAILURE])
        raise Malformed(f"an EAP-MSCHAPv2 request of operation {operation}")

    def _respond(self, number: int, rest: bytes) -> bytes:
        if len(rest) < 1 + SIZE or rest[0] != SIZE:
            raise Malformed("an EAP-MSCHAPv2 challenge that is not of 16 bytes")
        authenticator, peer = rest[1 : 1 + SIZE], self._random(SIZE)
        name = self._user.rpartition(b"\\")[2]
        self._response = mschap.nt_response(authenticator, peer, name, self._password)
        self._expected = mschap.authenticator_response(self._password, self._response, peer, authenticator, name)
        self._proved = False
        value = peer + bytes(8) + self._response + b"\0"
        return HEADER.pack(RESPONSE, number, HEADER.size + 1 + len(value) + len(self._user)) + bytes([len(value)]) + value + self._user
