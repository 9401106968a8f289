"""The server's firewall (article: Addressing, Routing and Firewall; a comment on UDP 500 and 4500)."""

from __future__ import annotations

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.planes import LookAtWire, must_carry
from fixtures.roles import Client, LanHost, Server
from fixtures.vpn import Vpn
from lab.server.firewall import (
    ECHO,
    ENDPOINT_MAPPER,
    IKE,
    KEYING_SERVICE,
    ORIGINAL_PROFILE,
    PROFILE_NUMBERS,
    LocalService,
    Profile,
    firewall_rule,
    stopped_service,
    vpn_network,
)

PUBLIC, PRIVATE = PROFILE_NUMBERS[Profile.PUBLIC], PROFILE_NUMBERS[Profile.PRIVATE]
SERVICES = pytest.mark.parametrize("service", [ENDPOINT_MAPPER, ECHO], ids=lambda one: one.name)
PORT_UNREACHABLE = "3"
"""ICMP's code of the message that nobody listens (RFC 792)."""


def own_address(vpn: Vpn) -> str:
    """Return the server's own inner address."""
    return str(vpn.path.topology.vpn.pool.first)


# -- the VPN's network --------------------------------------------------------------------------------------------------


@pytest.mark.claim("firewall-public-default")
@SERVICES
def test_firewall_public__the_servers_own_service_is_blocked(
    server: Server, client: Client, lan: LanHost, vpn: Vpn, wire: LookAtWire, service: LocalService
) -> None:
    """At its inner address and at the LAN's, while the tunnel carries whatever is for others; the filter that drops it judges by Public."""
    server.provision(vpn.steps())
    tunnel = client.connect(vpn.profile())
    must_carry(tunnel, client, server, lan, wire)

    assert not client.finds(service, own_address(vpn), tunnel)
    assert not client.finds(service, server.lan_address, tunnel)
    drop = server.await_drop(service, tunnel.inner_address)
    assert drop.filter.conditions[ORIGINAL_PROFILE] == PUBLIC
    must_carry(tunnel, client, server, lan, wire)


@pytest.mark.counter("firewall-public-default")
@SERVICES
def test_firewall_public__a_rule_for_public_opens_it(
    server: Server, client: Client, vpn: Vpn, service: LocalService
) -> None:
    """That service, and no other; blocked again when the rule is gone."""
    server.provision(vpn.steps())
    tunnel = client.connect(vpn.profile())
    server.await_client(tunnel.inner_address)
    assert not client.finds(service, own_address(vpn), tunnel)

    with server.provisioned(firewall_rule(service, Profile.PUBLIC)):
        assert client.finds(service, own_address(vpn), tunnel, timeout=1.0)
        other = ECHO if service is ENDPOINT_MAPPER else ENDPOINT_MAPPER
        assert not client.finds(other, own_address(vpn), tunnel)
    assert not client.finds(service, own_address(vpn), tunnel)


@pytest.mark.claim("firewall-private-still-blocked")
def test_firewall_private__a_service_open_in_private_only_stays_blocked(
    server: Server, client: Client, lan: LanHost, vpn: Vpn, wire: LookAtWire
) -> None:
    """After the change to Private too: the drop's filter has a condition on the profile that the packet was received to."""
    server.provision([*vpn.steps(), firewall_rule(ENDPOINT_MAPPER, Profile.PRIVATE)])
    tunnel = client.connect(vpn.profile())
    must_carry(tunnel, client, server, lan, wire)
    assert not client.finds(ENDPOINT_MAPPER, own_address(vpn), tunnel)
    server.provision([vpn_network(Profile.PRIVATE)])

    assert not client.finds(ENDPOINT_MAPPER, own_address(vpn), tunnel)
    drop = server.await_drop(ENDPOINT_MAPPER, tunnel.inner_address)
    assert (drop.original_profile, drop.current_profile) == (PUBLIC, PRIVATE)
    assert drop.filter.conditions[ORIGINAL_PROFILE] == PUBLIC
    must_carry(tunnel, client, server, lan, wire)


@pytest.mark.counter("firewall-private-still-blocked")
def test_firewall_private__open_in_public_too_it_is_reached(server: Server, client: Client, vpn: Vpn) -> None:
    """A second rule, for Public, lets it in."""
    server.provision([*vpn.steps(), firewall_rule(ENDPOINT_MAPPER, Profile.PRIVATE)])
    tunnel = client.connect(vpn.profile())
    server.await_client(tunnel.inner_address)
    server.provision([vpn_network(Profile.PRIVATE)])
    assert not client.finds(ENDPOINT_MAPPER, own_address(vpn), tunnel)

    server.provision([firewall_rule(ENDPOINT_MAPPER, Profile.PUBLIC)])
    assert client.finds(ENDPOINT_MAPPER, own_address(vpn), tunnel, timeout=1.0)


# -- IKE's ports --------------------------------------------------------------------------------------------------------


@pytest.mark.claim("firewall-ike-open")
def test_firewall_ike__a_closed_port_is_silent_and_the_server_counts_the_drops(
    server: Server, client: Client, vpn: Vpn, wire: LookAtWire
) -> None:
    """Somebody listens, and a filter drops what comes. A rule that blocks wins, whatever else lets IKE in."""
    server.provision([*vpn.steps(), firewall_rule(IKE, Profile.ANY, action="Block")])

    client.must_be_refused(vpn.profile(), by="nobody")
    drop = server.await_drop(IKE, client.plan.address("wan"))
    assert drop.filter.name.endswith(IKE.name)
    assert IKE.port in server.silence(IKE).listening
    assert silent(wire, server)


@pytest.mark.claim("firewall-ike-open")
def test_firewall_ike__where_nobody_listens_nothing_is_dropped(server: Server, client: Client, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """On the wire it is the same silence."""
    server.provision([*ikev2.steps(), stopped_service(KEYING_SERVICE)])

    client.must_be_refused(ikev2.profile(), by="nobody")
    seen = server.silence(IKE)
    assert (IKE.port in seen.listening, seen.drops) == (False, ())
    assert silent(wire, server)


@pytest.mark.counter("firewall-ike-open")
def test_firewall_ike__open_and_listening_it_answers(
    server: Server, client: Client, lan: LanHost, vpn: Vpn, wire: LookAtWire
) -> None:
    """Closed and opened again: the first message is answered, and a tunnel comes up."""
    server.provision(vpn.steps())
    with server.provisioned(firewall_rule(IKE, Profile.ANY, action="Block")):
        pass

    must_carry(client.connect(vpn.profile()), client, server, lan, wire)
    seen = server.silence(IKE)
    assert (IKE.port in seen.listening, seen.drops) == (True, ())


def silent(wire: LookAtWire, server: Server) -> bool:
    """Whether the server said nothing at all to what was sent to it: neither IKE nor that nobody listens."""
    return server.address not in wire().values("ip.src") and PORT_UNREACHABLE not in wire().values("icmp.code")
