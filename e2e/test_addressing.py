"""Inner addresses (article: Addressing, Routing and Firewall; companion: Maximum number of VPN Incoming Connections)."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.planes import LookAtWire, must_carry
from fixtures.roles import Client, LanHost, Server, new_token
from fixtures.vpn import Vpn
from lab.server import steps
from lab.server.firewall import ECHO, Profile, firewall_rule


@pytest.mark.claim("address-static-pool")
def test_address_static_pool__client_gets_one_and_the_server_takes_the_first(
    server: Server, client: Client, lan: LanHost, vpn: Vpn, wire: LookAtWire
) -> None:
    """The inner address lies in the range; its first address is the server's own."""
    pool = vpn.path.topology.vpn.pool
    server.provision(vpn.steps(firewall_rule(ECHO, Profile.PUBLIC)))
    tunnel = client.connect(vpn.profile())
    server.await_client(tunnel.inner_address)

    assert tunnel.inner_address in pool
    assert tunnel.inner_address == pool.first + 1
    assert client.pings(pool.first, tunnel)
    must_carry(tunnel, client, server, lan, wire)


@pytest.mark.counter("address-static-pool")
def test_address_static_pool__without_a_pool_there_is_no_address(server: Server, client: Client, ikev2: Ikev2Path) -> None:
    """Neither pool nor DHCP: no address from the range."""
    server.provision(ikev2.steps(without="static-pool"))

    client.must_be_refused(ikev2.profile(), by="server", because="INTERNAL_ADDRESS_FAILURE")


@pytest.mark.counter("address-static-pool")
def test_address_static_pool__outside_the_lan_needs_a_route_back(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """Addresses of no network behind the server are given all the same; what is behind it answers only once it knows the way back."""
    first = IPv4Address("10.99.0.1")
    server.provision(ikev2.steps(*steps.static_pool(first, first + 9), firewall_rule(ECHO, Profile.PUBLIC), without="address-assignment static-pool"))
    tunnel = client.connect(ikev2.profile())
    assert tunnel.inner_address == first + 1
    assert client.pings(first, tunnel)
    assert not client.reaches(lan.address, new_token())

    lan.probe.add_route("10.99.0.0/24", gateway=server.lan_address)
    try:
        must_carry(tunnel, client, server, lan, wire)
    finally:
        lan.probe.delete_route("10.99.0.0/24", gateway=server.lan_address)


@pytest.mark.claim("address-pool-exhausted")
def test_address_pool_exhausted__the_first_client_too_many_is_refused(
    server: Server, client: Client, client2: Client, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """A pool of two: the server takes one, a client the other, the next gets INTERNAL_ADDRESS_FAILURE."""
    server.provision(ikev2.steps_with_pool(2))
    client.connect(ikev2.profile())

    client2.must_be_refused(ikev2.profile_of("second.example.test"), by="server", because="INTERNAL_ADDRESS_FAILURE")
    assert "INTERNAL_ADDRESS_FAILURE" in wire().errors


@pytest.mark.counter("address-pool-exhausted")
def test_address_pool_exhausted__a_disconnect_frees_an_address(server: Server, client: Client, client2: Client, ikev2: Ikev2Path) -> None:
    """After the first client has gone the next attempt works, with the same address."""
    server.provision(ikev2.steps_with_pool(2))
    first = client.connect(ikev2.profile())
    client2.must_be_refused(ikev2.profile_of("second.example.test"), by="server", because="INTERNAL_ADDRESS_FAILURE")

    first.disconnect()
    server.await_no_client()
    assert client2.connect(ikev2.profile_of("second.example.test")).inner_address == first.inner_address


@pytest.mark.claim("address-connection-limit")
def test_address_connection_limit__the_third_client_is_refused(
    server: Server, client: Client, client2: Client, client3: Client, ikev2: Ikev2Path
) -> None:
    """WanEndpoints is 2 by default: the third connection is refused although the pool has room."""
    server.provision(ikev2.steps())
    for number, one in enumerate((client, client2)):
        server.await_client(one.connect(ikev2.profile_of(f"mac{number}.example.test")).inner_address)

    client3.must_be_refused(ikev2.profile_of("mac2.example.test"), by="server")


@pytest.mark.counter("address-connection-limit")
def test_address_connection_limit__raising_it_admits_one_more(
    server: Server, client: Client, client2: Client, client3: Client, ikev2: Ikev2Path
) -> None:
    """WanEndpoints 3 (= MaxWanEndpoints) admits a third."""
    server.provision(ikev2.steps(steps.wan_endpoints(3)))

    for number, one in enumerate((client, client2, client3)):
        server.await_client(one.connect(ikev2.profile_of(f"mac{number}.example.test")).inner_address)


@pytest.mark.counter("address-connection-limit")
def test_address_connection_limit__beyond_the_maximum_it_does_not(
    server: Server, client: Client, client2: Client, client3: Client, ikev2: Ikev2Path
) -> None:
    """WanEndpoints above MaxWanEndpoints counts as MaxWanEndpoints (inferred); here the maximum is lowered to see it with three clients."""
    server.provision(ikev2.steps(steps.wan_endpoints(3), steps.most_wan_endpoints(2)))
    for number, one in enumerate((client, client2)):
        server.await_client(one.connect(ikev2.profile_of(f"mac{number}.example.test")).inner_address)

    client3.must_be_refused(ikev2.profile_of("mac2.example.test"), by="server")
