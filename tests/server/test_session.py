"""The session against a real WinRM server (the twin's)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.backends.base import WinRMEndpoint
from lab.errors import CommandFailed, LinkLost
from lab.secrets import Secret
from lab.server.session import WindowsSession
from lab.waiting import Deadline

ECHO = "param($p)\n[ordered]@{ a = $p.a; length = $p.a.Length } | ConvertTo-Json -Compress"


@pytest.mark.parametrize("transport", ["http", "https"])
def test_script_travels_with_its_parameters(winrm: WinRMEndpoint, transport: str) -> None:
    with WindowsSession(winrm, transport=transport) as session:  # type: ignore[arg-type]
        assert session.run_script("echo", ECHO, {"a": "é€ 'x' \"y\""}, Deadline(20)) == {"a": "é€ 'x' \"y\"", "length": 10}


def test_long_scripts_and_payloads_have_no_limit(winrm: WinRMEndpoint) -> None:
    with WindowsSession(winrm) as session:
        script = ECHO + "\n" + "# comment\n" * 5000

        assert session.run_script("long", script, {"a": "x" * 300_000}, Deadline(30)) == {"a": "x" * 300_000, "length": 300_000}


def test_errors_name_the_place(winrm: WinRMEndpoint) -> None:
    with WindowsSession(winrm) as session, pytest.raises(CommandFailed) as caught:
        session.run_script("broken", "param($p)\nthrow 'no way'", {}, Deadline(20))

    assert "no way" in str(caught.value)
    assert "At line:2" in str(caught.value)


def test_secrets_are_masked(winrm: WinRMEndpoint) -> None:
    with WindowsSession(winrm) as session:
        session.run_script("echo", ECHO, {"a": winrm.password.reveal()}, Deadline(20))

        assert winrm.password.reveal() not in session.transcript.text()


def test_wrong_password_is_told(winrm: WinRMEndpoint) -> None:
    with WindowsSession(replace(winrm, password=Secret("wrong"))) as session, pytest.raises(LinkLost, match="refused user 'labadmin'"):
        session.run_powershell("hostname", Deadline(20))


def test_what_a_person_types(winrm: WinRMEndpoint) -> None:
    with WindowsSession(winrm) as session:
        done = session.run_powershell("Get-Service RemoteAccess", Deadline(20))

    assert "Stopped RemoteAccess Routing and Remote Access" in done.output
    assert done.exit_code == 0
