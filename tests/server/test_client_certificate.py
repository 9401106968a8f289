"""WinRM by client certificate: what is shown to a server that asks for one, which the twin does not. The server here answers nothing else."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.backends.base import WinRMEndpoint
from lab.errors import ConfigError, LinkLost
from lab.pki import RunPki, winrm_identity
from lab.secrets import Secret, write_private
from lab.server.session import WindowsSession
from lab.waiting import Deadline

REFUSAL = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def whole_request(connection: ssl.SSLSocket) -> bytes:
    """Read headers and body: an answer that crosses unread data is lost with the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(1 << 16)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
    while len(body) < length:
        body += connection.recv(1 << 16)
    return head


class Asking:
    """Takes one request from whoever shows a certificate of a known root."""

    def __init__(self, folder: Path) -> None:
        mine, pki = winrm_identity(), RunPki("vpn.example.test")
        theirs = pki.client
        self.endpoint = WinRMEndpoint(
            address="127.0.0.1", http_port=5985, https_port=None, user="labadmin", password=Secret(""),
            ca_file=write_private(folder / "ca.crt", mine.root_pem), certificate=write_private(folder / "client.pem", theirs.certificate_pem),
            key=write_private(folder / "client.key", theirs.private_key_pem))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_verify_locations(cadata=pki.authority.certificate_pem)
        self._context.load_cert_chain(write_private(folder / "tls.crt", mine.certificate_pem), write_private(folder / "tls.key", mine.private_key_pem))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.request = b""
        self.shown: object = None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            with self._context.wrap_socket(connection, server_side=True) as secure:
                self.shown = secure.getpeercert()
                self.request = whole_request(secure)
                secure.sendall(REFUSAL)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    server = Asking(tmp_path)
    yield server
    server.close()


def test_the_certificate_is_shown_in_place_of_a_password(asking: Asking) -> None:
    with WindowsSession(replace(asking.endpoint, https_port=asking.port)) as session, pytest.raises(LinkLost, match="refused user"):
        session.run_powershell("hostname", Deadline(10))

    assert asking.shown
    assert b"/wsman/secprofile/https/mutual" in asking.request
    assert b"NTLM" not in asking.request
    assert b"Negotiate" not in asking.request


def test_it_is_never_shown_in_clear(asking: Asking) -> None:
    with pytest.raises(ConfigError, match="serves no WinRM over HTTPS"):
        WindowsSession(asking.endpoint)
