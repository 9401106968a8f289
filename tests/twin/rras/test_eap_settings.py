"""What a machine's state means for EAP, and which cause an inversion takes away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.twin.rras.eap import settings as settings_module
from lab.twin.rras.eap.settings import NOTHING, EapSettings, eap_settings
from lab.twin.rras.effective import effective
from lab.twin.rras.inversions import invert
from lab.twin.windows.eaphost import ComponentMissing, EapHost
from lab.twin.windows.ias import IAS_XML, AccessPolicy
from lab.twin.windows.machine import PARAMETERS, Machine
from lab.twin.windows.registry import Kind

HOST = EapHost(program="C:\\eaphost.exe", build=Path("eaphost.exe"), methods=(26, 25, 13), passwords="lsa", certificate="")
STOCK = AccessPolicy(authentication_types=frozenset({3, 4, 9, 10}), eap_types=frozenset({13, 26}))


def machine(*, bit: bool = True, policy: bytes | None = b"stock") -> Machine:
    made = Machine.stock()
    made.registry.set(PARAMETERS, "ServerFlags", Kind.DWORD, 0x0080A602 if bit else 0x00802602)
    if policy is None:
        del made.files[IAS_XML.lower()]
    elif policy != b"stock":
        made.files[IAS_XML.lower()] = policy
    return made


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_module, "find_eaphost", lambda _: HOST)


def test_a_stock_machine_has_neither_bit_nor_program_and_nobody_reads_its_policy() -> None:
    assert eap_settings(machine(bit=False)) == EapSettings()
    assert eap_settings(machine(bit=False, policy=b"nonsense")) == EapSettings()


def test_the_bit_alone_says_what_is_missing() -> None:
    found = eap_settings(machine())

    assert found == EapSettings(allowed=True, missing=str(ComponentMissing("is not registered")), policy=STOCK)
    assert "eapahost.dll" in found.missing
    assert not found.is_complete


@pytest.mark.parametrize("policy", [None, b"", b"nonsense", b"<Root/>"], ids=["absent", "empty", "not XML", "no section"])
def test_a_policy_that_cannot_be_read_allows_nothing(installed: None, policy: bytes | None) -> None:
    found = eap_settings(machine(policy=policy))

    assert (found.host, found.policy) == (HOST, NOTHING)
    assert "ias.xml" in found.unreadable
    assert not found.is_complete


def test_the_program_counts_without_the_bit_and_does_not_help(installed: None) -> None:
    assert eap_settings(machine(bit=False)) == EapSettings(host=HOST, policy=STOCK)
    assert not replace(eap_settings(machine(bit=False)), policy=replace(STOCK, authentication_types=frozenset({5}))).is_complete


@pytest.mark.parametrize(("authentication", "eap", "complete"), [({5}, {13}, True), ({5}, {25}, False), ({5, 11}, {25}, True), ({5}, {4}, False), (set(), {13}, False)])
def test_something_must_be_allowed_that_the_program_has(authentication: set[int], eap: set[int], complete: bool) -> None:
    policy = AccessPolicy(authentication_types=frozenset(authentication), eap_types=frozenset(eap))

    assert EapSettings(allowed=True, host=HOST, policy=policy).is_complete is complete


@pytest.mark.parametrize(("identifier", "authentication", "eap", "methods"), [
    ("eap-authentication-type", {4}, {13, 26}, {13, 26}), ("eap-peap-authentication-type", {5}, {13, 25, 26}, {13, 25, 26}),
    ("eap-allowed-type", {5, 11}, {13, 26}, {13, 25, 26}), ("eap-allowed-type", {5}, {13, 26}, {13, 26}), ("eap-authentication-type", {4, 11}, {25}, {25}),
])
def test_each_cause_in_the_policy_is_inverted_alone(installed: None, identifier: str, authentication: set[int], eap: set[int], methods: set[int]) -> None:
    server = replace(effective(machine()), eap=EapSettings(allowed=True, host=HOST, policy=AccessPolicy(
        authentication_types=frozenset(authentication), eap_types=frozenset(eap))))

    assert invert(server, [identifier]).eap.policy.methods == methods


def test_the_bit_is_inverted_alone(installed: None) -> None:
    server = effective(machine(bit=False))

    assert not server.eap.allowed
    assert invert(server, ["eap-flag-required"]).eap == replace(server.eap, allowed=True)
