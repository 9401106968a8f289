"""Names: Remote ID, the server's certificate, and how Server Address is resolved (article: Using IKEv2)."""

from __future__ import annotations

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.planes import LookAtWire, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab.errors import ProfileRefused
from lab.ike import trust


@pytest.mark.claim("ikev2-remote-id")
def test_ikev2_remote_id__matches_the_alternative_name(server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """Remote ID is a dNSName of the certificate; the client sends it as IDr."""
    server.provision(ikev2.steps())
    tunnel = client.connect(ikev2.profile())

    assert (tunnel.attempts, tunnel.by_common_name) == (1, False)
    must_carry(tunnel, client, server, lan, wire)
    assert ikev2.topology.vpn.server_name in wire().requests("IKE_AUTH")[0].identities


@pytest.mark.claim("ikev2-remote-id")
def test_ikev2_remote_id__matches_the_common_name(server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """Without any dNSName the subject's CN counts (macOS before 10.15)."""
    server.provision(ikev2.steps(server=ikev2.pki.server_common_name_only))
    tunnel = client.connect(ikev2.profile())

    assert tunnel.by_common_name
    must_carry(tunnel, client, server, lan, wire)


@pytest.mark.counter("ikev2-remote-id")
def test_ikev2_remote_id__another_name_is_refused_by_the_client(server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path) -> None:
    """A Remote ID that the certificate lacks is refused by the client."""
    server.provision(ikev2.steps())

    client.must_be_refused(ikev2.profile(remote_id="other.example.test"), by="client")
    must_not_reach(client, lan)


@pytest.mark.claim("ikev2-server-certificate")
@pytest.mark.parametrize(
    ("certificate", "because"),
    [
        ("server_of_other_authority", ""),
        ("server_expired", "invalid"),
        ("server_without_server_auth", "[leaf ExtendedKeyUsage]"),
        ("server_other_name", ""),
    ],
)
def test_ikev2_server_certificate__wrong_one_is_refused_by_the_client(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, certificate: str, because: str
) -> None:
    """Another CA, expired, without serverAuth, another name: refused by the client, nothing reachable."""
    chosen = getattr(ikev2.pki, certificate)
    others = [ikev2.pki.other_authority] if certificate == "server_of_other_authority" else []
    server.provision(ikev2.steps(*[ikev2.trust(one) for one in others], server=chosen))

    client.must_be_refused(ikev2.profile(), by="client", because=because)
    must_not_reach(client, lan)


@pytest.mark.claim("ikev2-server-certificate")
def test_ikev2_server_certificate__root_without_basic_constraints_is_no_root(client: Client, ikev2: Ikev2Path) -> None:
    """The root without CA:TRUE is refused before any packet, in macOS's words."""
    root = ikev2.pki.authority_without_basic_constraints.certificate
    client.roots = [root]

    with pytest.raises(ProfileRefused, match=r"\[root AnchorTrusted BasicConstraints\]"):
        client.connect(ikev2.profile())
    assert trust.evaluate_root(ikev2.pki.authority.certificate) == ""


@pytest.mark.claim("ikev2-dotted-address")
def test_ikev2_dotted_address__works(server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """Server Address is a dotted address."""
    server.provision(ikev2.steps())

    must_carry(client.connect(ikev2.profile(server_address=server.address)), client, server, lan, wire)


@pytest.mark.claim("ikev2-dotted-address")
@pytest.mark.requires("name-service")
def test_ikev2_dotted_address__a_name_that_dns_knows_works(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, dns: str, wire: LookAtWire
) -> None:
    """A name is resolved by DNS."""
    server.provision(ikev2.steps())
    client.dns = dns

    must_carry(client.connect(ikev2.profile(server_address=ikev2.topology.vpn.server_name)), client, server, lan, wire)


@pytest.mark.counter("ikev2-dotted-address")
@pytest.mark.requires("name-service")
def test_ikev2_dotted_address__a_name_of_etc_hosts_does_not_resolve(server: Server, client: Client, ikev2: Ikev2Path, dns: str) -> None:
    """A name that only /etc/hosts knows is not found, although the host itself resolves it."""
    server.provision(ikev2.steps())
    client.dns = dns

    refused = pytest.raises(ProfileRefused, match=r"'hosts-only\.example\.test' could not be found")
    with client.knows_by_hosts_file("hosts-only.example.test", server.address), refused:
        client.connect(ikev2.profile(server_address="hosts-only.example.test"))
