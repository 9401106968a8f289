"""Does the suite test more than its own mock? A twin that does the opposite must turn the mapped tests red, and a path that lacks a step
its positive test. The tests run in a pytest of their own, as a user would run them; a dozen changes share one, and its lab."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fixtures.changed import ROOT, Change, Outcome, run_changed
from lab.fidelity import load_ledger
from lab.pki import RunPki
from lab.secrets import new_secret
from lab.server.paths import ikev2_certificate, ikev2_eap
from lab.topology import load_topology

LEDGER = load_ledger().behaviours
POSITIVE = "e2e/test_ikev2_none.py::test_ikev2_none__works_on_all_planes"
BYSTANDERS = [  # each stands for another part of the suite; one stands by at each inversion, none that its entry maps
    "e2e/test_ikev2_none.py::test_ikev2_none__auth_is_in_the_first_request",
    "e2e/test_ikev2_policy.py::test_policy_stronger__what_is_not_offered_is_refused",
    "e2e/test_ikev2_names.py::test_ikev2_remote_id__another_name_is_refused_by_the_client",
]
POOL, PKI = load_topology().vpn.pool, RunPki("vpn.example.test")
STEPS = {
    POSITIVE: [step.name for step in ikev2_certificate(PKI, POOL)],
    "e2e/test_ikev2_eap.py::test_ikev2_eap__works_on_all_planes[mschapv2]": [step.name for step in ikev2_eap(PKI, POOL, user="u", password=new_secret())],
}
"""Of each path, by its positive test."""
BATCH = 12
"""Changes in one pytest: its start and its guest cost as much as ten tests."""
SAMPLE = 2
"""Mapped tests of one behaviour that are run here, spread over all its tests; `ci/matrix.py --mapped` runs all. Some behaviours, without which
nothing connects at all, map a hundred."""
MOVES_THE_CLOCK = ("e2e/test_time.py::", "e2e/test_dhcp.py::test_dhcp_race", "e2e/test_dhcp.py::test_dhcp_absent")
"""Tests that use their lab up: another guest is booted after each."""
CONTROL = Change()
INVERTED = {identifier: Change(invert=identifier) for identifier in LEDGER}
LEFT_OUT = {step: Change(leave_out=step) for steps in STEPS.values() for step in steps}


def mapped(change: Change) -> list[str]:
    """Return those of an inversion's own tests that are run here: none that costs a guest, if there are others."""
    tests = [test for test in LEDGER[change.invert].shown_by if not test.startswith(MOVES_THE_CLOCK)] or LEDGER[change.invert].shown_by
    return list(tests[:: -(-len(tests) // SAMPLE)])


def named_for(change: Change) -> list[str]:
    """Return what is to run under a change."""
    if change == CONTROL:
        return [POSITIVE, *BYSTANDERS]
    if change.leave_out:
        return [positive for positive, steps in STEPS.items() if change.leave_out in steps]
    others = [test for test in BYSTANDERS if test not in LEDGER[change.invert].shown_by]
    turn = list(LEDGER).index(change.invert)
    return [*mapped(change), *([others[turn % len(others)]] if others else [])]


def boots(change: Change) -> bool:
    """Whether guests are booted meanwhile."""
    return any(test.startswith(MOVES_THE_CLOCK) for test in named_for(change))


class Outcomes:
    """What became of each change, found out a batch at a time."""

    def __init__(self, chosen: list[Change]) -> None:
        self._waiting = {kind: [change for change in chosen if boots(change) is kind] for kind in (False, True)}
        self._known: dict[Change, Outcome] = {}

    def of(self, change: Change) -> Outcome:
        """Return it. Silence is met after half of the usual patience: nothing is lost on these wires, and half is 300 times the round
        trip. Not where guests are booted meanwhile: half of a boot's patience is too little on a busy machine."""
        if change not in self._known:
            waiting = self._waiting[boots(change)]
            batch = waiting[waiting.index(change):][:BATCH]
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("LAB_TIME_SCALE", "1" if boots(change) else "0.5")
                self._known |= run_changed({one: named_for(one) for one in batch})
        return self._known[change]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Outcomes:
    """Of the changes whose tests were chosen."""
    own = [item.callspec.params.get("change", CONTROL) for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    return Outcomes([*own, CONTROL])


@pytest.mark.parametrize("change", INVERTED.values(), ids=INVERTED)
def test_an_inverted_twin_turns_its_tests_red_and_no_bystander(change: Change, outcomes: Outcomes) -> None:
    outcome, own = outcomes.of(change), set(mapped(change))

    assert (outcome.red, outcome.green) == (own, set(named_for(change)) - own), outcome.output


@pytest.mark.parametrize("change", LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_path_that_lacks_a_step_turns_its_positive_test_red(change: Change, outcomes: Outcomes) -> None:
    assert outcomes.of(change).red == set(named_for(change))


def test_an_ordinary_twin_turns_nothing_red(outcomes: Outcomes) -> None:
    """The control of all the above: the same lab, after inversions."""
    outcome = outcomes.of(CONTROL)

    assert (outcome.red, outcome.green) == (set(), set(named_for(CONTROL))), outcome.output


def test_an_unknown_behaviour_is_refused_with_the_known_ones() -> None:
    done = subprocess.run([sys.executable, "-m", "pytest", POSITIVE, "-q", "-p", "no:cacheprovider", "--fresh", "--invert=no-such-behaviour"],
                          cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 1, done.stdout
    assert "has no behaviour 'no-such-behaviour'" in done.stdout
    assert "routing-forwards" in done.stdout
