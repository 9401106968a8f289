"""A run's management network: free, or the one that the user names."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from lab.backends.vagrant import management
from lab.errors import ConfigError, HostError

DEFAULT = "eth0\t00000000\t0109090A\t0003\t0\t0\t0\t00000000\t0\t0\t0"


def route(network: IPv4Network) -> str:
    """A line of /proc/net/route: numbers in the machine's byte order, which is little-endian here."""
    destination, mask = (bytes(reversed(IPv4Address(one).packed)).hex().upper() for one in (network.network_address, network.netmask))
    return f"virbr0\t{destination}\t00000000\t0001\t0\t0\t0\t{mask}\t0\t0\t0"


@pytest.fixture
def routed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of this machine's routes."""
    monkeypatch.delenv(management.VARIABLE, raising=False)
    monkeypatch.setattr(management, "ROUTES", tmp_path / "route")
    return tmp_path / "route"


def routes(*networks: IPv4Network) -> str:
    return "\n".join(["Iface\tDestination\tGateway", DEFAULT, *map(route, networks)]) + "\n"


@pytest.mark.parametrize("taken", [
    [subnet for subnet in management.RANGE.subnets(new_prefix=24) if subnet.network_address != IPv4Address("192.168.200.0")],
    [IPv4Network("192.168.128.0/18"), IPv4Network("192.168.208.0/20"), IPv4Network("192.168.224.0/19"), IPv4Network("192.168.192.0/21"),
     *(IPv4Network(f"192.168.{third}.64/26") for third in range(201, 208))],
], ids=["all others, one by one", "larger and smaller ones"])  # fmt: skip
def test_the_one_that_no_route_leads_into(routed: Path, taken: list[IPv4Network]) -> None:
    routed.write_text(routes(*taken))
    assert management.free_subnet() == IPv4Network("192.168.200.0/24")


def test_none_is_free(routed: Path) -> None:
    routed.write_text(routes(management.RANGE))
    with pytest.raises(HostError, match=r"every subnet of 192\.168\.128\.0/17 is in use here"):
        management.free_subnet()


def test_a_default_route_takes_nothing(routed: Path) -> None:
    routed.write_text(routes())
    assert management.free_subnet().subnet_of(management.RANGE)


def test_the_user_s_own_is_taken_as_it_is(routed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(management.VARIABLE, "10.99.0.0/24")
    assert management.free_subnet() == IPv4Network("10.99.0.0/24")


@pytest.mark.parametrize("named", ["10.99.0.1/24", "mine", "10.99.0.0/33"])
def test_what_is_no_subnet(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv(management.VARIABLE, named)
    with pytest.raises(ConfigError, match=f"LAB_MANAGEMENT is '{named}', a subnet is expected"):
        management.free_subnet()
