"""The peer's TLS methods, on Python's ssl: framing of its own, EAP-TLS, PEAPv0, and the MSK computed from the key log (RFC 5246 5)."""

from __future__ import annotations

import contextlib
import hmac
import ssl
import struct
from pathlib import Path

from eap_peer import MsChapV2Peer

LENGTH, MORE, START = 0x80, 0x40, 0x20


def prf(algorithm: str, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """TLS 1.2's pseudo random function."""
    seed, output = label + seed, b""
    block = seed
    while len(output) < length:
        block = hmac.digest(secret, block, algorithm)
        output += hmac.digest(secret, block + seed, algorithm)
    return output[:length]


class TlsPeer:
    """EAP-TLS; with an inner method, PEAPv0."""

    def __init__(self, roots: Path, log: Path, *, certificate: tuple[Path, Path] | None = None, fragment: int = 1000, inner: MsChapV2Peer | None = None,
                 inner_identity: str = "", refuses_inner: bool = False, disagrees: bool = False, gives_length: bool = True,
                 early: str = "", claims_success: bool = False) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = False
        context.load_verify_locations(roots)
        context.keylog_filename = str(log)
        if certificate:
            context.load_cert_chain(*certificate)
        self._in, self._out, self._log = ssl.MemoryBIO(), ssl.MemoryBIO(), log
        self._tls = context.wrap_bio(self._in, self._out)
        self._fragment, self._gives_length = fragment, gives_length
        self._inner, self._inner_identity, self._refuses_inner, self._disagrees = inner, inner_identity, refuses_inner, disagrees
        self._early, self._claims = early, claims_success
        self._received, self._pending, self._all_received, self._up = b"", b"", b"", False
        self.refusal = ""
        """TLS' error, if it refused."""
        self.results: list[int] = []
        """What PEAP's Result TLVs said."""
        self.longest = 0
        """Longest type data that came."""

    def answer(self, data: bytes) -> bytes:
        self.longest = max(self.longest, len(data))
        flags, rest = data[0], data[1:]
        if self._pending:
            assert data == b"\0", "expected an acknowledgement of the fragment"
            return self._next()
        if flags & LENGTH:
            rest = rest[4:]
        self._received += rest
        if flags & MORE:
            return b"\0"
        message, self._received = self._received, b""
        return self._send(self._process(message, start=bool(flags & START)))

    # -- framing --------------------------------------------------------------------------------------------------------------

    def _send(self, message: bytes) -> bytes:
        if len(message) <= self._fragment:
            head = struct.pack("!BI", LENGTH, len(message)) if message and self._gives_length else b"\0"
            return head + message
        self._pending = message[self._fragment:]
        return struct.pack("!BI", LENGTH | MORE, len(message)) + message[:self._fragment]

    def _next(self) -> bytes:
        part, self._pending = self._pending[:self._fragment], self._pending[self._fragment:]
        return bytes([MORE if self._pending else 0]) + part

    # -- TLS ------------------------------------------------------------------------------------------------------------------

    def _process(self, message: bytes, *, start: bool) -> bytes:
        assert start or message or self._up or self.refusal
        self._all_received += message
        self._in.write(message)
        try:
            if not self._up:
                self._shake()
                self._speak_early()
            elif self._inner and message:
                self._inside(self._tls.read(65536))
        except ssl.SSLError as error:
            self.refusal = str(error)
        return self._out.read()

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
            self._up = True
        except ssl.SSLWantReadError:
            return

    def _speak_early(self) -> None:
        """Instead of the empty answer to the server's Finished: data, or good-bye."""
        if self._up and self._early == "data":
            self._tls.write(b"x")
        elif self._up and self._early == "close_notify":
            with contextlib.suppress(ssl.SSLWantReadError):
                self._tls.unwrap()

    @property
    def msk(self) -> bytes:
        """The first 64 octets of "client EAP encryption"."""
        _, client_random, master = next(line for line in self._log.read_text().splitlines()[::-1] if line.startswith("CLIENT_RANDOM")).split()
        cipher = self._tls.cipher()
        assert cipher
        assert self._all_received[5] == 2, "expected ServerHello first"
        seed = bytes.fromhex(client_random) + self._all_received[11:43]
        return prf("sha384" if cipher[0].endswith("SHA384") else "sha256", bytes.fromhex(master), b"client EAP encryption", seed, 64)

    # -- inside PEAP ----------------------------------------------------------------------------------------------------------

    def _inside(self, clear: bytes) -> None:
        assert self._inner
        if clear == b"\x01":
            answer = b"\x01" + self._inner_identity.encode()
        elif clear[0] == 26:
            answer = b"\x03\x06" if self._refuses_inner else b"\x1a" + self._inner.answer(clear[1:])
        else:
            code, identifier, length, kind, tlv, size, result = struct.unpack("!BBHBHHH", clear)
            assert (code, length, kind, tlv, size) == (1, 11, 33, 0x8003, 2)
            self.results.append(result)
            answer = struct.pack("!BBHBHHH", 2, identifier, 11, 33, tlv, size, 2 if self._disagrees else 1 if self._claims else result)
        self._tls.write(answer)


