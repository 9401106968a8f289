"""The machine's interfaces by netlink: which are adapters, and what is asked of the kernel. The kernel itself answers in tests/guest."""

from __future__ import annotations

import errno
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from lab.twin.rras import kernel, nics
from lab.twin.rras.nics import KernelNics
from lab.twin.windows.network import Address, Nic
from lab.wire.netlink import NetlinkError

LINKS = [
    {"index": 1, "name": "lo", "mac": "00:00:00:00:00:00", "up": True, "running": True, "kind": "", "ethernet": False},
    {"index": 2, "name": "eth0", "mac": "08:00:27:00:00:01", "up": True, "running": True, "kind": "", "ethernet": True},
    {"index": 3, "name": "eth1", "mac": "52:54:cb:00:71:0a", "up": False, "running": False, "kind": "", "ethernet": True},
    {"index": 4, "name": "lan", "mac": "52:54:c0:a8:4d:0a", "up": True, "running": True, "kind": "veth", "ethernet": True},
    {"index": 5, "name": "ras", "mac": "02:00:00:00:00:01", "up": False, "running": False, "kind": "dummy", "ethernet": True},
]
ADDRESSES = [{"index": 1, "address": "127.0.0.1/8", "permanent": True}, {"index": 2, "address": "10.0.2.10/24", "permanent": False},
             {"index": 4, "address": "192.168.77.10/24", "permanent": True}, {"index": 5, "address": "192.168.77.200/32", "permanent": True}]
ROUTES = [{"destination": "10.0.2.0/24", "index": 2, "table": 254}, {"destination": "0.0.0.0/0", "index": 2, "gateway": "10.0.2.2", "table": 254}]
ETH1 = Nic(index=3, name="eth1", mac="52:54:cb:00:71:0a", connected=False)


class Asked:
    """What was asked of the kernel, and how it refuses renames: the first ones of these."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.refusals: list[int] = []

    def note(self, text: str) -> None:
        self.said.append(text)

    def rename(self, _: object, name: str, index: int, new: str) -> None:
        self.note(f"rename {index} {name} {new}")
        if self.refusals:
            raise NetlinkError(self.refusals.pop(0), "rename")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    found = Asked()
    state: Callable[..., None] = lambda _, name, index, *, up: found.note(f"{'up' if up else 'down'} {index}")  # noqa: E731
    monkeypatch.setattr(nics, "Netlink", lambda: None)
    monkeypatch.setattr(nics.links, "list_links", lambda _: LINKS)
    monkeypatch.setattr(nics.links, "set_state", state)
    monkeypatch.setattr(nics.links, "rename", found.rename)
    monkeypatch.setattr(nics.addresses, "list_addresses", lambda _: ADDRESSES)
    monkeypatch.setattr(nics.addresses, "add", lambda _, index, address: found.note(f"add {index} {address}"))
    monkeypatch.setattr(nics.addresses, "delete", lambda _, index, address: found.note(f"delete {index} {address}"))
    monkeypatch.setattr(nics.routes, "list_routes", lambda _: ROUTES)
    monkeypatch.setattr(nics, "SYSCTL", tmp_path)
    return found


def test_hardware_and_cables_are_adapters_and_are_set_up_at_the_start(asked: Asked) -> None:
    found = KernelNics()

    assert asked.said == ["up 3"]
    assert found.nics() == [
        Nic(index=2, name="eth0", mac="08:00:27:00:00:01", connected=True, gateway=IPv4Address("10.0.2.2"),
            addresses=(Address(interface=IPv4Interface("10.0.2.10/24"), leased=True),)), ETH1,
        Nic(index=4, name="lan", mac="52:54:c0:a8:4d:0a", connected=True, addresses=(Address(interface=IPv4Interface("192.168.77.10/24")),))]


@pytest.mark.parametrize(("refusals", "expected"), [
    ([], ["rename 3 eth1 wan"]),
    ([errno.EBUSY], ["rename 3 eth1 wan", "down 3", "rename 3 eth1 wan", "up 3"]),
])
def test_a_kernel_that_renames_no_link_that_is_up_gets_it_down(asked: Asked, refusals: list[int], expected: list[str]) -> None:
    found = KernelNics()
    asked.said.clear()
    asked.refusals = refusals

    found.rename(ETH1, "wan")
    assert asked.said == expected


@pytest.mark.parametrize(("refusals", "expected"), [
    ([errno.EEXIST], ["rename 3 eth1 wan"]), ([errno.EBUSY, errno.EEXIST], ["rename 3 eth1 wan", "down 3", "rename 3 eth1 wan", "up 3"])])
def test_another_refusal_is_told_and_the_link_stays_up(asked: Asked, refusals: list[int], expected: list[str]) -> None:
    found = KernelNics()
    asked.said.clear()
    asked.refusals = refusals

    with pytest.raises(NetlinkError):
        found.rename(ETH1, "wan")
    assert asked.said == expected


def test_an_address_comes_with_the_link_up_and_goes_alone(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "eth1").mkdir()
    found = KernelNics()
    asked.said.clear()

    found.add(ETH1, IPv4Interface("203.0.113.10/24"))
    found.delete(ETH1, IPv4Interface("203.0.113.10/24"))
    assert asked.said == ["add 3 203.0.113.10/24", "up 3", "delete 3 203.0.113.10/24"]
    assert (tmp_path / "eth1" / "promote_secondaries").read_text() == "1"


def test_rras_without_its_adapters_says_which_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "Netlink", lambda: None)
    monkeypatch.setattr(kernel, "WAN", "wan-not-here")
    made = kernel.Kernel()  # before the first step there are no such adapters, and the twin starts all the same

    with pytest.raises(OSError, match="there is no adapter named wan-not-here"):
        made.apply(None)  # type: ignore[arg-type]
