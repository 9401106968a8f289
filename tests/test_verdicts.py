"""Verdicts: from the type of the error, never its text; the worse of two; kept over runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab import errors
from lab.client.connection import Refused
from lab.errors import InfrastructureError, LabError, UnsupportedHere
from lab.verdicts import Record, Verdict, keep, now, verdict_of, worse


def subclasses(kind: type[BaseException]) -> list[type[BaseException]]:
    return [kind, *(below for one in kind.__subclasses__() for below in subclasses(one))]


@pytest.mark.parametrize("kind", [one for one in subclasses(LabError) if one.__module__ == errors.__name__])
def test_only_infrastructure_errors_are_infrastructure(kind: type[LabError]) -> None:
    verdict, reason = verdict_of(kind("what happened", evidence="a line", hint="do this"))

    expected = Verdict.INFRASTRUCTURE if issubclass(kind, InfrastructureError) else \
        Verdict.UNSUPPORTED if issubclass(kind, UnsupportedHere) else Verdict.FAILED
    assert (verdict, reason) == (expected, "what happened")


@pytest.mark.parametrize("error", [AssertionError("infrastructure broke"), errors.WireCheckFailed("x"), ValueError("x"), Refused("server", "NO"),
                                   KeyboardInterrupt("x")])
def test_everything_else_is_a_failure_whatever_it_says(error: BaseException) -> None:
    assert verdict_of(error)[0] is Verdict.FAILED


def test_no_error_is_a_pass() -> None:
    assert verdict_of(None) == (Verdict.PASSED, "")


def test_a_reason_is_the_first_line_or_the_errors_name() -> None:
    assert verdict_of(ValueError("\nfirst\nsecond"))[1] == "first"
    assert verdict_of(ValueError())[1] == "ValueError"


def test_one_infrastructure_error_in_a_group_makes_it_infrastructure() -> None:
    group = ExceptionGroup("several", [ValueError("x"), ExceptionGroup("more", [errors.GuestDied("it is gone")])])

    assert verdict_of(group)[0] is Verdict.INFRASTRUCTURE
    assert verdict_of(ExceptionGroup("several", [ValueError("x")]))[0] is Verdict.FAILED


def test_of_two_verdicts_the_worse_counts() -> None:
    order = [Verdict.PASSED, Verdict.UNSUPPORTED, Verdict.FAILED, Verdict.INFRASTRUCTURE]

    for low, first in enumerate(order):
        for high, second in enumerate(order):
            assert worse(first, second) is order[max(low, high)]


def record(test: str, verdict: Verdict = Verdict.PASSED, at: str = "2026-11-25T00:00:00Z") -> Record:
    return Record(test=test, verdict=verdict, reason="", at=at, seconds=0.5, server="twin")


def test_kept_verdicts_are_merged_by_test(tmp_path: Path) -> None:
    file = tmp_path / "verdicts" / "embedded.json"
    keep(file, {"a": record("a"), "b": record("b")})
    keep(file, {"b": record("b", Verdict.FAILED), "c": record("c")})

    kept = json.loads(file.read_text())

    assert {test: entry["verdict"] for test, entry in kept.items()} == {"a": "passed", "b": "failed", "c": "passed"}
    assert kept["a"] == {"test": "a", "verdict": "passed", "reason": "", "at": "2026-11-25T00:00:00Z", "seconds": 0.5, "server": "twin"}
    assert [one.name for one in file.parent.iterdir()] == ["embedded.json"]


def test_the_time_is_utc_in_iso_8601() -> None:
    assert len(now()) == len("2026-11-25T00:00:00Z")
    assert now().endswith("Z")
