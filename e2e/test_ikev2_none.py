"""IKEv2 with "None": no EAP, certificates on both sides (article: Using IKEv2)."""

from __future__ import annotations

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.planes import LookAtWire, must_be_seen_in_clear, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab.server import steps


@pytest.mark.claim("ikev2-none-mutual-certificates")
def test_ikev2_none__works_on_all_planes(server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """It fails before, works after provisioning, and fails again when torn down."""
    must_be_seen_in_clear(client, server, wire)
    must_not_reach(client, lan)
    client.must_be_refused(ikev2.profile(), by="server")

    server.provision(ikev2.steps())
    tunnel = client.connect(ikev2.profile())
    must_carry(tunnel, client, server, lan, wire)

    tunnel.disconnect()
    server.await_no_client()
    must_not_reach(client, lan)
    server.revert()
    client.must_be_refused(ikev2.profile(), by="server")


@pytest.mark.claim("ikev2-none-mutual-certificates")
def test_ikev2_none__auth_is_in_the_first_request(server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """No EAP: AUTH and CERT stand in the first IKE_AUTH request, both sides sign with RSA."""
    server.provision(ikev2.steps())
    tunnel = client.connect(ikev2.profile())
    seen = wire()

    request, response = seen.requests("IKE_AUTH")[0], seen.responses("IKE_AUTH")[0]
    assert {"IDi", "CERT", "AUTH", "IDr"} <= set(request.payloads)
    assert "CERTREQ" not in request.payloads
    assert {"IDr", "CERT", "AUTH"} <= set(response.payloads)
    assert "EAP" not in request.payloads + response.payloads
    assert (request.auth_method, response.auth_method) == ("1", "1")
    assert request.identities == ["mac.example.test", "vpn.example.test"]
    sa = tunnel.sa()
    assert (sa.local_identity, sa.remote_identity) == ("mac.example.test", "vpn.example.test")


@pytest.mark.counter("ikev2-none-mutual-certificates")
@pytest.mark.parametrize("certificate", ["client_expired", "client_of_other_authority"])
def test_ikev2_none__wrong_client_certificate_is_refused(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire, certificate: str
) -> None:
    """An expired certificate, or one of another CA, gets AUTHENTICATION_FAILED."""
    server.provision(ikev2.steps())

    client.must_be_refused(ikev2.profile(certificate=getattr(ikev2.pki, certificate)), by="server", because="AUTHENTICATION_FAILED")
    assert wire().errors[-1] == "AUTHENTICATION_FAILED"
    must_not_reach(client, lan)


@pytest.mark.counter("ikev2-none-mutual-certificates")
def test_ikev2_none__no_client_certificate_is_refused(server: Server, client: Client, ikev2: Ikev2Path) -> None:
    """A client that shows no certificate gets AUTHENTICATION_FAILED."""
    server.provision(ikev2.steps())

    client.must_be_refused(ikev2.profile(send_certificate=False), by="server", because="AUTHENTICATION_FAILED")


@pytest.mark.counter("ikev2-none-mutual-certificates")
def test_ikev2_none__without_the_root_is_refused(server: Server, client: Client, ikev2: Ikev2Path) -> None:
    """A server that does not trust the clients' root refuses them."""
    server.provision(ikev2.steps(without="trusted-root"))

    client.must_be_refused(ikev2.profile(), by="server", because="AUTHENTICATION_FAILED")


@pytest.mark.counter("ikev2-none-mutual-certificates")
def test_ikev2_none__revocation_counts_only_when_it_is_enforced(server: Server, client: Client, ikev2: Ikev2Path) -> None:
    """A revoked certificate is accepted unless CertAuthFlags is 4."""
    revoked = ikev2.profile(certificate=ikev2.pki.client_revoked)
    listed = steps.revocation_list(ikev2.pki.revocation_list)
    server.provision(ikev2.steps(listed))
    client.connect(revoked).disconnect()
    server.revert()

    server.provision(ikev2.steps(listed, steps.ikev2_parameters(CertAuthFlags=4)))
    client.must_be_refused(revoked, by="server", because="AUTHENTICATION_FAILED")
    client.connect(ikev2.profile()).disconnect()


@pytest.mark.claim("ikev2-none-built-in-only")
def test_ikev2_none__needs_built_in_parts_only(server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """It works on a server whose EAP bit is clear; nothing but the path's own steps was done to it."""
    server.provision(ikev2.steps())
    state = server.view()

    assert not state.server_flags & steps.EAP
    must_carry(client.connect(ikev2.profile()), client, server, lan, wire)


@pytest.mark.claim("ikev2-none-serverflags")
def test_ikev2_none__works_with_the_certificate_bit(server: Server, client: Client, ikev2: Ikev2Path) -> None:
    """ServerFlags has CERT (0x04000000), or-ed to what was there."""
    before = server.view().server_flags
    server.provision(ikev2.steps())

    assert server.view().server_flags == before | steps.CERT
    client.connect(ikev2.profile())


@pytest.mark.counter("ikev2-none-serverflags")
def test_ikev2_none__is_refused_without_the_certificate_bit(server: Server, client: Client, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """Without the bit the server refuses (inferred; the first real run settles it)."""
    server.provision(ikev2.steps(without="server-flags"))

    client.must_be_refused(ikev2.profile(), by="server", because="AUTHENTICATION_FAILED")
    assert "INVALID_KE_PAYLOAD" in wire().errors


@pytest.mark.counter("ikev2-none-serverflags")
def test_ikev2_none__changes_take_effect_at_the_restart(server: Server, client: Client, ikev2: Ikev2Path) -> None:
    """A bit that is set while the service runs counts from its next start on."""
    server.provision(ikev2.steps(without="server-flags"))
    server.provision([steps.server_flags(steps.CERT)])
    client.must_be_refused(ikev2.profile(), by="server", because="AUTHENTICATION_FAILED")

    server.provision([steps.remote_access()])
    client.connect(ikev2.profile())
