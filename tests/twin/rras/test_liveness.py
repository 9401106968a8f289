"""Times of connections: what the registry's numbers mean, and that charon's schedule adds up to the time that Windows has for an answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lab.hosts
from lab.twin.rras.engine import PATIENCE
from lab.twin.rras.liveness import DEFAULTS, FOREVER, Liveness, liveness, retransmission
from lab.twin.windows.machine import STOCK_IKEV2


def test_a_stock_server_has_the_defaults() -> None:
    assert liveness(STOCK_IKEV2) == liveness({}) == Liveness(idle=300, blackout=1800, lifetime=28800, data_size=102400)


@pytest.mark.parametrize(("name", "field", "least"), [("idleTimeout", "idle", 300), ("networkBlackoutTime", "blackout", 120), ("saLifeTime", "lifetime", 300),
                                                    ("saDataSize", "data_size", 1024)])
def test_the_least_value_counts_and_less_is_reported(name: str, field: str, least: int) -> None:
    assert getattr(liveness({name: least}), field) == least
    assert liveness({name: least}).problems == ()

    refused = liveness({name: least - 1})
    assert getattr(refused, field) == DEFAULTS[name]
    assert refused.problems == (f"{name}={least - 1} is out of range; {DEFAULTS[name]} is used",)


@pytest.mark.parametrize("value", [17_280_000, "300", -1])
def test_what_is_too_much_or_no_number_is_reported(value: object) -> None:
    assert liveness({"idleTimeout": value}).idle == 300
    assert len(liveness({"idleTimeout": value}).problems) == 1


def total(settings: str) -> float:
    """How long charon asks with these settings, as its documentation reckons: the last wait counts too."""
    numbers = {name: float(value) for name, value in re.findall(r"retransmit_(\w+) = ([\d.]+)", settings)}
    return float(sum(numbers["timeout"] * numbers["base"] ** step for step in range(int(numbers["tries"]) + 1)))


@pytest.mark.parametrize("budget", [120, 121, 1800, 86400, FOREVER])
def test_the_schedule_adds_up_to_the_budget(budget: int) -> None:
    assert total(retransmission(budget)) == pytest.approx(budget, rel=1e-6)


@pytest.mark.parametrize("budget", [None, 0xFFFFFFFF])
def test_what_charon_cannot_wait_for_is_a_month(budget: int | None) -> None:
    assert retransmission(budget) == retransmission(FOREVER)


def test_charon_begins_with_the_schedule_of_a_stock_server_and_includes_another() -> None:
    lines = [line.partition("#")[0].strip() for line in (Path(lab.hosts.__file__).parent / "etc" / "strongswan.server.conf").read_text().splitlines()]

    assert set(retransmission(DEFAULTS["networkBlackoutTime"]).splitlines()) <= set(lines)
    assert lines.index(f"include {PATIENCE}") > max(place for place, line in enumerate(lines) if line.startswith("retransmit_"))
