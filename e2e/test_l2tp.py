"""L2TP over IPsec with a shared secret (article: Using L2TP over IPsec / Shared Secret; Phase 2 (User) Authentication)."""

from __future__ import annotations

import pytest

from fixtures.l2tp import USER, L2tpPath, first_message
from fixtures.planes import LookAtWire, must_be_seen_in_clear, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab import budgets
from lab.client.l2tp_profile import UserAuthentication
from lab.errors import ProfileRefused
from lab.secrets import Secret
from lab.server.l2tp_steps import RuleForm

pytestmark = pytest.mark.requires("l2tp")
L2TP_PORT = 1701
MS_CHAP_V2 = "129"
"""Algorithm 0x81 of PPP's CHAP (RFC 2759)."""
INFORM = "8"
"""DHCP's message type (RFC 2132, 9.6)."""


# -- the shared secret --------------------------------------------------------------------------------------------------


@pytest.mark.claim("l2tp-psk-dotted-address")
@pytest.mark.parametrize("form", RuleForm)
def test_l2tp_psk__works_on_all_planes(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire, form: RuleForm
) -> None:
    """It fails before, works with a dotted address after either of the article's lines, and fails again when torn down."""
    must_be_seen_in_clear(client, server, wire)
    must_not_reach(client, lan)
    client.must_be_refused(l2tp.profile(), by="server", because="NO_PROPOSAL_CHOSEN")

    server.provision(l2tp.steps(form=form))
    tunnel = client.connect(l2tp.profile())
    must_carry(tunnel, client, server, lan, wire)
    assert tunnel.sa().children[0].mode == "TRANSPORT"
    assert tunnel.inner_address in l2tp.topology.vpn.pool
    assert lan.who_has(str(tunnel.inner_address)) == lan.who_has(server.lan_address)

    tunnel.disconnect()
    server.await_no_client()
    assert lan.who_has(str(tunnel.inner_address)) == []
    must_not_reach(client, lan)
    server.revert()
    client.must_be_refused(l2tp.profile(), by="server", because="NO_PROPOSAL_CHOSEN")


@pytest.mark.claim("l2tp-psk-dotted-address")
def test_l2tp_psk__works_with_a_name_of_the_hosts_file(server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire) -> None:
    """For L2TP macOS asks the system's resolver; nobody compares the name with anything."""
    server.provision(l2tp.steps())

    with client.knows_by_hosts_file("only-in-hosts.example.test", server.address):
        tunnel = client.connect(l2tp.profile(server_address="only-in-hosts.example.test"))
    must_carry(tunnel, client, server, lan, wire)


def test_l2tp_psk__another_secret_is_refused(server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire) -> None:
    """Phase 1 fails at the first encrypted message: neither end can read the other's."""
    server.provision(l2tp.steps())

    client.must_be_refused(l2tp.profile(secret=Secret("another secret")), by="server", because="the shared secrets differ")
    must_not_reach(client, lan)
    assert wire().esp_packets() == 0


def test_l2tp_psk__windows_preference_decides(server: Server, client: Client, l2tp: L2tpPath) -> None:
    """Of the client's fourteen transforms the first of the server's own list is taken, which is the client's second."""
    server.provision(l2tp.steps())

    sa = client.connect(l2tp.profile()).sa()
    assert sa.suite == "AES_CBC-256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_2048"
    assert sa.children[0].suite == "AES_CBC-256/HMAC_SHA1_96"


def test_l2tp_psk__two_clients_have_ports_and_addresses_of_their_own(
    server: Server, client: Client, client2: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire
) -> None:
    """Both are served at the same time, also by the same account."""
    server.provision(l2tp.steps())
    first, second = client.connect(l2tp.profile()), client2.connect(l2tp.profile())

    must_carry(first, client, server, lan, wire)
    must_carry(second, client2, server, lan, wire)
    assert first.port != second.port
    assert first.inner_address != second.inner_address


@pytest.mark.claim("diagnosis-psk-needs-only-rule")
def test_l2tp_psk__needs_nothing_but_the_rule(server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire) -> None:
    """Beside the incoming connection and its user there is the rule; no certificate, no bit of ServerFlags is changed."""
    server.provision(l2tp.steps())
    must_carry(client.connect(l2tp.profile()), client, server, lan, wire)

    assert server.view().server_flags == server.before.server_flags
    assert wire().values("isakmp.cert.encoding") == []
    server.revert()
    server.provision(l2tp.steps(without="psk-rule"))
    client.must_be_refused(l2tp.profile(), by="server", because="NO_PROPOSAL_CHOSEN")


# -- in clear -----------------------------------------------------------------------------------------------------------


@pytest.mark.claim("l2tp-clear-refused")
def test_l2tp_clear__is_not_answered(server: Server, client: Client, client2: Client, l2tp: L2tpPath) -> None:
    """A first message in clear gets no answer: before, during and after a tunnel, from its client and from another."""

    def answers() -> list[bytes | None]:
        return [one.probe.ask_service("udp", server.address, L2TP_PORT, first_message(), timeout=budgets.SILENCE) for one in (client, client2)]

    assert answers() == [None, None]
    server.provision(l2tp.steps())
    assert answers() == [None, None]
    tunnel = client.connect(l2tp.profile())
    server.await_client(tunnel.inner_address)
    assert answers() == [None, None]
    tunnel.disconnect()
    server.revert()
    assert answers() == [None, None]


@pytest.mark.counter("l2tp-clear-refused")
def test_l2tp_clear__the_same_client_is_served_through_ipsec(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire
) -> None:
    """Its first message is answered inside ESP, and no L2TP is seen outside."""
    server.provision(l2tp.steps())
    must_carry(client.connect(l2tp.profile()), client, server, lan, wire)

    assert {"1", "2"} <= set(wire().values("l2tp.avp.message_type", inside="esp"))
    assert len(wire().values("l2tp.avp.message_type")) == len(wire().values("l2tp.avp.message_type", inside="esp"))


# -- the user -----------------------------------------------------------------------------------------------------------


@pytest.mark.claim("l2tp-user-password")
def test_l2tp_user__password_is_ms_chap_v2(server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire) -> None:
    """The server asks for CHAP 0x81 and nothing else; it knows the user by name."""
    server.provision(l2tp.steps())
    tunnel = client.connect(l2tp.profile())
    must_carry(tunnel, client, server, lan, wire)

    assert set(wire().values("lcp.opt.algorithm", inside="esp")) == {MS_CHAP_V2}
    assert USER in wire().values("chap.name", inside="esp")
    assert server.await_client(tunnel.inner_address).split()[0] == USER


@pytest.mark.counter("l2tp-user-password")
@pytest.mark.parametrize("changed", [{"password": Secret("wrong")}, {"account": "nobody"}], ids=["wrong-password", "unknown-user"])
def test_l2tp_user__who_is_not_known_is_refused(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire, changed: dict[str, str | Secret]
) -> None:
    """RAS error 691, inside IPsec that is up."""
    server.provision(l2tp.steps())

    refusal = client.must_be_refused(l2tp.profile(**changed), by="server", because="RAS error 691")  # type: ignore[arg-type]
    assert refusal.notify == "691"
    assert wire().esp_packets()
    must_not_reach(client, lan)


@pytest.mark.claim("l2tp-user-others")
@pytest.mark.parametrize(("kind", "reason"), [
    (UserAuthentication.RSA_SECURID, "EAP-RSA"), (UserAuthentication.CERTIFICATE, "EAP-TLS"), (UserAuthentication.KERBEROS, "EAP-KRB"),
    (UserAuthentication.CRYPTOCARD, "token card"),
], ids=["rsa-securid", "certificate", "kerberos", "cryptocard"])
def test_l2tp_user__others_are_refused_with_the_reason(
    client: Client, l2tp: L2tpPath, wire: LookAtWire, kind: UserAuthentication, reason: str
) -> None:
    """A profile that asks for one of the four is refused before a packet is sent."""
    with pytest.raises(ProfileRefused, match=reason):
        client.connect(l2tp.profile(user_authentication=kind))
    assert wire().values("isakmp.ispi") == []


# -- routes -------------------------------------------------------------------------------------------------------------


@pytest.mark.claim("routing-no-advertised-routes")
@pytest.mark.parametrize(("send_all_traffic", "asked"), [(False, [INFORM]), (True, [])], ids=["some-traffic", "all-traffic"])
def test_l2tp_routes__nobody_answers_a_dhcpinform(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire, asked: list[str], *, send_all_traffic: bool
) -> None:
    """A Mac that sends only some traffic asks for routes inside PPP, and is told none; one that sends all does not ask."""
    server.provision(l2tp.steps())
    tunnel = client.connect(l2tp.profile(send_all_traffic=send_all_traffic))
    must_carry(tunnel, client, server, lan, wire)

    assert wire().values("dhcp.option.dhcp", inside="esp") == asked


@pytest.mark.counter("routing-no-advertised-routes")
def test_l2tp_routes__another_lan_needs_all_traffic(server: Server, client: Client, lan2: LanHost, l2tp: L2tpPath, wire: LookAtWire) -> None:
    """A network outside the classful one of the inner address is reached with "Send all traffic" only."""
    server.provision(l2tp.steps())
    tunnel = client.connect(l2tp.profile())
    must_not_reach(client, lan2)
    tunnel.disconnect()
    server.await_no_client()

    tunnel = client.connect(l2tp.profile(send_all_traffic=True))
    must_carry(tunnel, client, server, lan2, wire)
