"""What a machine's state means for L2TP: which secret holds, whether certificates do, who may dial in."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest

from lab.twin.rras.admission import Admission
from lab.twin.rras.l2tp import L2tpServer, SharedSecret, l2tp
from lab.twin.windows.ipsec import AuthProposal, AuthSet, IPsecRule, KeyModule, Method, Mode
from lab.twin.windows.machine import CLASS, PARAMETERS, SERVICE, Machine
from lab.twin.windows.registry import Kind
from lab.twin.windows.users import Account, DialIn

Change = Callable[[Machine], object]
DUMMY = IPsecRule(name="one", display_name="Dummy", mode=Mode.TUNNEL, key_module=KeyModule.IKEV1, local_address="192.168.3.1/32", auth_set="one")


def rule(secret: str | None = "XXX", **changes: object) -> Change:
    """Add the dummy rule with changes; without a secret its set has Kerberos."""
    made = replace(DUMMY, **changes)  # type: ignore[arg-type]
    made = replace(made, auth_set=made.name) if "auth_set" not in changes else made
    proposal = AuthProposal(method=Method.KERBEROS) if secret is None else AuthProposal(method=Method.PRESHARED_KEY, preshared_key=secret)

    def change(machine: Machine) -> None:
        machine.ipsec.add_set(AuthSet(name=made.name, display_name=made.display_name, proposals=(proposal,)))
        machine.ipsec.add_rule(made)

    return change


def number(path: str, name: str, value: int) -> Change:
    return lambda machine: machine.registry.set(path, name, Kind.DWORD, value)


def miniport(component: str) -> str:
    registry = Machine.stock().registry
    return next(f"{CLASS}\\{key}" for key in registry.subkeys(CLASS) if registry.get(f"{CLASS}\\{key}", "ComponentId") == component)


def meaning(*changes: Change) -> L2tpServer:
    machine = Machine.stock()
    for change in changes:
        change(machine)
    return l2tp(machine)


def test_a_stock_machine_has_no_secret_and_serves_nobody() -> None:
    server = meaning()

    assert (server.serves, server.secret, server.conflict, server.certificates_allowed) == (False, None, (), False)


@pytest.mark.parametrize(("changes", "serves"), [
    ([number(SERVICE, "ConfigurationFlags", 1), number(miniport("ms_l2tpminiport"), "EnableForRas", 1)], True),
    ([number(SERVICE, "ConfigurationFlags", 1), number(miniport("ms_agilevpnminiport"), "EnableForRas", 1)], False),
    ([number(miniport("ms_l2tpminiport"), "EnableForRas", 1)], False), ([number(SERVICE, "ConfigurationFlags", 1)], False),
])
def test_it_serves_when_the_service_is_configured_and_its_port_is_open(changes: list[Change], serves: bool) -> None:
    assert meaning(*changes).serves is serves


@pytest.mark.parametrize(("change", "secret"), [
    (rule(), "XXX"), (rule(key_module=KeyModule.DEFAULT), "XXX"), (rule(local_address="Any"), "XXX"), (rule("it's \"x\""), "it's \"x\""),
    (rule(None), None), (rule(enabled=False), None), (rule(mode=Mode.TRANSPORT), None), (rule(key_module=KeyModule.IKEV2), None),
    (rule(key_module=KeyModule.AUTHIP), None), (rule(remote_address="198.51.100.0/24"), None), (rule(auth_set=""), None), (rule(auth_set="gone"), None),
])
def test_a_tunnel_rule_for_everybody_gives_the_secret(change: Change, secret: str | None) -> None:
    found = meaning(change).secret

    assert found == (None if secret is None else SharedSecret(rule="Dummy", value=secret))


@pytest.mark.parametrize(("changes", "holds", "conflict"), [
    ([rule("a"), rule("b", name="two", display_name="Second")], ("Dummy", "a"), ("Dummy", "Second")),
    ([rule("b", name="two", display_name="Second"), rule("a")], ("Second", "b"), ("Second", "Dummy")),
    ([rule("a"), rule("a", name="two", display_name="Second")], ("Dummy", "a"), ()),
    ([rule("a"), rule("b", name="two", display_name="Second", enabled=False)], ("Dummy", "a"), ()),
    ([rule(None), rule("b", name="two", display_name="Second")], ("Second", "b"), ()),
    ([rule("a"), rule("a", name="two", display_name="Second"), rule("b", name="three", display_name="Third")], ("Dummy", "a"), ("Dummy", "Second", "Third")),
])
def test_of_two_rules_the_first_holds_and_different_secrets_are_a_conflict(changes: list[Change], holds: tuple[str, str], conflict: tuple[str, ...]) -> None:
    server = meaning(*changes)

    assert server.secret is not None
    assert (server.secret.rule, server.secret.value) == holds
    assert server.conflict == conflict


@pytest.mark.parametrize(("flags", "allowed"), [(0x04802602, True), (0x04000000, True), (0x00802602, False), (0x10802602, False), (0, False)])
def test_certificates_need_their_bit(flags: int, allowed: bool) -> None:
    assert meaning(number(PARAMETERS, "ServerFlags", flags)).certificates_allowed is allowed


@pytest.mark.parametrize(("account", "admission"), [
    (Account(name="alice", dial_in=DialIn.PERMIT), Admission.ALLOWED), (Account(name="alice", dial_in=DialIn.DENY), Admission.NO_PERMISSION),
    (Account(name="alice"), Admission.NO_PERMISSION), (Account(name="alice", dial_in=DialIn.PERMIT, enabled=False), Admission.DISABLED),
    (Account(name="alice", dial_in=DialIn.DENY, enabled=False), Admission.DISABLED), (Account(name="bob", dial_in=DialIn.PERMIT), Admission.UNKNOWN),
])
def test_who_may_dial_in(account: Account, admission: Admission) -> None:
    server = meaning(lambda machine: machine.accounts.keep(account))

    assert server.admission("Alice") is admission


def test_errors_are_those_of_ras() -> None:
    assert {one.name: one.value for one in Admission} == {"ALLOWED": 0, "DISABLED": 647, "NO_PERMISSION": 649, "UNKNOWN": 691}


def test_the_same_state_means_the_same_stays_as_it_is_and_shows_no_secret() -> None:
    machine = Machine.stock()
    rule("sesame")(machine)
    before = copy.deepcopy(machine.facts())

    assert l2tp(machine) == l2tp(machine)
    assert machine.facts() == before
    assert "sesame" not in repr(l2tp(machine))


def test_whoever_follows_accounts_is_told_of_every_change() -> None:
    machine, told = Machine.stock(), []
    machine.accounts.on_change = lambda: told.append(len(machine.accounts.by_name))
    new = Account(name="vpnuser")

    machine.accounts.keep(new)
    machine.accounts.remove(new)
    assert told == [5, 4]
