"""PEAP version 0, the client's side ([MS-PEAP]; draft-kamath-pppext-peapv0): a method inside TLS, and a result that both ends tell inside it.

Inner packets travel without their EAP header, but for the result (type 33). No cryptobinding, no fast reconnect. The key is that of TLS, and
counts once the inner method's server has proved itself and both ends have told success.
"""

from __future__ import annotations

import struct

from lab.ike.eap.peer import Code, EapMethod, Method
from lab.ike.eap.tls import EapTls, Trust
from lab.ike.errors import Malformed

RESULT = struct.Struct("!BBHBHHH")
RESULT_TLV = 0x8003
SUCCESS, FAILURE = 1, 2


class Peap(EapTls):
    """A method inside TLS."""

    kind = Method.PEAP

    def __init__(self, trust: Trust, identity: str, inner: EapMethod) -> None:
        super().__init__(trust)
        self._identity, self._inner, self._agreed = identity, inner, False

    @property
    def told(self) -> str:  # type: ignore[override]  # EAP-TLS is told nothing
        """The server's words of refusal, as the inner method got them."""
        return self._inner.told

    @property
    def msk(self) -> bytes:
        """The key; empty before both ends have told success. Raises Refused when one end has refused the other."""
        key = super().msk
        return key if self._agreed else b""

    def inside(self, identifier: int, clear: bytes) -> None:
        """Answer an inner packet. Raises Refused, Malformed."""
        if not clear:
            raise Malformed("an empty packet inside PEAP")
        if len(clear) == RESULT.size and clear[4] == Method.EXTENSIONS:  # first: its header begins as an identity request does
            self._tls.write(self._result(clear))
        elif clear[0] == Method.IDENTITY:
            self._tls.write(bytes([Method.IDENTITY]) + self._identity.encode())
        elif clear[0] == self._inner.kind:
            self.inner = (int(self._inner.kind),)
            self._tls.write(bytes([self._inner.kind]) + self._inner.answer(identifier, clear[1:]))
        else:
            self._tls.write(bytes([Method.NAK, self._inner.kind]))

    def _result(self, clear: bytes) -> bytes:
        code, identifier, length, kind, tlv, size, result = RESULT.unpack(clear)
        if (code, length, tlv, size) != (Code.REQUEST, RESULT.size, RESULT_TLV, 2):
            raise Malformed("a result inside PEAP that is none")
        self._agreed = result == SUCCESS and bool(self._inner.msk)
        return RESULT.pack(Code.RESPONSE, identifier, length, kind, tlv, size, SUCCESS if self._agreed else FAILURE)
