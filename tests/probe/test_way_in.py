"""The interface of the way in: found by the SSH connection of the agent or of a process above it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from lab.errors import CommandFailed
from lab.probe.agent.way_in import connection, interface_with, local_address
from lab.probe.channel import LocalChannel
from lab.probe.probe import Probe

AGENT = [sys.executable, "-B", "-m", "lab.probe.agent.main"]
SAID = "192.0.2.1 40000 127.0.0.1 22"
ASK = "import os; from lab.probe.agent.way_in import connection; print(connection(os.getpid()))"


@pytest.mark.parametrize(("said", "address"), [(SAID, "127.0.0.1"), ("::ffff:192.0.2.1 4 ::ffff:192.0.2.20 22", "192.0.2.20")])
def test_the_local_address_of_a_connection(said: str, address: str) -> None:
    assert local_address(said) == address


@pytest.mark.parametrize("said", ["", "192.0.2.1 40000 22"])
def test_what_is_no_connection_is_told(said: str) -> None:
    with pytest.raises(LookupError, match="expected client, port, server and port"):
        local_address(said)


def test_the_interface_of_an_address() -> None:
    assert interface_with("127.0.0.1") == "lo"


def test_an_address_that_nobody_has_is_told() -> None:
    with pytest.raises(LookupError, match=r"no interface of this machine has the address 192\.0\.2\.254"):
        interface_with("192.0.2.254")


@pytest.mark.parametrize("between", [[], ["env", "-u", "SSH_CONNECTION"]], ids=["its own", "of a process above: sudo passes nothing on"])
def test_the_connection_is_found(between: list[str]) -> None:
    # A shell that stays, as sudo does: without a second command it would become the program.
    script = " ".join([*between, f"'{sys.executable}'", "-c", f'"{ASK}"', "; true"])
    done = subprocess.run(["sh", "-c", script], env={**os.environ, "SSH_CONNECTION": SAID}, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == SAID


def test_without_ssh_it_says_so() -> None:
    """Process 1 of this machine was not reached over SSH; where it may not be asked, that is an error too."""
    with pytest.raises((LookupError, PermissionError)):
        connection(1)


@pytest.fixture
def agent_over_ssh(monkeypatch: pytest.MonkeyPatch) -> Iterator[Probe]:
    monkeypatch.setenv("SSH_CONNECTION", SAID.replace("127.0.0.1", "192.0.2.254"))
    opened = Probe("here", LocalChannel(AGENT))
    yield opened
    opened.close()


def test_a_capture_asks_for_it_by_name(agent_over_ssh: Probe) -> None:
    with pytest.raises(CommandFailed, match=r"capture failed: LookupError: no interface of this machine has the address 192\.0\.2\.254"):
        agent_over_ssh.capture("management", lambda packet: None)
