"""Does the suite test more than its own mock? A twin that does the opposite must turn the mapped tests red, and a path that lacks a step
its positive test. One guest serves all; the tests run in a pytest of their own, as a user would run them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from fixtures.changed import run_tests
from lab.backends.embedded import EmbeddedLab
from lab.fidelity import load_ledger
from lab.pki import RunPki
from lab.rundir import VARIABLE, choose_run_base
from lab.server.paths import ikev2_certificate
from lab.topology import load_topology

LEDGER = load_ledger().behaviours
POSITIVE = "e2e/test_ikev2_none.py::test_ikev2_none__works_on_all_planes"
BYSTANDERS = [  # each stands for another part of the suite; those that an entry maps do not stand by there
    "e2e/test_ikev2_none.py::test_ikev2_none__auth_is_in_the_first_request",
    "e2e/test_ikev2_policy.py::test_policy_stronger__what_is_not_offered_is_refused",
    "e2e/test_ikev2_names.py::test_ikev2_remote_id__another_name_is_refused_by_the_client",
]
STEPS = [step.name for step in ikev2_certificate(RunPki("vpn.example.test"), load_topology().vpn.pool)]


@pytest.fixture(scope="module", autouse=True)
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A lab that the inner pytests join, in a folder of runs of its own."""
    before = os.environ.get(VARIABLE)
    folder = choose_run_base() / f"inversions-{os.getpid()}"
    folder.mkdir(mode=0o700)
    os.environ[VARIABLE] = str(folder)
    running = EmbeddedLab(load_topology(), log_folder=tmp_path_factory.mktemp("logs"), detached=True)
    try:
        running.up()
        yield
    finally:
        running.end_joined()
        for left in folder.iterdir():
            left.rmdir()  # an empty folder of runs; anything else is left behind, and fails this
        folder.rmdir()
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


MOVES_THE_CLOCK = "e2e/test_time.py::"
"""Tests that use their lab up, and are refused by one that was joined."""


@pytest.mark.parametrize("identifier", LEDGER)
def test_an_inverted_twin_turns_its_tests_red_and_no_bystander(identifier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is met after a third of the usual patience: nothing is lost on these wires, and a third is 200 times the round trip. Not where
    guests are booted meanwhile: a third of a boot's patience is too little on a busy machine."""
    mapped = LEDGER[identifier].shown_by
    bystanders = [test for test in BYSTANDERS if test not in mapped]
    fresh = ["--fresh"] if any(test.startswith(MOVES_THE_CLOCK) for test in mapped) else []
    monkeypatch.setenv("LAB_TIME_SCALE", "1" if fresh else "0.3")

    outcome = run_tests([f"--invert={identifier}", *fresh], [*mapped, *bystanders])

    assert (outcome.red, outcome.green) == (set(mapped), set(bystanders)), outcome.output


@pytest.mark.parametrize("step", STEPS)
def test_a_path_that_lacks_a_step_turns_its_positive_test_red(step: str) -> None:
    assert run_tests([f"--leave-out={step}"], [POSITIVE]).red == {POSITIVE}


def test_an_ordinary_twin_turns_nothing_red() -> None:
    """The control of all the above: the same lab, joined the same way, after every inversion."""
    outcome = run_tests([], [POSITIVE, *BYSTANDERS])

    assert (outcome.red, outcome.green) == (set(), {POSITIVE, *BYSTANDERS}), outcome.output


def test_an_unknown_behaviour_or_step_is_refused_with_the_known_ones() -> None:
    outcome = run_tests(["--invert=no-such-behaviour"], [POSITIVE])

    assert outcome.red == {POSITIVE}
    assert "has no behaviour 'no-such-behaviour'" in outcome.output
    assert "routing-forwards" in outcome.output
