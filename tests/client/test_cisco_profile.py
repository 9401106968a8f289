"""Cisco IPSec profiles: every refusal with its text, the exchange that follows from the fields, and the translation for charon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from lab.client import cisco_config
from lab.client.cisco_profile import CiscoIPSec, Exchange, cisco_from_fields
from lab.client.l2tp_profile import MachineCertificate, SharedSecret
from lab.errors import ConfigError, ProfileRefused
from lab.pki import RunPki
from lab.secrets import Secret

PROFILE = CiscoIPSec(server_address="203.0.113.10", account="vpnuser", password=Secret("pass word"), machine=SharedSecret(secret=Secret("s3cret")))
GROUPED = replace(PROFILE, group_name="staff")


@pytest.fixture(scope="module")
def certified() -> CiscoIPSec:
    return replace(GROUPED, machine=MachineCertificate(certificate=RunPki("vpn.example.test").client))


def test_right_profiles_pass(certified: CiscoIPSec) -> None:
    for profile in (PROFILE, GROUPED, certified, replace(PROFILE, account="DOMAIN\\user")):
        profile.check()


@pytest.mark.parametrize(("changed", "message"), [
    (replace(PROFILE, server_address=""), "the field Server Address is empty"),
    (replace(PROFILE, account=""), "the field Account Name is empty"),
    (replace(PROFILE, password=Secret("")), "the field Password is empty"),
    (replace(PROFILE, machine=SharedSecret(secret=Secret(""))), "the field Shared Secret is empty"),
    (replace(PROFILE, account="a\nb"), "the field Account Name has a line break or a NUL, which the pane takes from nobody"),
    (replace(PROFILE, group_name="a\0b"), "the field Group Name has a line break or a NUL, which the pane takes from nobody"),
])
def test_a_wrong_field_is_refused(changed: CiscoIPSec, message: str) -> None:
    with pytest.raises(ProfileRefused) as refused:
        changed.check()

    assert refused.value.message == message


@pytest.mark.parametrize(("values", "message"), [
    ({"group": "staff"}, "a Cisco IPSec profile has no field 'group'"), ({"server_address": "203.0.113.10"}, "the Cisco IPSec profile is incomplete"),
])
def test_fields_by_name(values: Mapping[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cisco_from_fields(values)


def test_only_a_secret_with_a_group_name_is_aggressive(certified: CiscoIPSec) -> None:
    assert (PROFILE.exchange, GROUPED.exchange, certified.exchange) == (Exchange.MAIN, Exchange.AGGRESSIVE, Exchange.MAIN)


def test_main_mode_offers_fifteen_transforms_aggressive_mode_a_group_at_a_time() -> None:
    (main,) = cisco_config.attempts(Exchange.MAIN)
    first, second = cisco_config.attempts(Exchange.AGGRESSIVE)

    assert len(main) == 15
    assert main[-2:] == ("des-sha1-modp1024", "des-md5-modp1024")
    assert "aes256-sha256-modp1024" not in main
    assert all(one.endswith("modp2048") for one in first)
    assert all(one.endswith("modp1024") for one in second)


@pytest.mark.parametrize(("profile", "exchange", "first", "aggressive"), [
    (PROFILE, Exchange.MAIN, {"auth": "psk"}, "no"), (GROUPED, Exchange.AGGRESSIVE, {"auth": "psk", "id": "keyid:staff"}, "yes"),
])
def test_the_machine_goes_first_and_xauth_second(profile: CiscoIPSec, exchange: Exchange, first: object, aggressive: str) -> None:
    made = cisco_config.connection(profile, "203.0.113.10", ("aes256-sha1-modp2048",), exchange)["mac-cisco"]

    assert isinstance(made, dict)
    assert (made["version"], made["aggressive"], made["local-1"]) == ("1", aggressive, first)
    assert made["local-2"] == {"auth": "xauth", "xauth_id": "vpnuser"}


def test_a_certificate_is_shown_with_its_subject_as_identity(certified: CiscoIPSec) -> None:
    made = cisco_config.connection(certified, "203.0.113.10", ("aes256-sha1-modp2048",), Exchange.MAIN)["mac-cisco"]

    assert isinstance(made, dict)
    assert isinstance(certified.machine, MachineCertificate)
    assert made["local-1"] == {"auth": "pubkey", "certs": [certified.machine.certificate.certificate_pem]}
    assert made["remote-1"] == {"auth": "pubkey", "id": "%any"}


def test_credentials_are_those_of_the_fields(certified: CiscoIPSec) -> None:
    password = ("load_shared", {"type": "XAUTH", "data": "pass word", "owners": ["vpnuser"]})

    assert cisco_config.credentials(PROFILE, ["root"]) == [password, ("load_shared", {"type": "IKE", "data": "s3cret", "owners": []})]
    assert [command for command, _ in cisco_config.credentials(certified, ["root"])] == ["load_shared", "load_cert", "load_cert", "load_key"]
