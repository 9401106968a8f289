"""Addresses of L2TP over IPsec and IKEv2 from one pool, and the limits of L2TP (article: Addressing, Routing and Firewall; companion: Maximum
number of VPN Incoming Connections)."""

from __future__ import annotations

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.l2tp import L2tpPath
from fixtures.planes import LookAtWire, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from fixtures.vpn import NO_ADDRESS
from lab.client.l2tp_profile import L2TP
from lab.client.profile import IKEv2
from lab.server import steps
from lab.server.l2tp_steps import L2TP_DEVICE
from lab.server.steps import Step

pytestmark = pytest.mark.requires("l2tp")


def steps_of_both(ikev2: Ikev2Path, l2tp: L2tpPath, *more: Step, size: int) -> list[Step]:
    """Return the steps of both tunnel types on one server, with one pool of so many addresses."""
    shared = [step for step in ikev2.steps_with_pool(size) if not step.last]
    return [*shared, *l2tp.steps(*more, without="address-assignment static-pool")]


def profiles(ikev2: Ikev2Path, l2tp: L2tpPath, first: str) -> list[tuple[str, IKEv2 | L2TP]]:
    """Return a profile of either tunnel type with the type's name, the type `first` first."""
    both: list[tuple[str, IKEv2 | L2TP]] = [("IKEv2", ikev2.profile()), ("L2TP", l2tp.profile())]
    return sorted(both, key=lambda one: one[0] != first)


# -- addresses ------------------------------------------------------------------------------------------------------------


@pytest.mark.counter("address-static-pool")
def test_l2tp_static_pool__without_a_pool_there_is_no_address(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire
) -> None:
    """Neither pool nor DHCP: the user is let in, and gets no address."""
    server.provision(l2tp.steps(without="static-pool"))

    client.must_be_refused(l2tp.profile(), by="server", because=NO_ADDRESS["L2TP"])
    assert "3" in wire().values("chap.code", inside="esp")
    assert wire().values("ipcp.opt.ip_address", inside="esp") in ([], ["0.0.0.0"])
    must_not_reach(client, lan)


@pytest.mark.claim("address-pool-exhausted")
@pytest.mark.parametrize("first", NO_ADDRESS)
def test_l2tp_pool_exhausted__counted_over_both_tunnel_types(
    server: Server, client: Client, client2: Client, l2tp: L2tpPath, ikev2: Ikev2Path, first: str
) -> None:
    """A pool of two: the server takes one, a client of one type the other, a client of the other type is refused."""
    server.provision(steps_of_both(ikev2, l2tp, size=2))
    (_, takes), (other, finds_none) = profiles(ikev2, l2tp, first)
    tunnel = client.connect(takes)
    server.await_client(tunnel.inner_address)

    client2.must_be_refused(finds_none, by="server", because=NO_ADDRESS[other])
    assert tunnel.inner_address == l2tp.topology.vpn.pool.first + 1


@pytest.mark.counter("address-pool-exhausted")
@pytest.mark.parametrize("first", NO_ADDRESS)
def test_l2tp_pool_exhausted__a_disconnect_frees_an_address_for_either(
    server: Server, client: Client, client2: Client, lan: LanHost, l2tp: L2tpPath, ikev2: Ikev2Path, wire: LookAtWire, first: str
) -> None:
    """After the client of one type has gone, one of the other type has its address."""
    server.provision(steps_of_both(ikev2, l2tp, size=2))
    (_, goes), (_, comes) = profiles(ikev2, l2tp, first)
    tunnel = client.connect(goes)
    server.await_client(tunnel.inner_address)
    tunnel.disconnect()
    server.await_no_client()

    after = client2.connect(comes)
    assert after.inner_address == tunnel.inner_address
    must_carry(after, client2, server, lan, wire)


@pytest.mark.claim("address-connection-limit")
def test_l2tp_connection_limit__is_one_per_tunnel_type(
    server: Server, client: Client, client2: Client, client3: Client, l2tp: L2tpPath, ikev2: Ikev2Path
) -> None:
    """WanEndpoints of the L2TP miniport bounds L2TP alone: the second is refused, an IKEv2 client is not."""
    server.provision(steps_of_both(ikev2, l2tp, steps.wan_endpoints(1, L2TP_DEVICE), size=8))
    server.await_client(client.connect(l2tp.profile()).inner_address)

    client2.must_be_refused(l2tp.profile(), by="server", because="L2TP: ")
    server.await_client(client3.connect(ikev2.profile()).inner_address)


@pytest.mark.counter("address-connection-limit")
def test_l2tp_connection_limit__raising_it_admits_one_more(
    server: Server, client: Client, client2: Client, client3: Client, l2tp: L2tpPath
) -> None:
    """The default is two; WanEndpoints 3 admits a third."""
    server.provision(l2tp.steps())
    for one in (client, client2):
        server.await_client(one.connect(l2tp.profile()).inner_address)
    client3.must_be_refused(l2tp.profile(), by="server", because="L2TP: ")
    server.revert()

    server.provision(l2tp.steps(steps.wan_endpoints(3, L2TP_DEVICE)))
    for one in (client, client2, client3):
        server.await_client(one.connect(l2tp.profile()).inner_address)
