"""What tests get of a lab: host facts over the kept connections, and another lab when one died."""

from __future__ import annotations

import os
import signal

import pytest

from fixtures import facts
from fixtures.roles import SCRIPTS
from fixtures.session import LabSession
from lab.errors import InfrastructureError, LabError
from lab.server import view
from lab.waiting import Deadline, wait_until


def test_host_facts_come_over_the_kept_connection(session: LabSession) -> None:
    host = facts.of_linux(session.probe("client"))

    assert host.package("charon-systemd").version.startswith("6.")
    assert host.file("/run/charon.vici").is_socket
    assert host.check_output("hostname") == "client"
    assert host.run("exit 3").rc == 3
    assert host.process.filter(comm="sshd-session") != []


def test_the_client_is_not_reached_by_ike_over_the_management_network(session: LabSession) -> None:
    host = facts.of_linux(session.probe("client"))
    management = session.topology.host("client").address("mgmt")

    assert str(management) not in {line.split()[3].rpartition(":")[0] for line in host.check_output("ss -Huln").splitlines()}


def test_the_server_runs_powershell(session: LabSession) -> None:
    host = facts.of_windows(session.windows)

    assert host.run("(Get-Service RemoteAccess).Status").stdout.strip() == "Stopped"
    assert host.run("exit 5").rc == 5


def test_a_lab_that_died_is_replaced(session: LabSession) -> None:
    assert not session.replace_if_dead()
    first, supervisor = session.lab.run.folder, session.lab.run.process
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not session.lab.is_alive, Deadline(5.0), lambda: AssertionError("the death was not noticed"))
    with pytest.raises(InfrastructureError):
        session.lab.reset()
    with pytest.raises(LabError):
        session.probe("client").facts()

    assert session.replace_if_dead()

    assert session.lab.run.folder != first
    assert not first.exists()
    assert session.probe("client").facts()
    assert not view.read(session.windows, SCRIPTS).running
