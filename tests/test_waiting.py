"""Waiting: look first, stop at the deadline, say what failed."""

from __future__ import annotations

import time

import pytest

from lab import waiting
from lab.errors import ConfigError
from lab.waiting import Deadline, wait_until


class TooLate(Exception):
    pass


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only moves when somebody sleeps; returns the pauses."""
    now, slept = [100.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(waiting.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(waiting.time, "sleep", sleep)
    monkeypatch.setattr(waiting._Pace, "factor", 1.0)
    return slept


def test_what_is_there_already_costs_no_pause(pauses: list[float]) -> None:
    assert wait_until(lambda: "found", Deadline(0), TooLate) == "found"
    assert pauses == []


def test_it_looks_again_at_growing_intervals_until_it_finds(pauses: list[float]) -> None:
    answers = iter([None, 0, "", [], "there"])

    assert wait_until(lambda: next(answers), Deadline(5), TooLate) == "there"
    assert pauses == pytest.approx([0.002, 0.003, 0.0045, 0.00675])


def test_it_raises_the_failure_at_the_deadline_not_after(pauses: list[float]) -> None:
    looks = []

    with pytest.raises(TooLate):
        wait_until(lambda: looks.append(1), Deadline(1.0), TooLate)

    assert sum(pauses) == pytest.approx(1.0)
    assert max(pauses) <= 0.1
    assert len(looks) == len(pauses) + 1  # the last look is at the deadline itself


def test_an_error_while_looking_is_not_swallowed(pauses: list[float]) -> None:
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 // 0, Deadline(5), TooLate)


def test_a_deadline_is_anchored_when_it_is_made(pauses: list[float]) -> None:
    deadline = Deadline(2)
    waiting.time.sleep(1.5)

    assert deadline.remaining == pytest.approx(0.5)
    assert not deadline.expired

    waiting.time.sleep(1)
    assert deadline.remaining == 0.0
    assert deadline.expired


def test_the_scale_stretches_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting._Pace, "factor", 3.0)
    began = time.monotonic()

    deadline = Deadline(2)

    assert deadline.budget == 6.0
    assert deadline.remaining > 6.0 - (time.monotonic() - began) - 0.001


@pytest.mark.parametrize(("written", "factor"), [("1", 1.0), ("2.5", 2.5), ("1e1", 10.0)])
def test_a_scale_is_a_positive_number(written: str, factor: float) -> None:
    assert waiting.scale(written) == factor


@pytest.mark.parametrize("written", ["", "fast", "0", "-1", "nan", "inf", "2x"])
def test_another_scale_is_refused_with_variable_and_value(written: str) -> None:
    with pytest.raises(ConfigError, match="LAB_TIME_SCALE is ") as refusal:
        waiting.scale(written)
    assert repr(written) in refusal.value.message
