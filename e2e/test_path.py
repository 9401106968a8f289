"""A path that loses packets, and one with a closed port (beyond the article): what the client sees, and what the server says of it."""

from __future__ import annotations

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.l2tp import L2tpPath
from fixtures.path import Path
from fixtures.planes import LookAtWire, must_carry
from fixtures.roles import Client, LanHost, Server
from lab.faults import Toward, closed_port, every_nth_lost
from lab.server.firewall import IKE

pytestmark = pytest.mark.requires("nat")


def test_path_loss__costs_time_and_no_tunnel(
    server: Server, home: Client, path: Path, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """The first message is lost, and sent again."""
    server.provision(ikev2.steps())

    with path.suffers(every_nth_lost(20, toward=Toward.SERVER)):
        tunnel = home.connect(ikev2.profile())
    must_carry(tunnel, home, server, lan, wire)


@pytest.mark.requires("l2tp")
@pytest.mark.claim("firewall-ike-open")
@pytest.mark.parametrize(("port", "answers"), [(500, 0), (4500, 2)])
def test_path_closed_port__is_silent_and_the_server_has_dropped_nothing(
    server: Server, home: Client, path: Path, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire, port: int, answers: int
) -> None:
    """It listens and its filters let IKE in: what is not there is on the way. Behind a NAT main mode is on 500 up to the server's second answer."""
    server.provision(l2tp.steps())

    with path.suffers(closed_port(port)) as suffering:
        home.must_be_refused(l2tp.profile(), by="nobody", because="no answer")
        assert suffering.hits[f"closed-udp-{port}"] >= 2, "the message and its repetition"
    seen = server.silence(IKE)
    assert (IKE.port in seen.listening, seen.drops) == (True, ())
    assert len([one for one in wire().ikev1 if one.source == server.address]) == answers

    must_carry(home.connect(l2tp.profile()), home, server, lan, wire)
