"""The router between home and wan in a real guest: it masquerades, each fault hits what it is for and nothing else, and goes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from guests import Guest

from fixtures.path import Path
from lab import budgets
from lab.errors import EvidenceError
from lab.faults import Fault, Toward, closed_port, delay, every_nth_lost, ip_fragments_lost, loss
from lab.probe.probe import Probe
from lab.topology import load_topology

TOPOLOGY = load_topology()
CLIENT, NAT = str(TOPOLOGY.host("client").address("wan")), str(TOPOLOGY.host("nat").address("wan"))
LARGE, PORT = 2000, 7007


@pytest.fixture
def path(guest: Guest) -> Iterator[Path]:
    for name in ("nat", "home"):
        guest.lab.start(name)
    noted: dict[str, object] = {}
    one = Path(TOPOLOGY.host("nat"), guest.probe("nat"), note=noted.__setitem__)
    yield one
    assert one.residue() == []


@pytest.fixture
def home(guest: Guest, path: Path) -> Probe:
    return guest.probe("home")


def answers(home: Probe, size: int = 56) -> bool:
    return home.ping(CLIENT, timeout=budgets.SILENCE, size=size) is not None


def test_what_leaves_home_has_the_router_s_address(guest: Guest, home: Probe) -> None:
    with guest.probe("client").serve(PORT) as service:
        assert home.ask_service("udp", CLIENT, PORT, b"who am I") == b"answer who am I"
        assert service.stop()["sources"] == [NAT]


@pytest.mark.parametrize("toward", [Toward.SERVER, Toward.CLIENT])
def test_fragments_are_lost_each_way_and_whole_packets_are_not(path: Path, home: Probe, toward: Toward) -> None:
    assert answers(home, LARGE)
    with path.suffers(ip_fragments_lost(toward=toward)) as suffering:
        assert answers(home)
        assert suffering.hits == {"ip-fragments-lost": 0}
        assert not answers(home, LARGE)
        assert suffering.hits == {"ip-fragments-lost": 1}
    assert answers(home, LARGE)


def test_every_nth_is_exact(path: Path, home: Probe) -> None:
    with path.suffers(every_nth_lost(5, toward=Toward.SERVER)) as suffering:
        assert [answers(home) for _ in range(10)] == [False, True, True, True, True] * 2
        assert suffering.hits == {"every-5-lost": 2}


def test_loss_at_random(path: Path, home: Probe) -> None:
    with path.suffers(loss(1, toward=Toward.CLIENT)):
        assert not answers(home)
    assert answers(home)


def test_a_closed_port_is_closed_and_others_are_open(guest: Guest, path: Path, home: Probe) -> None:
    def asks(port: int) -> bool:
        return home.ask_service("udp", CLIENT, port, b"hello", timeout=budgets.SILENCE) is not None

    with guest.probe("client").serve(PORT), guest.probe("client").serve(PORT + 1):
        with path.suffers(closed_port(PORT)):
            assert (asks(PORT), asks(PORT + 1)) == (False, True)
        assert asks(PORT)


def test_a_delay_is_added_each_way(path: Path, home: Probe) -> None:
    with path.suffers(delay(40)):
        slow = home.ping(CLIENT)
    assert slow is not None
    assert slow >= 80


@pytest.mark.parametrize("fault", [ip_fragments_lost(), closed_port(9)], ids=lambda fault: fault.name)
def test_a_fault_that_nothing_comes_by_is_reported(path: Path, home: Probe, fault: Fault) -> None:
    with pytest.raises(EvidenceError, match=f"{fault.name} was never hit"), path.suffers(fault):
        assert answers(home)
