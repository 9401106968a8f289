"""Cisco IPsec, which Windows does not serve (article: introduction)."""

from __future__ import annotations

import pytest

from fixtures.cisco import GROUP, CiscoPath
from fixtures.l2tp import L2tpPath
from fixtures.planes import LookAtWire, must_be_seen_in_clear, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab.client.cisco_profile import Exchange
from lab.errors import ProfileRefused

pytestmark = pytest.mark.requires("l2tp")
XAUTH_METHODS = {False: 65001, True: 65005}
"""XAUTHInitPreShared, XAUTHInitRSA (draft-beaulieu-ike-xauth, 7.2)."""
XAUTH, UNITY = "09002689dfd6b712", "12f5f28c457168a9702d9fe274cc0100"
SHARED_SECRET = 1
AFTER_PHASE_1 = {"transaction", "quick mode"}


@pytest.mark.claim("cisco-refused")
@pytest.mark.parametrize("exchange", Exchange, ids=["main", "aggressive"])
@pytest.mark.parametrize("certificate", [False, True], ids=["secret", "certificate"])
def test_cisco__is_refused_in_phase_1(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, cisco: CiscoPath, wire: LookAtWire, exchange: Exchange, *, certificate: bool
) -> None:
    """Before the server is configured and after: XAUTH is offered, phase 1 never ends, nothing is reachable."""
    must_be_seen_in_clear(client, server, wire)
    profile = cisco.profile(certificate=certificate, group_name=GROUP if exchange is Exchange.AGGRESSIVE else "")
    client.must_be_refused(profile, by="server", because="NO_PROPOSAL_CHOSEN", exchange=exchange)
    server.provision(l2tp.certificate_steps(cisco.pki) if certificate else l2tp.steps())

    client.must_be_refused(profile, by="server", exchange=exchange)

    assert client.sas() == []
    assert server.main_mode_associations() == 0
    assert server.clients == ()
    asked = [message for message in wire().ikev1 if message.source == client.address and message.transforms]
    assert {message.exchange for message in asked} == {exchange.value}
    assert {one.authentication for message in asked for one in message.transforms} == {XAUTH_METHODS[certificate]}
    assert all({XAUTH, UNITY} <= set(message.vendor_ids) for message in asked)
    assert not AFTER_PHASE_1 & {message.exchange for message in wire().ikev1}
    assert wire().esp_packets() == 0
    must_not_reach(client, lan)


@pytest.mark.counter("cisco-refused")
def test_cisco__the_same_secret_without_xauth_is_let_in(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, cisco: CiscoPath, wire: LookAtWire
) -> None:
    """The same client with the same secret, account and password: L2TP's main mode has no XAUTH, and succeeds."""
    server.provision(l2tp.steps())
    client.must_be_refused(cisco.profile(), by="server")

    must_carry(client.connect(l2tp.profile()), client, server, lan, wire)
    assert server.main_mode_associations() == 1
    assert SHARED_SECRET in {one.authentication for message in wire().ikev1 for one in message.transforms}
    assert UNITY not in wire().ikev1[-1].vendor_ids


@pytest.mark.counter("cisco-refused")
def test_cisco__the_same_certificate_without_xauth_is_let_in(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, cisco: CiscoPath, wire: LookAtWire
) -> None:
    """As with the secret: L2TP with the same certificate, account and password."""
    server.provision(l2tp.certificate_steps(cisco.pki))
    client.must_be_refused(cisco.profile(certificate=True), by="server")

    with client.knows_by_hosts_file(l2tp.topology.vpn.server_name, server.address):
        must_carry(client.connect(l2tp.certificate_profile(cisco.pki.client)), client, server, lan, wire)
    assert server.main_mode_associations() == 1


def test_cisco__aggressive_mode_offers_a_group_at_a_time(server: Server, client: Client, l2tp: L2tpPath, cisco: CiscoPath, wire: LookAtWire) -> None:
    """Its first message has a key exchange in it: group 14 first, and group 2 in a second attempt."""
    server.provision(l2tp.steps())
    client.must_be_refused(cisco.profile(group_name=GROUP), by="server")

    groups = [{one.suite.rpartition("/")[2] for one in message.transforms} for message in wire().ikev1 if message.source == client.address]
    assert groups == [{"14"}, {"2"}]


def test_cisco__an_empty_field_is_refused_before_a_packet(client: Client, cisco: CiscoPath, wire: LookAtWire) -> None:
    """As the pane does."""
    with pytest.raises(ProfileRefused, match="the field Account Name is empty"):
        client.connect(cisco.profile(account=""))
    assert wire().ikev1 == []
