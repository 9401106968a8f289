"""A LAN without carrier behind the server: RemoteAccess starts and serves, what is behind the LAN is out of reach, and all is well when the
carrier is back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.lan_dhcp import LanDhcp
from fixtures.roles import Client, LanHost, Server, new_token
from fixtures.session import LabSession
from fixtures.vpn import Vpn
from lab.client.connection import Refused
from lab.server.firewall import ECHO, Profile, firewall_rule
from lab.waiting import Deadline, wait_until

PORT = "lan-server"
"""The server's port of the LAN's bridge."""
NEXT_TRY = 12.0
"""Seconds until a DHCP client's next message: 4 and 8 after the first two, each moved by up to one."""


@pytest.fixture
def lan(session: LabSession) -> Iterator[LanHost]:
    role = LanHost(session.topology.host("lan"), session.probe("lan"), "lan")
    yield role
    role.close()


@pytest.fixture(autouse=True)
def carrier(session: LabSession) -> Iterator[None]:
    """None during the test, until it brings it back."""
    set_carrier(session, on=False)
    yield
    set_carrier(session, on=True)


def set_carrier(session: LabSession, *, on: bool) -> None:
    code, _, error = session.probe("observer").run(f"ip link set {PORT} {'up' if on else 'down'}")
    assert code == 0, error


def test_with_a_static_pool_the_server_alone_is_reached_until_the_carrier_is_back(
    session: LabSession, server: Server, client: Client, lan: LanHost
) -> None:
    path = Ikev2Path(topology=session.topology, pki=session.pki)
    server.provision(path.steps(firewall_rule(ECHO, Profile.PUBLIC)))
    tunnel = client.connect(path.profile())

    assert client.pings(session.topology.vpn.pool.first, tunnel)
    assert not client.reaches(lan.address, new_token())
    set_carrier(session, on=True)
    wait_until(lambda: client.reaches(lan.address, new_token()), Deadline(5.0), lambda: AssertionError("the LAN is not reached with a carrier"))


def test_with_dhcp_there_is_no_address_until_the_carrier_is_back(session: LabSession, server: Server, client: Client, lan: LanHost) -> None:
    vpn = Vpn(path=Ikev2Path(topology=session.topology, pki=session.pki))
    dhcp = LanDhcp(lan, session.topology)
    leased = dhcp.start(20)
    try:
        server.provision(vpn.steps_with_dhcp())
        assert server.view().running
        client.must_be_refused(vpn.profile(), by="server", because=vpn.no_address)

        set_carrier(session, on=True)

        def connects() -> bool:
            try:
                return client.connect(vpn.profile()).inner_address in leased
            except Refused:
                return False

        wait_until(connects, Deadline(NEXT_TRY), lambda: AssertionError("no lease although the carrier is back"))
        server.revert()
    finally:
        dhcp.stop()
