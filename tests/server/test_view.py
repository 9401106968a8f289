"""Events of a view that an earlier one did not have."""

from __future__ import annotations

import pytest

from lab.server.view import Event, newer


def events(numbers: str) -> list[Event]:
    return [Event(identifier=int(number), message=f"text of {number}") for number in numbers.split()]


@pytest.mark.parametrize(("now", "before", "new"), [
    ("", "", ""),
    ("3", "", "3"),
    ("3 2 1", "3 2 1", ""),
    ("4 3 2 1", "3 2 1", "4"),
    ("2 1 2 1", "2 1", "2 1"),
    ("5 4 3", "3 2 1", "5 4"),
    ("6 5 4", "3 2 1", "6 5 4"),
], ids=["none", "the first", "none new", "one new", "the same again", "cut off", "all new"])  # fmt: skip
def test_what_is_new_stands_before_what_was_known(now: str, before: str, new: str) -> None:
    assert newer(events(now), events(before)) == events(new)
