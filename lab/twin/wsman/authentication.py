"""Authentication of connections: Negotiate (NTLM, with or without SPNEGO) and, over TLS, Basic; and message encryption.

NTLM authenticates a TCP connection, not a request, so the state belongs to the connection. pyspnego's acceptor takes its users
from a file that the variable NTLM_USER_FILE names.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import struct
from collections.abc import Mapping
from pathlib import Path

import spnego
from spnego import NegotiateOptions
from spnego.exceptions import SpnegoError

PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
BOUNDARY = b"--Encrypted Boundary"
NTLM = NegotiateOptions.use_negotiate | NegotiateOptions.use_ntlm


def write_users(path: Path, users: Mapping[str, str], computer: str) -> None:
    """Write pyspnego's file of users: one line for each domain that a client may name."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{domain}:{user}:{password}\n" for user, password in users.items() for domain in ("", ".", computer))
    os.environ["NTLM_USER_FILE"] = str(path)


class Connection:
    """What is known of one TCP connection."""

    def __init__(self) -> None:
        self.user = ""
        """Who it is; empty until it is known."""
        self._context: spnego.ContextProxy | None = None

    def step(self, header: str | None, authenticator: Authenticator, *, tls: bool) -> list[str]:
        """Take an Authorization header; return the WWW-Authenticate headers of the answer."""
        if header is None:
            return [] if self.user else authenticator.challenges(tls=tls)
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "basic" and tls:
            self.user = authenticator.basic(token)
        elif scheme.lower() in ("negotiate", "ntlm"):
            return self._negotiate(scheme, token, authenticator, tls=tls)
        return [] if self.user else authenticator.challenges(tls=tls)

    def _negotiate(self, scheme: str, token: str, authenticator: Authenticator, *, tls: bool) -> list[str]:
        if self._context is None or self._context.complete:
            self._context, self.user = spnego.server(protocol="negotiate", service="HTTP", options=NTLM), ""
        try:
            answer = self._context.step(base64.b64decode(token))
        except (SpnegoError, binascii.Error, ValueError):
            self._context = None
            return authenticator.challenges(tls=tls)
        if self._context.complete:
            self.user = (self._context.client_principal or "").rpartition("\\")[2]
        return [f"{scheme} {base64.b64encode(answer).decode()}"] if answer else []

    def unwrap(self, body: bytes) -> bytes:
        """Decrypt the parts of a multipart body. The payload is binary: declared lengths count, not boundaries."""
        assert self._context is not None
        plain, place = b"", 0
        while True:
            head = body.index(BOUNDARY, place)
            if body[head + len(BOUNDARY) :].startswith(b"--"):
                return plain
            second = body.index(BOUNDARY + b"\r\n", head + len(BOUNDARY))
            length = int(body[head:second].split(b"Length=")[1].split(b"\r\n")[0])
            start = body.index(b"\r\n", second + len(BOUNDARY) + 2) + 2
            (size,) = struct.unpack_from("<i", body, start)
            end = start + 4 + size + length
            plain += self._context.unwrap_winrm(body[start + 4 : start + 4 + size], body[start + 4 + size : end])
            place = end

    def wrap(self, message: bytes) -> tuple[str, bytes]:
        """Encrypt an answer; return its content type and body. Clients look for the tab before the parts' headers."""
        assert self._context is not None
        sealed = self._context.wrap_winrm(message)
        length = len(message) + sealed.padding_length
        head = (
            f"--Encrypted Boundary\r\n\tContent-Type: {PROTOCOL}\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;"
            f"Length={length}\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
        ).encode()
        body = head + struct.pack("<i", len(sealed.header)) + sealed.header + sealed.data + b"--Encrypted Boundary--\r\n"
        return f'multipart/encrypted;protocol="{PROTOCOL}";boundary="Encrypted Boundary"', body


class Authenticator:
    """Who may come in, and how."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users

    @staticmethod
    def challenges(*, tls: bool) -> list[str]:
        """Return what is offered to a client that has not said who it is; Basic in clear is off, as on a stock Windows."""
        return ["Negotiate", 'Basic realm="WSMAN"'] if tls else ["Negotiate"]

    def basic(self, token: str) -> str:
        """Return the user of Basic credentials; empty if they are wrong."""
        try:
            user, _, password = base64.b64decode(token).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        name = user.rpartition("\\")[2]
        known = self._users.get(name)
        return name if known is not None and secrets.compare_digest(known.encode(), password.encode()) else ""
