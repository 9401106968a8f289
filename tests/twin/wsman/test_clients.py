"""Unmodified clients against the twin's WinRM: pywinrm, pypsrp, and HTTP without credentials."""

from __future__ import annotations

import http.client

import pytest
import winrm as pywinrm
from pypsrp.client import Client
from winrm.exceptions import InvalidCredentialsError

from lab.backends.base import WinRMEndpoint


def session(endpoint: WinRMEndpoint, password: str | None = None) -> pywinrm.Session:
    return pywinrm.Session(f"http://127.0.0.1:{endpoint.http_port}/wsman", auth=(endpoint.user, password or endpoint.password.reveal()),
                           transport="ntlm", message_encryption="always")


def test_pywinrm(winrm: WinRMEndpoint) -> None:
    done = session(winrm).run_cmd("hostname")
    script = session(winrm).run_ps("(Get-Service RemoteAccess).Status")

    assert (done.status_code, done.std_out) == (0, b"WIN10VPN\r\n")
    assert script.std_out == b"Stopped\r\n"


def test_pywinrm_with_a_wrong_password(winrm: WinRMEndpoint) -> None:
    with pytest.raises(InvalidCredentialsError):
        session(winrm, "wrong").run_cmd("hostname")


def test_pypsrp(winrm: WinRMEndpoint) -> None:
    with Client("127.0.0.1", username=winrm.user, password=winrm.password.reveal(), port=winrm.http_port, ssl=False, auth="ntlm") as client:
        output, streams, had_errors = client.execute_ps("(Get-Service RemoteAccess).Status; 1 + 1")
        stdout, _, code = client.execute_cmd("echo hi")

    assert (output.split(), had_errors) == (["Stopped", "2"], False)
    assert (stdout.strip(), code) == ("hi", 0)
    assert not streams.error


def test_pypsrp_over_tls_with_basic(winrm: WinRMEndpoint) -> None:
    with Client("127.0.0.1", username=winrm.user, password=winrm.password.reveal(), port=winrm.https_port, ssl=True, auth="basic",
                cert_validation=str(winrm.ca_file)) as client:
        assert client.execute_cmd("hostname")[0].strip() == "WIN10VPN"


def test_without_credentials(winrm: WinRMEndpoint) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", winrm.http_port)
    connection.request("POST", "/wsman", b"<x/>", {"Content-Type": "application/soap+xml"})
    answer = connection.getresponse()

    assert answer.status == 401
    assert answer.headers.get_all("WWW-Authenticate") == ["Negotiate"]


def test_large_output(winrm: WinRMEndpoint) -> None:
    done = session(winrm).run_ps("$ProgressPreference = 'SilentlyContinue'; 'x' * 1000000")

    assert len(done.std_out) == 1_000_002
