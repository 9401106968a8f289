"""What IPsec rules catch, and that the kernel is told exactly that; what main mode is offered when rules come and go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.twin.rras import ipsec_rules
from lab.twin.rras.effective import with_secrets
from lab.twin.rras.ipsec_rules import Caught, RuleEnforcer, caught
from lab.twin.rras.l2tp_config import L2tp
from lab.twin.rras.machine_authentication import MachineAuthentication
from lab.twin.windows.ipsec import AuthProposal, AuthSet, IPsecRule, Method, Mode, Security
from lab.twin.windows.machine import Machine
from lab.wire.vici import ViciRefused

DUMMY = IPsecRule(name="one", display_name="Dummy", mode=Mode.TUNNEL, inbound=Security.REQUIRE, outbound=Security.REQUIRE,
                  local_address="192.168.77.10/32", auth_set="one")
NOBODY = L2tp(secret=None, users={}, endpoints=2)


def traffic(direction: str, source: str, destination: str) -> Caught:
    return Caught(direction=direction, source=source, destination=destination)


EVERYBODY, OWN = "0.0.0.0/0", "192.168.77.10/32"
IN = {traffic("in", EVERYBODY, OWN), traffic("fwd", EVERYBODY, OWN)}
OUT = {traffic("out", OWN, EVERYBODY), traffic("fwd", OWN, EVERYBODY)}


# -- what is caught -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "expected"), [
    (DUMMY, IN | OUT), (replace(DUMMY, mode=Mode.TRANSPORT), IN | OUT), (replace(DUMMY, enabled=False), set()),
    (replace(DUMMY, outbound=Security.NONE), IN), (replace(DUMMY, inbound=Security.REQUEST), OUT),
    (replace(DUMMY, inbound=Security.REQUEST, outbound=Security.REQUEST), set()),
    (replace(DUMMY, remote_address="198.51.100.0/24", outbound=Security.NONE), {traffic("in", "198.51.100.0/24", OWN), traffic("fwd", "198.51.100.0/24", OWN)}),
    (replace(DUMMY, local_address="Any", inbound=Security.NONE), {traffic("out", EVERYBODY, EVERYBODY), traffic("fwd", EVERYBODY, EVERYBODY)}),
])
def test_a_rule_catches_what_it_requires_ipsec_for(rule: IPsecRule, expected: set[Caught]) -> None:
    assert caught([rule]) == expected


def test_rules_add_up() -> None:
    assert caught([]) == frozenset()
    assert caught([replace(DUMMY, outbound=Security.NONE), replace(DUMMY, name="two", inbound=Security.NONE)]) == IN | OUT


def test_the_kernel_is_told_what_came_and_what_went(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str, str, str]] = []

    class Kernel:
        @staticmethod
        def block(direction: str, *, source: str, destination: str) -> None:
            told.append(("block", direction, source, destination))

        @staticmethod
        def unblock(direction: str, *, source: str, destination: str) -> None:
            told.append(("unblock", direction, source, destination))

    monkeypatch.setattr(ipsec_rules, "xfrm", Kernel)
    enforcer, one, other = RuleEnforcer(), traffic("in", EVERYBODY, OWN), traffic("out", OWN, EVERYBODY)
    enforcer.enforce(frozenset({one}))
    enforcer.enforce(frozenset({other}))
    assert told == [("block", "in", EVERYBODY, OWN), ("unblock", "in", EVERYBODY, OWN), ("block", "out", OWN, EVERYBODY)]

    told.clear()
    enforcer.enforce(frozenset({other}))  # again: the list may have been emptied meanwhile
    enforcer.enforce(frozenset())
    assert told == [("block", "out", OWN, EVERYBODY), ("unblock", "out", OWN, EVERYBODY)]


def test_whoever_follows_rules_is_told_of_each() -> None:
    machine = Machine.stock()
    seen: list[int] = []
    machine.ipsec.on_change = lambda: seen.append(len(machine.ipsec.rules()))
    machine.ipsec.add_rule(DUMMY)
    machine.ipsec.add_rule(DUMMY)  # of the same name: refused
    machine.ipsec.remove_rule(DUMMY)

    assert seen == [1, 0]


# -- what main mode is offered ----------------------------------------------------------------------------------------------


class FakeVici:
    """What charon has loaded, by command."""

    def __init__(self) -> None:
        self.secret: object = None
        self.connections: set[str] = set()

    def request(self, command: str, message: dict[str, object]) -> list[object]:
        if command == "load_shared":
            self.secret = message["data"]
        elif command == "load_conn":
            self.connections |= set(message)
        elif command == "unload_conn" and message["name"] in self.connections:
            self.connections.discard(str(message["name"]))
        elif command == "unload_shared" and self.secret is not None:
            self.secret = None
        else:
            raise ViciRefused(f"{command}: nothing is loaded")
        return []


@pytest.fixture
def vici() -> FakeVici:
    return FakeVici()


@pytest.fixture
def authentication(vici: FakeVici) -> MachineAuthentication:
    return MachineAuthentication(vici)  # type: ignore[arg-type]


def test_a_secret_is_offered_changed_and_taken_away(authentication: MachineAuthentication, vici: FakeVici) -> None:
    authentication.offer(NOBODY)
    assert (vici.secret, vici.connections) == (None, set())
    for secret in ("first", "second"):
        authentication.offer(replace(NOBODY, secret=secret))
        assert (vici.secret, vici.connections) == (secret, {"incoming-l2tp"})

    authentication.offer(NOBODY)
    assert (vici.secret, vici.connections) == (None, set())
    authentication.offer(replace(NOBODY, secret="third"))
    for _ in range(2):
        authentication.withdraw()
        assert (vici.secret, vici.connections) == (None, set())


def test_certificates_are_offered_beside_the_secret_and_without_one(authentication: MachineAuthentication, vici: FakeVici) -> None:
    authentication.offer(replace(NOBODY, certificates_allowed=True))
    assert (vici.secret, vici.connections) == (None, {"incoming-l2tp-certificate"})
    authentication.offer(replace(NOBODY, secret="a", certificates_allowed=True))
    assert vici.connections == {"incoming-l2tp", "incoming-l2tp-certificate"}

    authentication.withdraw()
    assert (vici.secret, vici.connections) == (None, set())


@pytest.mark.parametrize(("takes_turns", "expected"), [(False, "aaa"), (True, "bca")])
def test_secrets_take_turns_in_an_inverted_twin_only(authentication: MachineAuthentication, vici: FakeVici, takes_turns: bool, expected: str) -> None:
    authentication.client_gone()  # nothing is offered yet
    authentication.offer(replace(NOBODY, secret="a", others=("b", "c"), takes_turns=takes_turns))
    held = []
    for _ in range(3):
        authentication.client_gone()
        held.append(str(vici.secret))

    assert "".join(held) == expected


@pytest.mark.parametrize(("secrets", "first", "others"), [("", None, ()), ("a", "a", ()), ("aba", "a", ("b", "a"))])
def test_the_first_rules_secret_holds_and_the_others_are_known(secrets: str, first: str | None, others: tuple[str, ...]) -> None:
    machine = Machine.stock()
    for number, secret in enumerate(secrets):
        machine.ipsec.add_set(AuthSet(name=f"s{number}", display_name="", proposals=(AuthProposal(method=Method.PRESHARED_KEY, preshared_key=secret),)))
        machine.ipsec.add_rule(replace(DUMMY, name=f"r{number}", auth_set=f"s{number}"))

    settings = with_secrets(machine, replace(NOBODY, secret="gone", others=("gone too",)))
    assert (settings.secret, settings.others) == (first, others)
    assert "gone" not in repr(settings)
