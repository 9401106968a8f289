"""Steps that say where inner addresses come from: what they refuse before anything reaches the server, and what they write."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from lab.errors import ConfigError
from lab.server.steps import dhcp_addresses, static_pool

FIRST = IPv4Address("192.168.77.200")


@pytest.mark.parametrize(("last", "size"), [(FIRST, "1 address:"), (FIRST - 1, "0 addresses:"), (FIRST - 100, "0 addresses:")])
def test_a_pool_in_which_no_client_would_find_an_address_is_refused(last: IPv4Address, size: str) -> None:
    with pytest.raises(ConfigError, match=rf"^the static pool 192\.168\.77\.200 to {last} has {size} the server takes one itself") as refusal:
        static_pool(FIRST, last)
    assert refusal.value.hint == "give a range of two addresses at least"


def test_a_pool_of_two_is_enough() -> None:
    assignment, pool = static_pool(FIRST, FIRST + 1)

    assert assignment.parameters["values"] == {"UseDhcpAddressing": 0}
    assert pool.parameters["values"] == {"From": int(FIRST), "To": int(FIRST) + 1}


@pytest.mark.parametrize(("batch", "values"), [(None, {"UseDhcpAddressing": 1}), (3, {"UseDhcpAddressing": 1, "InitialAddressPoolSize": 3})])
def test_dhcp_takes_the_place_of_the_pool(batch: int | None, values: dict[str, int]) -> None:
    step = dhcp_addresses(batch)

    assert (step.name, step.parameters["values"]) == (static_pool(FIRST, FIRST + 1)[0].name, values)
