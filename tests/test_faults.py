"""Faults of a path: the rules and delays that they mean for each direction, and what is no fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.errors import ConfigError
from lab.faults import MARK, Fault, Toward, closed_port, delay, every_nth_lost, ip_fragments_lost, loss


def lines(fault: Fault) -> list[str]:
    return fault.rules("home", "wan", add=True).splitlines()


@pytest.mark.parametrize(("fault", "expected"), [
    (ip_fragments_lost(), ["-i home -f", "-i wan -f"]),
    (every_nth_lost(5), ["-i home -m statistic --mode nth --every 5 --packet 0", "-i wan -m statistic --mode nth --every 5 --packet 0"]),
    (loss(0.25, toward=Toward.CLIENT), ["-i wan -m statistic --mode random --probability 0.250000"]),
    (closed_port(500), ["-i home -p udp --dport 500"]),
    (closed_port(443, "tcp"), ["-i home -p tcp --dport 443"]),
], ids=lambda value: value.name if isinstance(value, Fault) else "")
def test_a_fault_discards_in_its_directions_by_rules_that_can_be_told_apart(fault: Fault, expected: list[str]) -> None:
    first, *rules, last = lines(fault)

    assert (first, last) == ("*raw", "COMMIT")
    assert [rule.partition(" -m comment")[0] for rule in rules] == [f"-A PREROUTING {one}" for one in expected]
    comments = list(fault.comments("home", "wan").values())
    assert all(f'--comment "{comment}" -j DROP' in rule for comment, rule in zip(comments, rules, strict=True))
    assert all(comment.startswith(f"{MARK}{fault.name} ") for comment in comments)
    assert len(set(comments)) == len(comments)


def test_the_end_of_a_fault_deletes_what_its_beginning_added() -> None:
    fault = ip_fragments_lost()
    assert fault.rules("home", "wan", add=False) == fault.rules("home", "wan", add=True).replace("-A ", "-D ")


@pytest.mark.parametrize(("fault", "interfaces"), [
    (delay(50), ("wan", "home")), (delay(50, toward=Toward.SERVER), ("wan",)), (delay(0.5, toward=Toward.CLIENT), ("home",)),
])
def test_a_delay_is_on_the_interface_by_which_packets_leave(fault: Fault, interfaces: tuple[str, ...]) -> None:
    assert fault.delays("home", "wan") == interfaces
    assert fault.rules("home", "wan", add=True) == ""
    assert ip_fragments_lost().delays("home", "wan") == ()


@pytest.mark.parametrize(("make", "complaint"), [
    (lambda: every_nth_lost(1), "expected a number of packets above 1, got 1"),
    (lambda: loss(0), "expected a probability above 0 and at most 1, got 0"),
    (lambda: loss(1.5), "got 1.5"),
    (lambda: loss(float("nan")), "got nan"),
    (lambda: closed_port(0), "expected a port from 1 to 65535, got 0"),
    (lambda: closed_port(65536), "got 65536"),
    (lambda: closed_port(500, "udp -j ACCEPT"), "expected the protocol udp or tcp, got 'udp -j ACCEPT'"),
    (lambda: delay(0), "expected milliseconds above 0"),
    (lambda: delay(-1), "got -1"),
    (lambda: delay(1e9), "at most 60000"),
])
def test_what_is_no_fault_is_refused_with_its_value(make: Callable[[], Fault], complaint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        make()
    assert complaint in str(refused.value)
