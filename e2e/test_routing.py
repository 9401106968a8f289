"""Routing and ARP (article: Addressing, Routing and Firewall)."""

from __future__ import annotations

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.planes import LookAtWire, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server, new_token
from fixtures.vpn import Vpn
from lab.server import steps
from lab.server.firewall import ECHO, Profile, firewall_rule

INTERNAL_IP4_SUBNET = 13


@pytest.mark.claim("routing-forwards")
def test_routing_forwards__both_directions(server: Server, client: Client, lan: LanHost, vpn: Vpn, wire: LookAtWire) -> None:
    """A service on another LAN host answers, and that host reaches the client; the packets are on the LAN."""
    server.provision(vpn.steps())

    must_carry(client.connect(vpn.profile()), client, server, lan, wire)


@pytest.mark.counter("routing-forwards")
def test_routing_forwards__access_off_confines_to_the_server(server: Server, client: Client, lan: LanHost, vpn: Vpn) -> None:
    """With AllowNetworkAccess off the client reaches the server and nothing behind it, nor is it reached."""
    server.provision(vpn.steps(steps.network_access(allowed=False), firewall_rule(ECHO, Profile.PUBLIC)))
    tunnel = client.connect(vpn.profile())
    server.await_client(tunnel.inner_address)

    assert client.pings(vpn.path.topology.vpn.pool.first, tunnel)
    must_not_reach(client, lan)
    assert not lan.reaches(tunnel.inner_address)


@pytest.mark.claim("routing-no-advertised-routes")
def test_routing_no_advertised_routes__none_in_the_configuration_payload(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """The answer's configuration payload holds no subnet; the LAN is reached by the client's own classful route."""
    server.provision(ikev2.steps())
    client.connect(ikev2.profile(send_all_traffic=False))

    assert INTERNAL_IP4_SUBNET not in wire().responses("IKE_AUTH")[-1].configuration_attributes
    assert client.reaches(lan.address, new_token(), timeout=1.0)


@pytest.mark.counter("routing-no-advertised-routes")
def test_routing_no_advertised_routes__second_network_needs_a_route(
    server: Server, client: Client, lan2: LanHost, ikev2: Ikev2Path
) -> None:
    """A network outside of the classful one is not reached, until a route is added by hand."""
    server.provision(ikev2.steps())
    tunnel = client.connect(ikev2.profile(send_all_traffic=False))
    assert not client.reaches(lan2.address, new_token())

    tunnel.add_route(f"{lan2.address}/32")
    assert client.reaches(lan2.address, new_token(), timeout=1.0)


@pytest.mark.counter("routing-no-advertised-routes")
def test_routing_no_advertised_routes__all_traffic_reaches_the_second_network(
    server: Server, client: Client, lan2: LanHost, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """With all traffic in the tunnel the second network is reached too."""
    server.provision(ikev2.steps())

    must_carry(client.connect(ikev2.profile(send_all_traffic=True)), client, server, lan2, wire)


@pytest.mark.claim("arp-proxy")
def test_arp_proxy__the_server_answers_for_its_client(server: Server, client: Client, lan: LanHost, vpn: Vpn) -> None:
    """A broadcast request for the client's address is answered with the server's MAC, and with no other."""
    server.provision(vpn.steps())
    tunnel = client.connect(vpn.profile())
    server.await_client(tunnel.inner_address)

    assert lan.who_has(str(tunnel.inner_address)) == lan.who_has(server.lan_address) != []


@pytest.mark.counter("arp-proxy")
def test_arp_proxy__not_before_and_not_after(server: Server, client: Client, lan: LanHost, vpn: Vpn) -> None:
    """No answer before and after the tunnel."""
    server.provision(vpn.steps())
    expected = str(vpn.path.topology.vpn.pool.first + 1)
    assert lan.who_has(expected) == []

    tunnel = client.connect(vpn.profile())
    server.await_client(tunnel.inner_address)
    assert str(tunnel.inner_address) == expected
    assert lan.who_has(expected) != []

    tunnel.disconnect()
    server.await_no_client()
    assert lan.who_has(expected) == []


@pytest.mark.counter("arp-proxy")
def test_arp_proxy__for_nobody_else(server: Server, client: Client, lan: LanHost, vpn: Vpn) -> None:
    """No answer for a free address of the pool, and none for an address that nobody has."""
    server.provision(vpn.steps())
    server.await_client(client.connect(vpn.profile()).inner_address)

    assert lan.who_has(str(vpn.path.topology.vpn.pool.last)) == []
    assert lan.who_has(lan.unused_address) == []
