"""What is read out of a view: events that an earlier one did not have, names of IPsec rules."""

from __future__ import annotations

import pytest

from lab.server.view import Event, IncomingConnections, newer


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


@pytest.mark.parametrize(("ipsec", "names"), [
    ([], ()), (None, ()), ("rule one: Dummy", ("Dummy",)), (["set x: Dummy", "rule {B}: Second: 2", "rule {A}: Dummy"], ("Dummy", "Second: 2")),
])
def test_rules_have_their_names_in_an_order_of_ours(ipsec: list[str] | str | None, names: tuple[str, ...]) -> None:
    view = IncomingConnections(build="", running=False, server_flags=0, clients=(), events=(), adapters=None, firewall=None, raw={"ipsec": ipsec})

    assert view.ipsec_rules == names
