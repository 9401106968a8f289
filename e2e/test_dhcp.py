"""Inner addresses from DHCP, and without a DHCP server (article: Addressing, Routing and Firewall). By IKEv2 and by L2TP alike."""

from __future__ import annotations

import datetime as dt
from ipaddress import IPv4Address, IPv4Network

import pytest

from fixtures.clock import Clock
from fixtures.lan_dhcp import LanDhcp
from fixtures.planes import LookAtWire, must_carry, must_not_reach
from fixtures.roles import AnyTunnel, Client, LanHost, Server
from fixtures.vpn import Vpn
from lab import budgets
from lab.errors import ControlCheckFailed, WireCheckFailed
from lab.server.firewall import ECHO, Profile, firewall_rule
from lab.waiting import Deadline, wait_until

AUTONET = IPv4Network("169.254.0.0/16")
NO_DHCP_SERVER, NO_ADDRESS_ERROR = 20169, {"IKEv2": "13899", "L2TP": "717"}
"""The event of RemoteAccess (KB216805), and the errors ERROR_IPSEC_IKE_INNER_IP_ASSIGNMENT_FAILURE and ERROR_NO_IP_ADDRESSES."""
DISCOVER, OFFER, REQUEST, ACK, RELEASE = "1", "2", "3", "5", "7"
BATCH = 10
RAS = "01:52:41:53:20"
"""How the client identifier of a RAS server's lease begins: hardware type 1, "RAS "."""
OPEN_TO_PINGS = firewall_rule(ECHO, Profile.PUBLIC)
GIVES_UP = dt.timedelta(seconds=90)
"""After this a server knows that there is no DHCP server: four messages take 56 to 64 s."""


def await_on_lan(wire: LookAtWire, kind: str, count: int) -> list[str]:
    """Return the DHCP messages on the LAN once there are so many of a kind. Raises WireCheckFailed."""

    def seen() -> list[str]:
        found = wire().values("dhcp.option.dhcp", network="lan")
        return found if found.count(kind) >= count else []

    return wait_until(seen, Deadline(budgets.APPEAR), lambda: WireCheckFailed(f"lan: expected {count} DHCP messages of type {kind}"))


def addresses_given(wire: LookAtWire) -> list[str]:
    """Return the addresses that a DHCP server on the LAN has named to a client, in order, each once."""
    return [address for address in dict.fromkeys(wire().values("dhcp.ip.your", network="lan")) if address != "0.0.0.0"]


def await_autonet(server: Server, clock: Clock) -> None:
    """Move the time until the server has found that no DHCP server gives it an address."""
    clock.advance_until(lambda: any(event.identifier == NO_DHCP_SERVER for event in server.view().events), within=GIVES_UP, step=dt.timedelta(seconds=5))


def must_reach_the_server_only(tunnel: AnyTunnel, client: Client, server: Server, lan: LanHost) -> None:
    """Check what an address of 169.254/16 is good for: the server itself answers, what is behind it knows no way back."""
    server.await_client(tunnel.inner_address)
    tunnel.add_route(f"{server.lan_address}/32")
    assert client.pings(IPv4Address(server.lan_address), tunnel)
    must_not_reach(client, lan)


# -- a DHCP server ----------------------------------------------------------------------------------------------------------


@pytest.mark.claim("address-dhcp")
@pytest.mark.counter("address-dhcp-absent")
@pytest.mark.requires("lan-dhcp")
def test_dhcp__a_lease_becomes_the_clients_address(
    server: Server, client: Client, lan: LanHost, lan_dhcp: LanDhcp, vpn: Vpn, wire: LookAtWire
) -> None:
    """Leases are taken on the LAN; the server keeps the first, the client has the next, and it is of the LAN, not of 169.254/16."""
    leased = lan_dhcp.start(2 * BATCH)
    server.provision(vpn.steps_with_dhcp(OPEN_TO_PINGS))
    tunnel = vpn.connect_once_there_are_addresses(client)

    must_carry(tunnel, client, server, lan, wire)
    first, second, *_ = addresses_given(wire)
    assert {IPv4Address(first), IPv4Address(second)} <= set(leased)
    assert second == str(tunnel.inner_address)
    assert client.pings(IPv4Address(first), tunnel)
    assert lan.who_has(first) == lan.who_has(second) == lan.who_has(server.lan_address) != []
    assert wire().values("dhcp.option.dhcp", network="lan")[:4] == [DISCOVER, OFFER, REQUEST, ACK]


@pytest.mark.claim("address-dhcp")
@pytest.mark.requires("lan-dhcp")
def test_dhcp__ten_leases_at_a_time_with_rass_identifier(
    server: Server, lan_dhcp: LanDhcp, vpn: Vpn, wire: LookAtWire
) -> None:
    """A batch of ten is taken when the service starts, before there is a client, and released when it stops."""
    leased = lan_dhcp.start(2 * BATCH)
    server.provision(vpn.steps_with_dhcp())

    assert await_on_lan(wire, ACK, BATCH).count(DISCOVER) == BATCH
    leases = lan_dhcp.leases
    assert {lease.address for lease in leases} < set(leased)
    assert len({lease.identifier for lease in leases}) == BATCH
    assert all(lease.identifier.startswith(RAS) for lease in leases)

    server.revert()
    await_on_lan(wire, RELEASE, BATCH)
    wait_until(lambda: not lan_dhcp.leases, Deadline(budgets.APPEAR), lambda: ControlCheckFailed(f"still leased: {lan_dhcp.leases}"))


@pytest.mark.counter("address-dhcp")
@pytest.mark.requires("lan-dhcp")
def test_dhcp__without_free_leases_a_client_has_no_address(
    server: Server, client: Client, client2: Client, lan: LanHost, lan_dhcp: LanDhcp, vpn: Vpn, wire: LookAtWire
) -> None:
    """A DHCP server with two leases: the RAS server has one, the first client the other, the next is left without one until that one goes."""
    leased = lan_dhcp.start(2)
    server.provision(vpn.steps_with_dhcp())
    tunnel = vpn.connect_once_there_are_addresses(client)
    must_carry(tunnel, client, server, lan, wire)

    client2.must_be_refused(vpn.profile_of_another(), by="server", because=vpn.no_address)
    assert tunnel.inner_address in leased
    tunnel.disconnect()
    server.await_no_client()
    assert client2.connect(vpn.profile_of_another()).inner_address == tunnel.inner_address


@pytest.mark.counter("address-dhcp")
@pytest.mark.requires("lan-dhcp")
def test_dhcp__with_a_static_pool_nobody_is_asked(
    server: Server, client: Client, lan: LanHost, lan_dhcp: LanDhcp, vpn: Vpn, wire: LookAtWire
) -> None:
    """A DHCP server that is there is not asked where addresses come from a pool."""
    lan_dhcp.start(2 * BATCH)
    server.provision(vpn.steps())
    must_carry(client.connect(vpn.profile()), client, server, lan, wire)

    assert wire().values("dhcp.option.dhcp", network="lan") == []
    assert lan_dhcp.leases == []


# -- none -------------------------------------------------------------------------------------------------------------------


@pytest.mark.claim("address-dhcp-race")
@pytest.mark.counter("address-dhcp-race")
@pytest.mark.slow
def test_dhcp_race__an_attempt_before_it_is_known_that_nobody_answers(
    server: Server, client: Client, lan: LanHost, vpn: Vpn, clock: Clock, wire: LookAtWire
) -> None:
    """While the server waits for a DHCP server it has no address: the attempt fails, on both ends. A later one works."""
    server.provision(vpn.steps_with_dhcp(OPEN_TO_PINGS))
    refusal = client.must_be_refused(vpn.profile(), by="server", because=vpn.no_address)
    must_not_reach(client, lan)
    assert DISCOVER in wire().values("dhcp.option.dhcp", network="lan")
    if vpn.name == "IKEv2":
        assert refusal.notify == "INTERNAL_ADDRESS_FAILURE"
        assert "INTERNAL_ADDRESS_FAILURE" in wire().errors
    wait_until(lambda: any(NO_ADDRESS_ERROR[vpn.name] in event.message for event in server.view().events), Deadline(budgets.APPEAR),
               lambda: ControlCheckFailed(f"the server's log does not name error {NO_ADDRESS_ERROR[vpn.name]}"))

    await_autonet(server, clock)
    must_reach_the_server_only(vpn.connect_once_there_are_addresses(client), client, server, lan)


@pytest.mark.claim("address-dhcp-absent")
@pytest.mark.slow
@pytest.mark.parametrize("leases", [0, pytest.param(1, marks=pytest.mark.requires("lan-dhcp"))], ids=["no-server", "a-server-without-leases"])
def test_dhcp_absent__the_server_takes_169_254_by_itself(
    server: Server, client: Client, lan: LanHost, lan_dhcp: LanDhcp, vpn: Vpn, clock: Clock, wire: LookAtWire, leases: int
) -> None:
    """Without an answer addresses are of 169.254/16, with which the server is reached and nothing behind it."""
    if leases:
        lan_dhcp.start(leases, free=False)
    server.provision(vpn.steps_with_dhcp(OPEN_TO_PINGS))
    await_autonet(server, clock)
    tunnel = vpn.connect_once_there_are_addresses(client)

    assert tunnel.inner_address in AUTONET
    must_reach_the_server_only(tunnel, client, server, lan)
    assert lan.who_has(str(tunnel.inner_address)) == lan.who_has(server.lan_address)
    assert set(wire().values("dhcp.option.dhcp", network="lan")) == {DISCOVER}
