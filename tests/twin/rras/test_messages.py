"""The effective configuration in charon's words: golden messages, and what each field of the configuration changes in them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from lab.pki import Authority, RunPki
from lab.twin.rras.eap.settings import EapSettings
from lab.twin.rras.effective import Addresses, VpnServer
from lab.twin.rras.liveness import Liveness
from lab.twin.rras.messages import by_secret_message, certificate_messages, client_messages, connection_message, pool_attributes
from lab.twin.rras.policy import Policy, custom_policy
from lab.twin.windows.certificates import Stored
from lab.twin.windows.eaphost import EapHost

ADDRESSES = Addresses(own=IPv4Address("192.168.77.200"), first=IPv4Address("192.168.77.201"), last=IPv4Address("192.168.77.209"))
PLAIN = Policy(ike=("ike1", "ike2"), esp=("esp1", "esp2"), pfs="")


@pytest.fixture(scope="module")
def pki() -> RunPki:
    return RunPki("vpn.example.test")


@pytest.fixture
def server(pki: RunPki) -> VpnServer:
    return VpnServer(
        serves=True, certificates_allowed=True, policy=PLAIN, certificate=Stored(pki.server.certificate, pki.server.key),
        roots=(pki.authority.certificate,), check_revocation=False, revocation_lists=(pki.revocation_list,), addresses=ADDRESSES, wan_endpoints=2,
        max_wan_endpoints=3, forwards=True)


def incoming(server: VpnServer, pools: tuple[str, ...] = ("ras-1", "ras-2"), **options: bool) -> dict[str, Any]:
    (name, content), = connection_message(server, pools, **options).items()
    assert name == "incoming"
    assert isinstance(content, dict)
    return content


def test_the_connection_for_clients_with_certificates(server: VpnServer, pki: RunPki) -> None:
    assert incoming(server) == {
        "version": "2", "proposals": ["ike1", "ike2"], "send_cert": "always", "send_certreq": "no", "unique": "never", "rekey_time": "0",
        "dpd_delay": "0", "mobike": "yes", "fragmentation": "no", "pools": ["ras-1", "ras-2"],
        "local": {"auth": "pubkey", "id": "%any", "certs": [pki.server.certificate_pem.encode()]}, "remote": {"auth": "pubkey", "id": "%any"},
        "children": {"ras": {"local_ts": ["0.0.0.0/0"], "esp_proposals": ["esp1", "esp2"], "rekey_time": "28800s", "rand_time": "0s",
                             "life_time": "0s", "rekey_bytes": "104857600", "rand_bytes": "0", "life_bytes": "0", "inactivity": "300s"}},
    }


@pytest.mark.parametrize(("has", "field", "before"), [({"fragmentation": True}, "fragmentation", "no"),
                                                     ({"quirks": frozenset({"always-encapsulate"})}, "encap", None)])
def test_fragmentation_and_encapsulation_are_said_to_charon(has: dict[str, Any], field: str, before: str | None, server: VpnServer) -> None:
    assert incoming(replace(server, **has))[field] == "yes"
    assert incoming(server).get(field) == before


def test_without_the_certificate_bit_a_certificate_is_not_enough(server: VpnServer) -> None:
    assert incoming(replace(server, certificates_allowed=False))["remote"] == {"auth": "pubkey", "id": "%any", "groups": ["nobody"]}


def test_a_group_of_pfs_is_added_to_every_esp_proposal(server: VpnServer) -> None:
    assert incoming(replace(server, policy=replace(PLAIN, pfs="modp2048")))["children"]["ras"]["esp_proposals"] == ["esp1-modp2048", "esp2-modp2048"]
    assert incoming(replace(server, policy=custom_policy({})))["children"]["ras"]["esp_proposals"] == ["3des-sha256-modp2048"]


@pytest.mark.parametrize(("times", "rekey", "inactivity"), [
    (Liveness(idle=600, lifetime=400), "400s", "600s"), (Liveness(idle=None, lifetime=None), "0s", "0s"),
])
def test_times_become_those_of_the_child(times: Liveness, rekey: str, inactivity: str, server: VpnServer) -> None:
    child = incoming(replace(server, liveness=times))["children"]["ras"]

    assert (child["rekey_time"], child["inactivity"], child["life_time"]) == (rekey, inactivity, "0s")


@pytest.mark.parametrize(("kilobytes", "rekey"), [(1024, "1048576"), (0xFFFFFFFF, "4398046510080"), (None, "0")])
def test_a_volume_becomes_bytes_of_the_child(kilobytes: int | None, rekey: str, server: VpnServer) -> None:
    assert incoming(replace(server, liveness=Liveness(data_size=kilobytes)))["children"]["ras"]["rekey_bytes"] == rekey


def test_a_connection_by_secret_is_the_same_but_for_how_both_prove_who_they_are(server: VpnServer) -> None:
    (name, content), = by_secret_message(server, ["ras-1", "ras-2"]).items()

    assert name == "incoming-secret"
    assert content == {**incoming(server), "local": {"auth": "psk", "id": "%any"}, "remote": {"auth": "psk", "id": "%any"}}


def test_at_the_limit_and_without_a_pool_there_is_no_address(server: VpnServer) -> None:
    assert "pools" not in incoming(server, full=True)
    assert "pools" not in incoming(server, ())


def test_without_a_certificate_none_is_named(server: VpnServer) -> None:
    assert "certs" not in incoming(replace(server, certificate=None))["local"]


def test_clients_are_told_nothing_beside_their_address_unless_inverted(server: VpnServer) -> None:
    assert pool_attributes(server) == {}
    assert pool_attributes(replace(server, quirks=frozenset({"advertise-routes"}))) == {"subnet": ["198.51.100.0/24"]}


@pytest.mark.parametrize(("most", "last"), [(4, 204), (9, 209), (99, 209), (0, 200)])
def test_clients_have_the_pools_next_addresses_and_no_more_than_can_be_connected(most: int, last: int) -> None:
    assert ADDRESSES.clients(most) == [IPv4Address("192.168.77.201") + number for number in range(last - 200)]


def test_roots_certificate_and_key_are_loaded(server: VpnServer, pki: RunPki) -> None:
    assert certificate_messages(server) == [
        ("load_cert", {"type": "X509", "flag": "CA", "data": pki.authority.certificate_pem.encode()}),
        ("load_cert", {"type": "X509", "flag": "NONE", "data": pki.server.certificate_pem.encode()}),
        ("load_key", {"type": "any", "data": pki.server.private_key_pem.encode()})]


def test_revocation_lists_are_loaded_only_when_they_are_to_be_looked_at(server: VpnServer, pki: RunPki) -> None:
    loaded = certificate_messages(replace(server, check_revocation=True))

    assert ("load_cert", {"type": "X509_CRL", "flag": "NONE", "data": pki.revocation_list}) in loaded
    assert len(loaded) == 4


def test_a_certificate_without_its_key_is_not_loaded(server: VpnServer, pki: RunPki) -> None:
    for certificate in (None, Stored(pki.server.certificate)):
        assert [command for command, _ in certificate_messages(replace(server, certificate=certificate))] == ["load_cert"]


def test_messages_do_not_change_the_configuration(server: VpnServer) -> None:
    before = replace(server)

    for _ in range(2):
        assert connection_message(server, ["ras-1"]) == connection_message(before, ["ras-1"])
    assert server == before


def test_a_root_without_basic_constraints_is_handed_on_as_one_that_charon_takes(pki: RunPki, server: VpnServer) -> None:
    authority = pki.authority_without_basic_constraints
    plain = replace(server, roots=(authority.certificate,), certificate=None)
    above, root = (x509.load_pem_x509_certificate(message["data"]) for _, message in certificate_messages(plain))  # type: ignore[arg-type]

    assert (root.subject, root.public_key()) == (authority.certificate.subject, authority.certificate.public_key())
    assert all(one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca for one in (above, root))
    root.verify_directly_issued_by(above)
    authority.issue("mac.example.test", usages=()).certificate.verify_directly_issued_by(root)
    with pytest.raises(InvalidSignature):  # another root of that name has issued nothing under it
        Authority("Lab root without BasicConstraints").issue("mac.example.test", usages=()).certificate.verify_directly_issued_by(root)
    assert certificate_messages(plain) == certificate_messages(plain)
    (command, message), = certificate_messages(replace(plain, takes_any_root=False))
    assert (command, message["data"]) == ("load_cert", authority.certificate_pem.encode())


# -- EAP --------------------------------------------------------------------------------------------------------------------

HOST = EapHost(program="C:\\eaphost.exe", build=Path("eaphost.exe"), methods=(26,), passwords="lsa", certificate="")


@pytest.mark.parametrize(("eap", "certificates", "by_certificate", "by_eap"), [
    (EapSettings(), True, True, False), (EapSettings(), False, False, False), (EapSettings(allowed=True, host=HOST), True, True, True),
    (EapSettings(allowed=True, host=HOST), False, False, True), (EapSettings(host=HOST), True, True, False),
    (EapSettings(allowed=True, missing="not registered"), True, True, False), (EapSettings(allowed=True, missing="not registered"), False, False, False),
])
def test_each_bit_opens_its_own_way_and_without_the_program_nobody_is_asked(
    server: VpnServer, eap: EapSettings, certificates: bool, by_certificate: bool, by_eap: bool
) -> None:
    found = client_messages(replace(server, eap=eap, certificates_allowed=certificates), ["ras-1"])
    incoming = {name: message[name] for name, message in found.items()}

    assert ("groups" not in incoming["incoming"]["remote"]) is by_certificate  # type: ignore[index]
    assert set(incoming) == {"incoming", *({"incoming-eap"} if by_eap else ())}
    if by_eap:
        alike = dict(incoming["incoming"]) | {"remote": {"auth": "eap-radius", "id": "%any", "eap_id": "%any"}}  # type: ignore[call-overload]
        assert incoming["incoming-eap"] == alike


def test_an_inverted_twin_asks_although_there_is_no_program(server: VpnServer) -> None:
    without = replace(server, eap=EapSettings(allowed=True, missing="not registered"))

    assert set(client_messages(replace(without, quirks=frozenset({"eap-asks-without-program"})), [])) == {"incoming", "incoming-eap"}
