"""Residue: what is new and what is gone, one line each; what changes by itself is no residue."""

from __future__ import annotations

import pytest

from lab.evidence.residue import COMPARED, difference

BEFORE = {
    "addresses": ["203.0.113.20/24 dev wan"], "routes": ["203.0.113.0/24 dev wan"], "proxies": [], "xfrm_states": [], "xfrm_policies": [],
    "processes": ["charon", "python3", "sshd"], "neighbours": [{"address": "203.0.113.10"}], "counters": {"wan": 1},
}


def test_the_same_is_no_residue() -> None:
    assert difference(BEFORE, dict(BEFORE)) == []


@pytest.mark.parametrize("part", COMPARED)
def test_what_is_new_and_what_is_gone_is_told_by_its_part(part: str) -> None:
    old: list[object] = ["stays", "goes"]
    before, after = BEFORE | {part: old}, BEFORE | {part: ["stays", "comes"]}

    assert difference(before, after) == [f"{part}: left behind: comes", f"{part}: missing: goes"]  # type: ignore[arg-type]


def test_a_security_association_is_told_whole() -> None:
    state = {"source": "203.0.113.20", "spi": "c102f1dd"}

    assert difference(BEFORE, BEFORE | {"xfrm_states": [state]}) == [f"xfrm_states: left behind: {state}"]  # type: ignore[dict-item, operator]


def test_processes_are_compared_but_those_of_connections() -> None:
    after = BEFORE | {"processes": ["python3", "sshd", "sshd", "sshd-session", "pppd"]}

    assert sorted(difference(BEFORE, after)) == ["process gone: charon", "process left behind: pppd"]  # type: ignore[arg-type]


def test_neighbours_and_counters_change_by_themselves() -> None:
    assert difference(BEFORE, BEFORE | {"neighbours": [], "counters": {"wan": 2}}) == []  # type: ignore[arg-type, dict-item, operator]
