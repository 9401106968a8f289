"""Profiles by the name of their VPN Type, and what an unknown one is told."""

from __future__ import annotations

import pytest

from lab.client.cisco_profile import CiscoIPSec
from lab.client.l2tp_profile import L2TP, SharedSecret
from lab.client.vpn_types import VPN_TYPES, profile_from_fields
from lab.errors import ConfigError
from lab.secrets import Secret

FIELDS = {"server_address": "203.0.113.10", "account": "vpnuser", "password": Secret("pass"), "machine": SharedSecret(secret=Secret("s3cret"))}


def test_a_known_type_has_its_profile() -> None:
    assert profile_from_fields("L2TP over IPSec", FIELDS) == L2TP(**FIELDS)  # type: ignore[arg-type]
    assert profile_from_fields("Cisco IPSec", FIELDS) == CiscoIPSec(**FIELDS)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["PPTP", "SSTP", "l2tp over ipsec", "L2TP", ""])
def test_an_unknown_type_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        profile_from_fields(name, FIELDS)

    assert refused.value.message == f"macOS 10.13 has no VPN Type {name!r}"
    assert refused.value.hint == "it has L2TP over IPSec, Cisco IPSec, IKEv2"


@pytest.mark.parametrize("name", VPN_TYPES)
def test_an_unknown_field_is_refused_in_every_type(name: str) -> None:
    with pytest.raises(ConfigError, match="has no field 'colour'"):
        profile_from_fields(name, {"colour": "blue"})
