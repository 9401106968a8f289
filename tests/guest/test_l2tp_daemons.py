"""The daemons of L2TP: there as long as RemoteAccess runs, gone with it, whoever is connected. Seen from the guest's root namespaces."""

from __future__ import annotations

from fixtures.l2tp import L2tpPath
from fixtures.roles import Client, Server
from fixtures.session import LabSession
from lab.server.steps import remote_access
from lab.waiting import Deadline, wait_until

DAEMONS = ("xl2tpd", "pppd")


def running(session: LabSession) -> list[str]:
    """Return the daemons of all hosts."""
    processes = session.probe("observer").facts()["processes"]
    assert isinstance(processes, list)
    return [str(one) for one in processes if one in DAEMONS]


def await_daemons(session: LabSession, expected: list[str]) -> None:
    wait_until(lambda: running(session) == expected, Deadline(3.0), lambda: AssertionError(f"expected {expected}, there are {running(session)}"))


def test_they_end_with_the_service_while_a_client_is_connected(session: LabSession, server: Server, client: Client) -> None:
    path = L2tpPath(topology=session.topology)
    assert running(session) == []

    server.provision(path.steps())
    await_daemons(session, ["xl2tpd"])
    tunnel = client.connect(path.profile())
    await_daemons(session, ["pppd", "pppd", "xl2tpd", "xl2tpd"])  # both ends
    server.revert()
    tunnel.disconnect()
    await_daemons(session, [])
    assert client.residue() == []


def test_a_restart_replaces_them(session: LabSession, server: Server, client: Client) -> None:
    path = L2tpPath(topology=session.topology)
    server.provision(path.steps())
    with client.connect(path.profile()):
        pass

    server.provision([remote_access()])
    await_daemons(session, ["xl2tpd"])
    with client.connect(path.profile()) as tunnel:
        server.await_client(tunnel.inner_address)


def test_a_server_that_does_not_serve_l2tp_has_none(session: LabSession, server: Server, client: Client) -> None:
    path = L2tpPath(topology=session.topology)
    server.provision(path.steps(without="incoming-connections remote-access"))

    assert running(session) == []
    client.must_be_refused(path.profile(), by="server", because="NO_PROPOSAL_CHOSEN")


def test_hanging_up_leaves_nothing_on_the_client(session: LabSession, server: Server, client: Client) -> None:
    path = L2tpPath(topology=session.topology)
    server.provision(path.steps())

    client.connect(path.profile()).disconnect()
    await_daemons(session, ["xl2tpd"])
    assert session.probe("client").run("ls /run/lab/l2tp; cat /sys/class/net/ppp0/address")[1] == b""
    assert client.residue() == []
