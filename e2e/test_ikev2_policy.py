"""IKEv2 policy settings (article: IKEv2 Policy Settings; [MS-RRASM] 2.2.3.4.2.8)."""

from __future__ import annotations

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.planes import LookAtWire, await_exchange, must_carry
from fixtures.roles import Client, LanHost, Server
from lab.client.profile import SecurityAssociationParameters as Parameters
from lab.server import steps

DEFAULT_IKE = Parameters(encryption_algorithm="AES-256", integrity_algorithm="SHA2-256", diffie_hellman_group=2)
DEFAULT_CHILD = Parameters(encryption_algorithm="3DES", integrity_algorithm="SHA2-256", diffie_hellman_group=14)


@pytest.mark.claim("policy-default")
def test_policy_default__absent_values_give_the_documented_tuple(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """A custom policy whose values are absent: AES-256, SHA-256, group 2; 3DES with SHA-256 for ESP."""
    server.provision(ikev2.steps(steps.ikev2_policy()))
    tunnel = client.connect(ikev2.profile(ike=DEFAULT_IKE, child=DEFAULT_CHILD))

    sa = tunnel.sa()
    assert sa.suite == "AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_1024"
    assert sa.children[0].suite == "3DES_CBC/HMAC_SHA2_256_128"
    seen = wire()
    assert seen.responses("IKE_SA_INIT")[-1].transforms == ["encr 12-256", "integ 12", "prf 5", "dh 2"]
    assert seen.responses("IKE_AUTH")[-1].transforms == ["encr 3", "integ 12", "esn 0"]
    must_carry(tunnel, client, server, lan, wire)


@pytest.mark.counter("policy-default")
def test_policy_default__the_literal_tuple_does_not_serve_the_pane(server: Server, client: Client, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """MacOS's pane offers no proposal that is AES-256, SHA-256, group 2: NO_PROPOSAL_CHOSEN."""
    server.provision(ikev2.steps(steps.ikev2_policy()))

    client.must_be_refused(ikev2.profile(), by="server", because="NO_PROPOSAL_CHOSEN")
    assert wire().errors == ["NO_PROPOSAL_CHOSEN"]


@pytest.mark.claim("policy-default")
def test_policy_default__without_a_custom_policy_the_pane_is_met(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """A stock server meets the pane's fourth proposal: AES-128, SHA-1, group 2 (list inferred)."""
    server.provision(ikev2.steps())
    tunnel = client.connect(ikev2.profile())

    assert tunnel.sa().suite == "AES_CBC-128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024"
    must_carry(tunnel, client, server, lan, wire)


@pytest.mark.claim("policy-invalid-ke-fallback")
def test_policy_invalid_ke__falls_back_from_group_14_to_2(server: Server, client: Client, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """KE group 14, INVALID_KE_PAYLOAD that names 2, KE group 2: exactly this ladder."""
    server.provision(ikev2.steps())
    client.connect(ikev2.profile())

    seen = wire()
    assert [message.ke_group for message in seen.requests("IKE_SA_INIT")] == ["MODP_2048", "MODP_1024"]
    first, second = seen.responses("IKE_SA_INIT")
    assert [(notify.name, notify.accepted_group) for notify in first.notifies if notify.is_error] == [("INVALID_KE_PAYLOAD", "MODP_1024")]
    assert second.ke_group == "MODP_1024"


@pytest.mark.counter("policy-invalid-ke-fallback")
def test_policy_invalid_ke__group_14_needs_no_fallback(server: Server, client: Client, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """A policy with group 14 has no such exchange."""
    server.provision(ikev2.steps(steps.ikev2_policy(DHGroup=3, CipherTransformConstant=5)))
    client.connect(ikev2.profile())

    seen = wire()
    assert [message.ke_group for message in seen.requests("IKE_SA_INIT")] == ["MODP_2048"]
    assert seen.errors == []


IKE_VALUES = [
    ({"EncryptionMethod": 1, "IntegrityMethod": 1}, ("3DES", "SHA1-96", 2), "3DES_CBC/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024"),
    ({"EncryptionMethod": 2, "DHGroup": 3}, ("AES-128", "SHA2-256", 14), "AES_CBC-128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048"),
    ({"EncryptionMethod": 4, "DHGroup": 4}, ("AES-256", "SHA2-256", 19), "AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256"),
    ({"IntegrityMethod": 3, "DHGroup": 5}, ("AES-256", "SHA2-384", 20), "AES_CBC-256/HMAC_SHA2_384_192/PRF_HMAC_SHA2_384/ECP_384"),
]
CHILD_VALUES = [
    ({"CipherTransformConstant": 2, "AuthTransformConstant": 1}, ("3DES", "SHA1-96"), "3DES_CBC/HMAC_SHA1_96"),
    ({"CipherTransformConstant": 3, "AuthTransformConstant": 1}, ("AES-128", "SHA1-96"), "AES_CBC-128/HMAC_SHA1_96"),
    ({"CipherTransformConstant": 5, "AuthTransformConstant": 2}, ("AES-256", "SHA2-256"), "AES_CBC-256/HMAC_SHA2_256_128"),
]


@pytest.mark.claim("policy-stronger")
@pytest.mark.parametrize(("values", "offered", "suite"), IKE_VALUES, ids=[suite for _, _, suite in IKE_VALUES])
def test_policy_stronger__ike_values_are_negotiated(
    server: Server, client: Client, ikev2: Ikev2Path, values: dict[str, int], offered: tuple[str, str, int], suite: str
) -> None:
    """Each value of EncryptionMethod, IntegrityMethod and DHGroup, with a client that offers it."""
    cipher, integrity, group = offered
    server.provision(ikev2.steps(steps.ikev2_policy(**values)))
    profile = ikev2.profile(ike=Parameters(encryption_algorithm=cipher, integrity_algorithm=integrity, diffie_hellman_group=group),
                            child=DEFAULT_CHILD)

    assert client.connect(profile).sa().suite == suite


@pytest.mark.claim("policy-stronger")
@pytest.mark.parametrize(("values", "offered", "suite"), CHILD_VALUES, ids=[suite for _, _, suite in CHILD_VALUES])
def test_policy_stronger__esp_values_are_negotiated(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire, values: dict[str, int], offered: tuple[str, str], suite: str
) -> None:
    """Each value of CipherTransformConstant and AuthTransformConstant; traffic flows under it."""
    cipher, integrity = offered
    server.provision(ikev2.steps(steps.ikev2_policy(**values)))
    tunnel = client.connect(ikev2.profile(ike=DEFAULT_IKE, child=Parameters(encryption_algorithm=cipher, integrity_algorithm=integrity)))

    assert tunnel.sa().children[0].suite == suite
    must_carry(tunnel, client, server, lan, wire)


@pytest.mark.counter("policy-stronger")
def test_policy_stronger__what_is_not_offered_is_refused(server: Server, client: Client, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """A policy that the client does not offer gets NO_PROPOSAL_CHOSEN."""
    server.provision(ikev2.steps(steps.ikev2_policy(EncryptionMethod=3)))

    client.must_be_refused(ikev2.profile(), by="server", because="NO_PROPOSAL_CHOSEN")
    assert wire().errors == ["NO_PROPOSAL_CHOSEN"]


@pytest.mark.counter("policy-stronger")
def test_policy_stronger__out_of_range_is_logged_and_replaced(server: Server, client: Client, ikev2: Ikev2Path) -> None:
    """A value out of range is logged (event 20101) and its default counts."""
    server.provision(ikev2.steps(steps.ikev2_policy(EncryptionMethod=99)))
    tunnel = client.connect(ikev2.profile(ike=DEFAULT_IKE, child=DEFAULT_CHILD))

    assert tunnel.sa().suite.startswith("AES_CBC-256/")
    assert server.news.count(20101) == 1


@pytest.mark.claim("policy-pfs-at-rekey")
def test_policy_pfs__a_rekey_without_it_is_refused(server: Server, client: Client, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """Under PfsGroup 3 the first child comes up, its rekey without KE does not."""
    server.provision(ikev2.steps(steps.ikev2_policy(PfsGroup=3)))
    tunnel = client.connect(ikev2.profile(ike=DEFAULT_IKE, child=DEFAULT_CHILD))
    before = tunnel.sa().children[0].spi_out
    tunnel.rekey_child()

    exchange = await_exchange(wire, "CREATE_CHILD_SA")
    assert "KE" not in exchange[0].payloads
    assert exchange[-1].errors in (["NO_PROPOSAL_CHOSEN"], ["INVALID_KE_PAYLOAD"])
    assert tunnel.sa().children[0].spi_out == before


@pytest.mark.claim("policy-pfs-at-rekey")
def test_policy_pfs__a_rekey_with_it_succeeds(server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """A client that does PFS rekeys with group 14, and traffic goes on."""
    server.provision(ikev2.steps(steps.ikev2_policy(PfsGroup=3)))
    tunnel = client.connect(ikev2.profile(ike=DEFAULT_IKE, child=DEFAULT_CHILD, enable_pfs=True))
    before = tunnel.sa().children[0].spi_out
    tunnel.rekey_child()

    exchange = await_exchange(wire, "CREATE_CHILD_SA")
    assert [message.ke_group for message in exchange] == ["MODP_2048", "MODP_2048"]
    assert tunnel.await_other_child(before).suite == "3DES_CBC/HMAC_SHA2_256_128/MODP_2048"
    must_carry(tunnel, client, server, lan, wire)


@pytest.mark.counter("policy-pfs-at-rekey")
def test_policy_pfs__without_it_macos_rekeys(server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """Without PFS the rekey of macOS succeeds and traffic goes on."""
    server.provision(ikev2.steps(steps.ikev2_policy(PfsGroup=0)))
    tunnel = client.connect(ikev2.profile(ike=DEFAULT_IKE, child=DEFAULT_CHILD))
    before = tunnel.sa().children[0].spi_out
    tunnel.rekey_child()

    assert tunnel.await_other_child(before).suite == "3DES_CBC/HMAC_SHA2_256_128"
    must_carry(tunnel, client, server, lan, wire)
