"""The effective configuration: states of a machine and what each means, one decision at a time."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from dataclasses import fields
from ipaddress import IPv4Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from lab.pki import RunPki
from lab.twin.rras.eap.settings import EapSettings
from lab.twin.rras.effective import Addresses, VpnServer, choose_certificate, effective
from lab.twin.rras.inversions import INVERSIONS, invert
from lab.twin.rras.l2tp_config import L2tp
from lab.twin.rras.leases import Dhcp
from lab.twin.rras.policy import custom_policy, stock_policy
from lab.twin.windows.certificates import Stored
from lab.twin.windows.eaphost import ComponentMissing
from lab.twin.windows.ias import AccessPolicy
from lab.twin.windows.ipsec import AuthProposal, AuthSet, IPsecRule, Method, Mode
from lab.twin.windows.machine import CLASS, IKEV2, IP, PARAMETERS, POLICY, POOL, SERVICE, Machine
from lab.twin.windows.registry import Kind
from lab.twin.windows.users import Account, DialIn

Change = Callable[[Machine], object]


@pytest.fixture(scope="module")
def pki() -> RunPki:
    return RunPki("vpn.example.test")


def numbers(path: str, **values: int) -> Change:
    def change(machine: Machine) -> None:
        for name, value in values.items():
            machine.registry.set(path, name, Kind.DWORD, value)

    return change


def miniport(component: str = "ms_agilevpnminiport") -> str:
    registry = Machine.stock().registry
    return next(f"{CLASS}\\{key}" for key in registry.subkeys(CLASS) if registry.get(f"{CLASS}\\{key}", "ComponentId") == component)


def pool(first: str, last: str, key: str = "0") -> Change:
    return numbers(f"{POOL}\\{key}", From=int(IPv4Address(first)), To=int(IPv4Address(last)))


def meaning(*changes: Change) -> VpnServer:
    machine = Machine.stock()
    for change in changes:
        change(machine)
    return effective(machine)


STATIC = numbers(IP, UseDhcpAddressing=0)
STOCK_POLICY = AccessPolicy(authentication_types=frozenset({3, 4, 9, 10}), eap_types=frozenset({13, 26}))
EAP_WITHOUT_PROGRAM = EapSettings(allowed=True, missing=str(ComponentMissing("is not registered")), policy=STOCK_POLICY)


def differences(*changes: Change) -> dict[str, object]:
    """What a changed machine means otherwise than a stock one."""
    stock, changed = effective(Machine.stock()), meaning(*changes)
    return {one.name: getattr(changed, one.name) for one in fields(VpnServer) if getattr(stock, one.name) != getattr(changed, one.name)}


def test_a_stock_machine_serves_nobody() -> None:
    assert effective(Machine.stock()) == VpnServer(
        serves=False, certificates_allowed=False, policy=stock_policy(), certificate=None, roots=(), check_revocation=False, revocation_lists=(),
        addresses=Dhcp(), wan_endpoints=2, max_wan_endpoints=3, forwards=True, proxy_arp="clients", quirks=frozenset())
    assert not effective(Machine.stock()).is_complete


@pytest.mark.parametrize(("changes", "expected"), [
    # served: the service is configured and its miniport is for RAS
    ([numbers(SERVICE, ConfigurationFlags=1)], {}),
    ([numbers(miniport(), EnableForRas=1)], {}),
    ([numbers(SERVICE, ConfigurationFlags=1), numbers(miniport(), EnableForRas=1)], {"serves": True}),
    ([numbers(SERVICE, ConfigurationFlags=1), numbers(miniport("ms_l2tpminiport"), EnableForRas=1)],
     {"l2tp": L2tp(secret=None, users={}, endpoints=2)}),
    ([numbers(SERVICE, ConfigurationFlags=1), numbers(miniport("ms_l2tpminiport"), EnableForRas=1, WanEndpoints=9)],
     {"l2tp": L2tp(secret=None, users={}, endpoints=3)}),
    ([numbers(miniport("ms_l2tpminiport"), EnableForRas=1)], {}),
    ([numbers(SERVICE, ConfigurationFlags=2), numbers(miniport(), EnableForRas=1)], {}),
    # ServerFlags: CERT alone allows certificates
    ([numbers(PARAMETERS, ServerFlags=0x04802602)], {"certificates_allowed": True}),
    ([numbers(PARAMETERS, ServerFlags=0x04000000)], {"certificates_allowed": True}),
    ([numbers(PARAMETERS, ServerFlags=0x0080A602)], {"eap": EAP_WITHOUT_PROGRAM}),
    ([numbers(PARAMETERS, ServerFlags=0x00008000)], {"eap": EAP_WITHOUT_PROGRAM}),
    ([numbers(PARAMETERS, ServerFlags=0)], {}),
    # revocation: exactly 4
    ([numbers(IKEV2, CertAuthFlags=4)], {"check_revocation": True}),
    ([numbers(IKEV2, CertAuthFlags=0)], {}),
    ([numbers(IKEV2, CertAuthFlags=1)], {}),
    ([numbers(IKEV2, CertAuthFlags=5)], {}),
    # the limit of connections, of the IKEv2 miniport
    ([numbers(miniport(), WanEndpoints=7)], {"wan_endpoints": 7}),
    ([numbers(miniport(), MaxWanEndpoints=1)], {"max_wan_endpoints": 1}),
    ([numbers(miniport("ms_pptpminiport"), WanEndpoints=7, MaxWanEndpoints=9)], {}),
    # access to the network behind
    ([numbers(IP, AllowNetworkAccess=0)], {"forwards": False}),
    ([lambda machine: machine.registry.delete(IP, "AllowNetworkAccess")], {}),
])
def test_a_value_decides_what_it_is_there_for_and_nothing_else(changes: list[Change], expected: dict[str, object]) -> None:
    assert differences(*changes) == expected


L2TP = (numbers(SERVICE, ConfigurationFlags=1), numbers(miniport("ms_l2tpminiport"), EnableForRas=1))


def account(name: str, **values: object) -> Change:
    return lambda machine: machine.accounts.keep(Account(name=name, password=f"{name}'s", **values))  # type: ignore[arg-type]


def rule(secret: str) -> Change:
    def change(machine: Machine) -> None:
        proposal = AuthProposal(method=Method.PRESHARED_KEY, preshared_key=secret)
        machine.ipsec.add_set(AuthSet(name=f"set {secret}", display_name="", proposals=(proposal,)))
        machine.ipsec.add_rule(IPsecRule(name=f"rule {secret}", display_name="Dummy", mode=Mode.TUNNEL, auth_set=f"set {secret}"))

    return change


@pytest.mark.parametrize(("changes", "secrets", "users", "refusals"), [
    ([], "", {}, {}), ([rule("a")], "a", {}, {}), ([rule("b"), rule("a")], "ba", {}, {}),
    ([account("in", dial_in=DialIn.PERMIT)], "", {"in": "in's"}, {}),
    ([account("out"), account("denied", dial_in=DialIn.DENY), account("off", dial_in=DialIn.PERMIT, enabled=False)], "",
     {"out": "out's", "denied": "denied's", "off": "off's"}, {"out": 649, "denied": 649, "off": 647}),
    ([lambda machine: machine.accounts.keep(Account(name="empty", dial_in=DialIn.PERMIT))], "", {}, {}),
])
def test_l2tp_has_the_first_rules_secret_and_the_users_with_what_they_may(
    changes: list[Change], secrets: str, users: dict[str, str], refusals: dict[str, int]
) -> None:
    assert meaning(*L2TP, *changes).l2tp == L2tp(secret=secrets[:1] or None, others=tuple(secrets[1:]), users=users, refusals=refusals,
                                                endpoints=2)
    assert meaning(*changes).l2tp is None  # not served


@pytest.mark.parametrize(("wan", "most", "limit"), [(2, 3, 2), (3, 3, 3), (7, 3, 3), (0, 3, 0)])
def test_the_smaller_of_both_limits_counts(wan: int, most: int, limit: int) -> None:
    assert meaning(numbers(miniport(), WanEndpoints=wan, MaxWanEndpoints=most)).connection_limit == limit


@pytest.mark.parametrize(("changes", "expected"), [
    ([STATIC, pool("192.168.77.200", "192.168.77.209")], ("192.168.77.200", "192.168.77.201", "192.168.77.209")),
    ([STATIC, pool("192.168.77.200", "192.168.77.201")], ("192.168.77.200", "192.168.77.201", "192.168.77.201")),
    ([STATIC, pool("192.168.77.200", "192.168.77.200")], None),  # the server takes the only one
    ([STATIC, pool("192.168.77.209", "192.168.77.200")], None),
    ([STATIC], None),
    ([STATIC, numbers(f"{POOL}\\0", From=1)], None),
    ([STATIC, pool("192.168.77.200", "192.168.77.209"), pool("10.0.0.1", "10.0.0.9", "1")], ("192.168.77.200", "192.168.77.201", "192.168.77.209")),
])
def test_addresses_come_from_a_static_pool_of_at_least_two(changes: list[Change], expected: tuple[str, str, str] | None) -> None:
    addresses = meaning(*changes).addresses

    assert addresses is None or isinstance(addresses, Addresses)
    assert (None if addresses is None else (str(addresses.own), str(addresses.first), str(addresses.last))) == expected


@pytest.mark.parametrize(("changes", "expected"), [
    ([pool("192.168.77.200", "192.168.77.209")], Dhcp(batch=10)),  # DHCP is still on
    ([numbers(IP, UseDhcpAddressing=1), pool("192.168.77.200", "192.168.77.209")], Dhcp(batch=10)),
    ([lambda machine: machine.registry.delete(IP, "UseDhcpAddressing")], Dhcp(batch=10)),
    ([numbers(IP, InitialAddressPoolSize=3)], Dhcp(batch=3)),
    ([numbers(IP, InitialAddressPoolSize=0)], None),
    ([STATIC, numbers(IP, InitialAddressPoolSize=3)], None),
])
def test_without_a_pool_they_are_leased_in_batches(changes: list[Change], expected: Dhcp | None) -> None:
    assert meaning(*changes).addresses == expected


def test_most_clients_are_those_of_the_types_that_are_served() -> None:
    both = (*L2TP, numbers(miniport(), EnableForRas=1, WanEndpoints=3))

    assert [meaning(*changes).most_clients for changes in ((), L2TP, both)] == [0, 2, 5]


def test_a_policy_is_custom_as_soon_as_its_key_exists() -> None:
    assert meaning(lambda machine: machine.registry.create(POLICY)).policy == custom_policy({})
    assert meaning(numbers(POLICY, DHGroup=3)).policy == custom_policy({"DHGroup": 3})
    assert meaning(lambda machine: (numbers(POLICY, DHGroup=3)(machine), machine.registry.remove(POLICY))).policy == stock_policy()


def test_a_value_of_another_kind_is_as_good_as_absent() -> None:
    def text(machine: Machine) -> None:
        machine.registry.set(PARAMETERS, "ServerFlags", Kind.STRING, "0x04000000")

    assert differences(text) == {}


# -- certificates ---------------------------------------------------------------------------------------------------------


def trusting(pki: RunPki, *mine: Stored) -> Change:
    def change(machine: Machine) -> None:
        machine.certificates.add("Root", Stored(pki.authority.certificate))
        for stored in mine:
            machine.certificates.add("My", stored)

    return change


def stored(identity: object, *, key: bool = True) -> Stored:
    return Stored(identity.certificate, identity.key if key else None)  # type: ignore[attr-defined]


def test_the_machines_certificate_is_one_with_a_key_under_a_trusted_root(pki: RunPki) -> None:
    right = stored(pki.server)

    assert meaning(trusting(pki, right)).certificate == right
    assert meaning(trusting(pki, stored(pki.server, key=False))).certificate is None
    assert meaning(trusting(pki, stored(pki.server_of_other_authority))).certificate is None
    assert meaning(lambda machine: machine.certificates.add("My", right)).certificate is None
    assert meaning(trusting(pki, stored(pki.server_of_other_authority), right, stored(pki.client, key=False))).certificate == right


@pytest.mark.parametrize("which", ["server_expired", "server_without_server_auth", "server_common_name_only", "server_other_name"])
def test_what_only_a_client_can_judge_is_shown_all_the_same(which: str, pki: RunPki) -> None:
    wrong = stored(getattr(pki, which))

    assert meaning(trusting(pki, wrong)).certificate == wrong


def test_of_several_the_newest_is_shown_whatever_their_order(pki: RunPki) -> None:
    older, right = stored(pki.server), pki.server.certificate
    later = (x509.CertificateBuilder().subject_name(right.subject).issuer_name(right.issuer).public_key(right.public_key()).serial_number(7)
             .not_valid_before(right.not_valid_before_utc + dt.timedelta(hours=1)).not_valid_after(right.not_valid_after_utc))
    newer = Stored(later.sign(pki.authority.key, hashes.SHA256()), pki.server.key)
    roots = [pki.authority.certificate]

    assert choose_certificate([older, newer], roots) == choose_certificate([newer, older], roots) == newer
    assert choose_certificate([], roots) is None


def test_roots_and_revocation_lists_are_those_of_the_stores(pki: RunPki) -> None:
    crl = x509.load_der_x509_crl(pki.revocation_list)

    server = meaning(trusting(pki), lambda machine: machine.certificates.revocation_lists.append(crl))

    assert server.roots == (pki.authority.certificate,)
    assert server.revocation_lists == (pki.revocation_list,)
    assert not server.check_revocation


# -- all of it ------------------------------------------------------------------------------------------------------------


def whole(pki: RunPki) -> Machine:
    """A machine on which everything is configured."""
    machine = Machine.stock()
    for change in (numbers(SERVICE, ConfigurationFlags=1), numbers(miniport(), EnableForRas=1), numbers(PARAMETERS, ServerFlags=0x04802602), STATIC,
                   pool("192.168.77.200", "192.168.77.209"), numbers(POLICY, DHGroup=9), numbers(IKEV2, CertAuthFlags=4), trusting(pki, stored(pki.server))):
        change(machine)
    machine.certificates.revocation_lists.append(x509.load_der_x509_crl(pki.revocation_list))
    return machine


@pytest.mark.parametrize(("value", "fragments"), [({}, False), ({"EnableServerFragmentation": 0}, False), ({"EnableServerFragmentation": 1}, True),
                                                  ({"EnableServerFragmentation": 2}, False)])
def test_only_the_documented_value_lets_ikev2_be_fragmented(value: dict[str, int], fragments: bool, pki: RunPki) -> None:
    machine = whole(pki)
    numbers(IKEV2, **value)(machine)

    assert effective(machine).fragmentation is fragments


def test_the_same_state_means_the_same_and_stays_as_it_is(pki: RunPki) -> None:
    machine = whole(pki)
    before = copy.deepcopy(machine.facts())

    first, second = effective(machine), effective(machine)

    assert first == second
    assert first.is_complete
    assert machine.facts() == before
    assert machine.events.events == []


@pytest.mark.parametrize("missing", [
    numbers(SERVICE, ConfigurationFlags=0), numbers(PARAMETERS, ServerFlags=0x00802602), lambda machine: machine.registry.remove(POOL),
    lambda machine: machine.certificates.store("My").clear(), lambda machine: machine.certificates.store("Root").clear(),
])
def test_without_one_of_them_it_is_not_complete(missing: Change, pki: RunPki) -> None:
    machine = whole(pki)
    missing(machine)

    assert not effective(machine).is_complete


def test_with_dhcp_nothing_is_missing(pki: RunPki) -> None:
    machine = whole(pki)
    numbers(IP, UseDhcpAddressing=1)(machine)

    assert effective(machine).is_complete


@pytest.mark.parametrize("identifier", [name for name in INVERSIONS if name != "policy-stock-list"])
def test_an_inversion_changes_a_complete_server_and_leaves_the_original(identifier: str, pki: RunPki) -> None:
    machine = whole(pki)
    if identifier in ("flags-cert-required", "l2tp-certificate-flag", "routing-access-confined"):  # the opposite of what is configured is needed first
        numbers(PARAMETERS, ServerFlags=0)(machine)
        numbers(IP, AllowNetworkAccess=0)(machine)
    if identifier == "revocation-off-by-default":
        numbers(IKEV2, CertAuthFlags=0)(machine)
    if identifier == "fragmentation-enabled":
        numbers(IKEV2, EnableServerFragmentation=1)(machine)
    if identifier.startswith("l2tp-"):
        numbers(miniport("ms_l2tpminiport"), EnableForRas=1)(machine)
        rule("s3cret")(machine)
        account("denied", dial_in=DialIn.DENY)(machine)
        rule("s3cret again")(machine)
    if identifier.startswith(("dhcp-", "autonet")):
        numbers(IP, UseDhcpAddressing=1)(machine)
    if identifier == "policy-group-2":
        machine.registry.remove(POLICY)
    server = effective(machine)

    assert invert(server, [identifier]) != server
    assert server == effective(machine)


def test_the_stock_list_is_inverted_only_where_it_is_in_force(pki: RunPki) -> None:
    stock, custom = effective(Machine.stock()), effective(whole(pki))

    assert invert(stock, ["policy-stock-list"]).policy != stock.policy
    assert invert(custom, ["policy-stock-list"]) == custom


def test_an_unknown_inversion_is_refused() -> None:
    with pytest.raises(KeyError, match="no-such-behaviour"):
        invert(effective(Machine.stock()), ["no-such-behaviour"])
