"""IKEv2 fragmentation (beyond the article): large IKE_AUTH messages where IP fragments are lost, and EnableServerFragmentation."""

from __future__ import annotations

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.path import Path
from fixtures.planes import LookAtWire, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab import budgets
from lab.client.profile import IKEv2
from lab.faults import ip_fragments_lost
from lab.server.steps import Step, server_fragmentation

pytestmark = pytest.mark.requires("nat")
MORE_THAN_A_PACKET = 2000
SUPPORTED = "IKEV2_FRAGMENTATION_SUPPORTED"


def steps(ikev2: Ikev2Path, *more: Step) -> list[Step]:
    """Return the path's steps with a server certificate that makes its IKE_AUTH larger than a packet."""
    return ikev2.steps(*more, server=ikev2.pki.server_large)


def profile(ikev2: Ikev2Path) -> IKEv2:
    """Return the profile with a client certificate that does the same on the other side."""
    return ikev2.profile(certificate=ikev2.pki.client_large)


def must_lose_fragments(home: Client, other: Client) -> None:
    """Show that the path passes whole packets and loses what needs two. By a host that answers pings: a Windows does not."""
    assert home.probe.ping(other.address, timeout=budgets.SILENCE) is not None
    assert home.probe.ping(other.address, timeout=budgets.SILENCE, size=MORE_THAN_A_PACKET) is None


@pytest.mark.claim("ikev2-fragmentation")
def test_ikev2_fragmentation__works_where_ip_fragments_are_lost(
    server: Server, client: Client, home: Client, path: Path, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """With the value both ends say that they can, and send IKE_AUTH in pieces that fit into a packet each: no IP fragment is lost."""
    server.provision(steps(ikev2, server_fragmentation()))

    with path.suffers(ip_fragments_lost()) as suffering:
        must_lose_fragments(home, client)
        lost = suffering.hits
        tunnel = home.connect(profile(ikev2))
        must_carry(tunnel, home, server, lan, wire)
        tunnel.disconnect()
        assert suffering.hits == lost, "IKE or ESP left in IP fragments"
    request, response = wire().requests("IKE_SA_INIT")[-1], wire().responses("IKE_SA_INIT")[-1]
    assert SUPPORTED in [notify.name for notify in request.notifies]
    assert SUPPORTED in [notify.name for notify in response.notifies]


@pytest.mark.counter("ikev2-fragmentation")
def test_ikev2_fragmentation__without_the_value_it_fails_there(
    server: Server, home: Client, path: Path, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """The client's IKE_AUTH leaves as IP fragments and never arrives: nobody answers. On a whole path the same profile works."""
    server.provision(steps(ikev2))

    with path.suffers(ip_fragments_lost()) as suffering:
        home.must_be_refused(profile(ikev2), by="nobody", because="no answer")
        assert suffering.hits["ip-fragments-lost"] >= 2, "the request and its repetition"
        must_not_reach(home, lan)
    assert SUPPORTED not in [notify.name for message in wire().responses("IKE_SA_INIT") for notify in message.notifies]
    must_carry(home.connect(profile(ikev2)), home, server, lan, wire)
