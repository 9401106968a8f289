"""L2TP over IPsec with certificates (article: Using L2TP over IPsec / Certificate)."""

from __future__ import annotations

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.l2tp import L2tpPath
from fixtures.planes import LookAtWire, must_be_seen_in_clear, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab.pki import Authority, RunPki
from lab.pki.authority import CLIENT_USAGES, SERVER_USAGES
from lab.server.l2tp_steps import printed_root, psk_rule

pytestmark = pytest.mark.requires("l2tp")
SHARED_SECRET, RSA_SIGNATURES = 1, 3
"""Authentication methods of phase 1 (RFC 2409, appendix A)."""
ARTICLES_ROOT = "CN=insert your name here"
NO_AUTHORITY = "Trust evaluate failure: [root AnchorTrusted BasicConstraints]"
"""As macOS writes it into its log."""


# -- ServerFlags ----------------------------------------------------------------------------------------------------------


@pytest.mark.claim("l2tp-cert-serverflags")
def test_l2tp_certificate__works_on_all_planes_with_the_bit(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, pki: RunPki, wire: LookAtWire
) -> None:
    """It fails before, works with the bit, and fails again when torn down; no rule and no secret is needed."""
    must_be_seen_in_clear(client, server, wire)
    must_not_reach(client, lan)
    profile = l2tp.certificate_profile(pki.client)
    with client.knows_by_hosts_file(profile.server_address, server.address):
        client.must_be_refused(profile, by="server", because="NO_PROPOSAL_CHOSEN")

        server.provision(l2tp.certificate_steps(pki))
        assert server.view().ipsec_rules == ()
        tunnel = client.connect(profile)
        must_carry(tunnel, client, server, lan, wire)
        assert tunnel.sa().children[0].mode == "TRANSPORT"
        assert tunnel.sa().remote_identity == f"CN={profile.server_address}"
        assert {one.authentication for message in wire().ikev1 for one in message.transforms} == {RSA_SIGNATURES}

        tunnel.disconnect()
        server.await_no_client()
        must_not_reach(client, lan)
        server.revert()
        client.must_be_refused(profile, by="server", because="NO_PROPOSAL_CHOSEN")


@pytest.mark.counter("l2tp-cert-serverflags")
def test_l2tp_certificate__is_refused_without_the_bit(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, pki: RunPki, wire: LookAtWire
) -> None:
    """Everything else is there: phase 1 is answered with a notify."""
    server.provision(l2tp.certificate_steps(pki, without="server-flags"))
    profile = l2tp.certificate_profile(pki.client)

    with client.knows_by_hosts_file(profile.server_address, server.address):
        client.must_be_refused(profile, by="server", because="NO_PROPOSAL_CHOSEN")
    assert wire().esp_packets() == 0
    must_not_reach(client, lan)


def test_l2tp_certificate__and_a_secret_are_served_side_by_side(
    server: Server, client: Client, client2: Client, lan: LanHost, l2tp: L2tpPath, pki: RunPki, wire: LookAtWire
) -> None:
    """A server with the rule and the bit takes either client, at the same time."""
    server.provision([psk_rule(l2tp.secret), *l2tp.certificate_steps(pki)])
    profile = l2tp.certificate_profile(pki.client)

    must_carry(client.connect(l2tp.profile()), client, server, lan, wire)
    with client2.knows_by_hosts_file(profile.server_address, server.address):
        must_carry(client2.connect(profile), client2, server, lan, wire)
    assert {one.authentication for message in wire().ikev1 for one in message.transforms} == {SHARED_SECRET, RSA_SIGNATURES}


@pytest.mark.parametrize("wrong", ["client_of_other_authority", "client_expired"])
def test_l2tp_certificate__a_wrong_client_certificate_is_refused(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, pki: RunPki, wire: LookAtWire, wrong: str
) -> None:
    """The server judges the client's certificate as it does for IKEv2."""
    server.provision(l2tp.certificate_steps(pki))
    profile = l2tp.certificate_profile(getattr(pki, wrong))

    with client.knows_by_hosts_file(profile.server_address, server.address):
        client.must_be_refused(profile, by="server", because="AUTHENTICATION_FAILED")
    assert wire().esp_packets() == 0
    must_not_reach(client, lan)


@pytest.mark.parametrize("wrong", ["server_of_other_authority", "server_expired"])
def test_l2tp_certificate__a_wrong_server_certificate_is_refused_by_the_client(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, pki: RunPki, wire: LookAtWire, wrong: str
) -> None:
    """One of a root that the client does not have, and one whose time is over."""
    server.provision(l2tp.certificate_steps(pki, server=getattr(pki, wrong)))
    profile = l2tp.certificate_profile(pki.client)

    with client.knows_by_hosts_file(profile.server_address, server.address):
        client.must_be_refused(profile, by="client")
    assert wire().esp_packets() == 0
    must_not_reach(client, lan)


@pytest.mark.claim("diagnosis-always-answers")
@pytest.mark.parametrize("forgotten", ["trusted-root", "machine-certificate", "remote-access"])
def test_l2tp_certificate__a_forgotten_step_is_answered(server: Server, client: Client, l2tp: L2tpPath, pki: RunPki, forgotten: str) -> None:
    """With an error notify, as for IKEv2."""
    server.provision(l2tp.certificate_steps(pki, without=forgotten))
    profile = l2tp.certificate_profile(pki.client)

    with client.knows_by_hosts_file(profile.server_address, server.address):
        assert client.must_be_refused(profile, by="server").notify in ("NO_PROPOSAL_CHOSEN", "AUTHENTICATION_FAILED")


# -- the root -------------------------------------------------------------------------------------------------------------


@pytest.mark.claim("l2tp-cert-ca-basic-constraints")
def test_l2tp_root__without_basic_constraints_is_refused_by_the_client(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, pki: RunPki, wire: LookAtWire
) -> None:
    """The article's line without its text extension: main mode gets as far as the server's certificate, and the client says what is wrong with the
    root. Server and client have certificates of that root, and the server takes the client's: it goes on to show its own."""
    authority = _made_by_the_articles_line(server, constrained=False)
    own = authority.issue(pki.server_name, usages=SERVER_USAGES)
    server.provision(l2tp.certificate_steps(pki, server=own))
    client.roots = [own.root]
    profile = l2tp.certificate_profile(authority.issue("mac.example.test", usages=CLIENT_USAGES))

    with client.knows_by_hosts_file(profile.server_address, server.address):
        client.must_be_refused(profile, by="client", because=NO_AUTHORITY)
    main_mode = [message.source for message in wire().ikev1 if message.exchange == "main mode"]
    assert (main_mode.count(server.address) >= 3, main_mode[-1]) == (True, server.address)  # to the end of its last message, which may be in fragments
    assert "quick mode" not in {message.exchange for message in wire().ikev1}
    assert wire().esp_packets() == 0
    must_not_reach(client, lan)


@pytest.mark.claim("l2tp-cert-ca-basic-constraints")
def test_l2tp_root__without_basic_constraints_is_good_enough_for_the_server(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, pki: RunPki, wire: LookAtWire
) -> None:
    """A client's certificate of such a root is accepted; the client itself looks at the server's, which has a root that counts."""
    other = pki.authority_without_basic_constraints
    own = other.issue("mac.example.test", usages=CLIENT_USAGES)
    server.provision([Ikev2Path.trust(other), *l2tp.certificate_steps(pki)])
    profile = l2tp.certificate_profile(own)

    with client.knows_by_hosts_file(profile.server_address, server.address):
        must_carry(client.connect(profile), client, server, lan, wire)


@pytest.mark.counter("l2tp-cert-ca-basic-constraints")
def test_l2tp_root__with_basic_constraints_works(server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, pki: RunPki, wire: LookAtWire) -> None:
    """The article's whole line: a root of 4096 bits that is valid until 2061, and everything issued by it."""
    authority = _made_by_the_articles_line(server, constrained=True)
    own = authority.issue(pki.server_name, usages=SERVER_USAGES)
    assert (authority.certificate.not_valid_after_utc.year, authority.key.key_size) == (2061, 4096)
    server.provision(l2tp.certificate_steps(pki, server=own))
    client.roots = [own.root]
    profile = l2tp.certificate_profile(authority.issue("mac.example.test", usages=CLIENT_USAGES))

    with client.knows_by_hosts_file(profile.server_address, server.address):
        must_carry(client.connect(profile), client, server, lan, wire)


def _made_by_the_articles_line(server: Server, *, constrained: bool) -> Authority:
    """Run the line on the server; return the authority that it made."""
    server.provision([printed_root(constrained=constrained)])
    return server.take_root(ARTICLES_ROOT)


# -- the name -------------------------------------------------------------------------------------------------------------


@pytest.mark.claim("l2tp-cert-name")
@pytest.mark.parametrize("certificate", ["server", "server_common_name_only"], ids=["alternative-name", "common-name"])
def test_l2tp_name__of_the_hosts_file_matches_the_certificate(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, pki: RunPki, wire: LookAtWire, certificate: str
) -> None:
    """Server Address is a name that the certificate has as dNSName, or without any as its CN; /etc/hosts has its address."""
    server.provision(l2tp.certificate_steps(pki, server=getattr(pki, certificate)))
    profile = l2tp.certificate_profile(pki.client)

    with client.knows_by_hosts_file(profile.server_address, server.address):
        must_carry(client.connect(profile), client, server, lan, wire)


@pytest.mark.counter("l2tp-cert-name")
@pytest.mark.parametrize("written", ["", "other.example.test"], ids=["dotted-address", "other-name"])
def test_l2tp_name__that_the_certificate_lacks_is_refused_by_the_client(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, pki: RunPki, wire: LookAtWire, written: str
) -> None:
    """A dotted address is no name of it, nor is another name: refused at the end of main mode, before any user data."""
    server.provision(l2tp.certificate_steps(pki))
    profile = l2tp.certificate_profile(pki.client, server_address=written or server.address)

    with client.knows_by_hosts_file("other.example.test", server.address):
        client.must_be_refused(profile, by="client", because="Trust evaluate failure: [leaf SSLHostname]")
    assert wire().esp_packets() == 0
    assert "quick mode" not in {message.exchange for message in wire().ikev1}
    must_not_reach(client, lan)


def test_l2tp_name__no_usage_of_the_certificate_is_asked_for(server: Server, client: Client, l2tp: L2tpPath, pki: RunPki) -> None:
    """For L2TP macOS wants no serverAuth, as it does for IKEv2."""
    server.provision(l2tp.certificate_steps(pki, server=pki.server_without_server_auth))
    profile = l2tp.certificate_profile(pki.client)

    with client.knows_by_hosts_file(profile.server_address, server.address):
        client.connect(profile)
