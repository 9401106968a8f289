"""NAT between client and server (beyond the article): both ways to a VPN move to UDP 4500, and two Macs share one address."""

from __future__ import annotations

import pytest

from fixtures.l2tp import L2tpPath
from fixtures.path import Path
from fixtures.planes import LookAtWire, must_be_seen_in_clear, must_carry, must_not_reach
from fixtures.roles import AnyProfile, AnyTunnel, Client, LanHost, Server
from fixtures.vpn import Vpn
from lab.client.l2tp import L2tpTunnel
from lab.errors import UserCheckFailed
from lab.evidence.esp import EspPacket
from lab.secrets import Secret

pytestmark = pytest.mark.requires("nat")
IKE, NAT_T = 500, 4500
UDP_HEADER = 8


def wrong(vpn: Vpn) -> AnyProfile:
    """Return a profile that the server must refuse: another secret, or a certificate of another authority."""
    if isinstance(vpn.path, L2tpPath):
        return vpn.path.profile(secret=Secret("another secret"))
    return vpn.path.profile(certificate=vpn.path.pki.client_of_other_authority)


@pytest.mark.claim("nat-between")
def test_nat_between__works_on_all_planes_and_moves_to_4500(
    server: Server, home: Client, path: Path, lan: LanHost, vpn: Vpn, wire: LookAtWire
) -> None:
    """It fails before, works through the NAT with every ESP packet in UDP 4500, and fails again when torn down."""
    must_be_seen_in_clear(home, server, wire)
    must_not_reach(home, lan)
    home.must_be_refused(vpn.profile(), by="server", because="NO_PROPOSAL_CHOSEN")

    server.provision(vpn.steps())
    tunnel = home.connect(vpn.profile())
    must_carry(tunnel, home, server, lan, wire)
    seen = wire()
    assert tunnel.sa().children[0].encapsulated
    assert [one for one in seen.esp() if not one.in_udp] == []
    assert {server_side(one, server) for one in seen.esp()} == {NAT_T}
    assert {one.source for one in seen.esp()} == {path.address, server.address}
    ports = seen.ike_ports(server.address)
    assert (ports[0], ports[-1]) == (IKE, NAT_T)
    assert ports == sorted(ports), "IKE went back from 4500 to 500"

    tunnel.disconnect()
    server.await_no_client()
    must_not_reach(home, lan)
    server.revert()
    home.must_be_refused(vpn.profile(), by="server", because="NO_PROPOSAL_CHOSEN")


def test_nat_between__a_wrong_secret_or_certificate_is_refused(
    server: Server, home: Client, lan: LanHost, vpn: Vpn, wire: LookAtWire
) -> None:
    """By the server, and told through the NAT."""
    server.provision(vpn.steps())

    home.must_be_refused(wrong(vpn), by="server")
    must_not_reach(home, lan)
    assert wire().esp() == []


@pytest.mark.claim("nat-between")
def test_nat_between__two_clients_share_an_address(
    server: Server, home: Client, home2: Client, path: Path, lan: LanHost, vpn: Vpn, wire: LookAtWire
) -> None:
    """Both are served at once, also while the other's traffic flows; the NAT gives each a port, and for L2TP each has one of its own inside."""
    server.provision(vpn.steps())
    first, second = home.connect(vpn.profile()), home2.connect(vpn.profile())

    for tunnel, client in ((first, home), (second, home2), (first, home)):
        must_carry(tunnel, client, server, lan, wire)
    assert first.inner_address != second.inner_address
    if isinstance(first, L2tpTunnel) and isinstance(second, L2tpTunnel):
        assert first.port != second.port
    from_home = {(one.source, one.ports) for one in wire().esp() if one.destination == server.address}
    assert {source for source, _ in from_home} == {path.address}
    assert len(from_home) == 2

    first.disconnect()
    must_carry(second, home2, server, lan, wire)


@pytest.mark.claim("nat-between")
def test_nat_between__adds_eight_bytes(
    server: Server, client: Client, home: Client, lan: LanHost, vpn: Vpn, wire: LookAtWire
) -> None:
    """The same packets, through the same suite with and without NAT: a UDP header more, whatever their size."""
    server.provision(vpn.steps())
    without = lengths(client.connect(vpn.profile()), client, server, lan, wire)
    behind = lengths(home.connect(vpn.profile()), home, server, lan, wire)

    assert behind == [[length + UDP_HEADER for length in both] for both in without]


@pytest.mark.counter("nat-between")
def test_nat_between__without_nat_esp_is_not_in_udp(
    server: Server, client: Client, lan: LanHost, vpn: Vpn, wire: LookAtWire
) -> None:
    """ESP alone; and IKE for L2TP stays on UDP 500 (that of IKEv2 may move by itself: MOBIKE)."""
    server.provision(vpn.steps())
    tunnel = client.connect(vpn.profile())
    must_carry(tunnel, client, server, lan, wire)

    assert not tunnel.sa().children[0].encapsulated
    assert [one for one in wire().esp() if one.in_udp] == []
    if isinstance(vpn.path, L2tpPath):
        assert set(wire().ike_ports(server.address)) == {IKE}


def server_side(packet: EspPacket, server: Server) -> int:
    """Return the server's UDP port of an ESP packet."""
    assert packet.ports is not None
    source, destination = packet.ports
    return destination if packet.destination == server.address else source


def lengths(tunnel: AnyTunnel, client: Client, server: Server, lan: LanHost, wire: LookAtWire) -> list[list[int]]:
    """Return the lengths on the wire of a ping and its answer, for several sizes."""
    server.await_client(tunnel.inner_address)
    found = []
    for size in (36, 548, 1200):
        before = len(wire().esp())
        if client.probe.ping(lan.address, source=str(tunnel.inner_address), size=size) is None:
            raise UserCheckFailed(f"no answer to a ping of {size} bytes through the tunnel")
        found.append([one.length for one in wire().esp()[before:]])
    return found
