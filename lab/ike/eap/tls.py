"""EAP-TLS, the client's side (RFC 5216): framing, fragments both ways, TLS 1.2 by Python's own `ssl`, and the key.

`ssl` has no exporter, so the MSK is computed from the master secret, which `ssl` writes into a key log, here a file in memory, and from
both ends' random values: TLS 1.2's PRF with "client EAP encryption" (RFC 5216, 2.3; RFC 5246, 5).
"""

from __future__ import annotations

import contextlib
import hmac
import os
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.ike.eap.peer import Method
from lab.ike.errors import Malformed, Refused

LENGTH, MORE, START, VERSION = 0x80, 0x40, 0x20, 0x07
PIECE = 1000
"""Bytes of TLS in one of our packets: with IKE around it, it fits. A Mac's own limit is unknown."""
MOST = 1 << 16
"""Bytes of one TLS message of the server's, together."""
LABEL = b"client EAP encryption"
SERVER_HELLO = 2
RECEIVED_ALERT = "_ALERT_"
"""In OpenSSL's names of errors that are alerts of the other end's: "TLSV1_ALERT_UNKNOWN_CA"."""
LEGACY_SERVER_CONNECT = 0x4
"""SSL_OP_LEGACY_SERVER_CONNECT, which `ssl` names from Python 3.12 on: take a server without RFC 5746. strongSwan's is one; nothing here renegotiates."""


def prf(digest: str, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """Return so many bytes of TLS 1.2's pseudorandom function (RFC 5246, 5)."""
    found, seed = b"", label + seed
    block = seed
    while len(found) < length:
        block = hmac.digest(secret, block, digest)
        found += hmac.digest(secret, block + seed, digest)
    return found[:length]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the client's TLS trusts and shows."""

    roots: str
    """PEM; one of them must have issued the server's certificate, which must have serverAuth if it names usages at all (OpenSSL sees to both). Its
    name is not compared (Security-58286, SecPolicyCreateEAP): IKE has authenticated the server before."""
    certificate: str = ""
    """PEM; "" shows none."""
    key: str = field(default="", repr=False)


class Tls:
    """A TLS 1.2 client in memory."""

    def __init__(self, trust: Trust) -> None:
        self._log = os.memfd_create("tls-keys")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.options |= LEGACY_SERVER_CONNECT
        context.load_verify_locations(cadata=trust.roots)
        context.keylog_filename = f"/proc/self/fd/{self._log}"
        if trust.certificate:
            with _in_memory(trust.certificate + trust.key) as path:
                context.load_cert_chain(path)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out)
        self._first = b""
        self.is_up = False
        self.refusal: Refused | None = None
        """Who refused and why; an alert of the client's that tells the server so is sent first."""

    def __del__(self) -> None:
        os.close(self._log)

    def feed(self, data: bytes) -> None:
        """Take the server's bytes."""
        if len(self._first) < 43:
            self._first += data
        self._in.write(data)
        if self.is_up:
            return
        try:
            self._tls.do_handshake()
            self.is_up = True
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            reason = error.reason or str(error)
            alert = reason.partition(RECEIVED_ALERT)[2].replace("_", " ").lower()
            self.refusal = Refused("server" if alert else "client", f"TLS: {alert or reason}")

    def read(self) -> bytes:
        """Return what the server says inside. Raises Malformed."""
        try:
            return self._tls.read(MOST)
        except ssl.SSLError as error:
            raise Malformed(f"a TLS record inside PEAP cannot be read: {error.reason or error}") from error

    def write(self, data: bytes) -> None:
        """Say something inside."""
        self._tls.write(data)

    def take(self) -> bytes:
        """Return what is to be sent."""
        return self._out.read()

    @property
    def msk(self) -> bytes:
        """The key of EAP; empty before the handshake is done."""
        if not self.is_up:
            return b""
        lines = os.pread(self._log, MOST, 0).decode().split("\n")
        _, client, master = next(line for line in lines if line.startswith("CLIENT_RANDOM ")).split()
        if self._first[5] != SERVER_HELLO:
            raise Malformed("the server's first TLS message is no ServerHello")
        cipher = self._tls.cipher()
        assert cipher is not None
        digest = "sha384" if cipher[0].endswith("SHA384") else "sha256"
        return prf(digest, bytes.fromhex(master), LABEL, bytes.fromhex(client) + self._first[11:43], 64)


@contextlib.contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """Yield the path of a file in memory: `ssl` takes certificate and key from files only."""
    descriptor = os.memfd_create("tls-identity")
    try:
        os.write(descriptor, text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


class EapTls:
    """EAP-TLS; `inside` is what PEAP adds."""

    kind = Method.TLS
    inner: tuple[int, ...] = ()
    told = ""

    def __init__(self, trust: Trust) -> None:
        self._tls = Tls(trust)
        self._incoming, self._expected = b"", 0
        self._outgoing = b""

    @property
    def msk(self) -> bytes:
        """The key; empty before the handshake is done. Raises Refused when one end has refused the other."""
        self._refuse()
        return self._tls.msk

    def _refuse(self) -> None:
        if self._tls.refusal and not self._outgoing:
            raise self._tls.refusal

    def answer(self, identifier: int, data: bytes) -> bytes:
        """Return the answer to a request: a message, a fragment of one, or an acknowledgement. Raises Refused, Malformed."""
        if not data:
            raise Malformed("an EAP-TLS request without flags")
        flags, rest = data[0], data[1:]
        if self._outgoing:
            if rest or flags & ~VERSION:
                raise self._interrupted(flags, rest)
            return self._piece()
        self._refuse()
        if flags & LENGTH:
            if len(rest) < 4:
                raise Malformed("an EAP-TLS request whose length is cut off")
            self._expected, rest = struct.unpack("!I", rest[:4])[0], rest[4:]
        self._incoming += rest
        if len(self._incoming) > MOST or (self._expected and len(self._incoming) > self._expected):
            raise Malformed(f"{len(self._incoming)} bytes of TLS where {self._expected or MOST} were announced")
        if flags & MORE:
            return b"\0"
        message, self._incoming, self._expected = self._incoming, b"", 0
        was_up = self._tls.is_up
        if message or flags & START:
            self._tls.feed(message)
        if was_up and message:
            self.inside(identifier, self._tls.read())
        return self._send(self._tls.take())

    def _interrupted(self, flags: int, rest: bytes) -> Refused | Malformed:
        """Return what it means that the server speaks before it has our whole message: an alert, if it has read enough (strongSwan does)."""
        self._outgoing = b""
        self._tls.feed(rest[4:] if flags & LENGTH else rest)
        return self._tls.refusal or Malformed("the server spoke before it had our whole message")

    def inside(self, identifier: int, clear: bytes) -> None:  # noqa: ARG002 - PEAP's
        """Take what came inside TLS. Raises Malformed: EAP-TLS has nothing there."""
        raise Malformed(f"{len(clear)} bytes inside EAP-TLS")

    def _send(self, message: bytes) -> bytes:
        if len(message) <= PIECE:
            return (struct.pack("!BI", LENGTH, len(message)) if message else b"\0") + message
        self._outgoing = message[PIECE:]
        return struct.pack("!BI", LENGTH | MORE, len(message)) + message[:PIECE]

    def _piece(self) -> bytes:
        piece, self._outgoing = self._outgoing[:PIECE], self._outgoing[PIECE:]
        return bytes([MORE if self._outgoing else 0]) + piece
