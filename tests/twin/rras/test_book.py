"""The book of addresses: what is free for one tunnel type is free for the other, and nobody has an address twice."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from lab.twin.rras import book
from lab.twin.rras.book import AddressBook
from lab.wire.vici import ViciRefused

FIRST = IPv4Address("192.168.77.201")


class Charon:
    """Charon's pools: a name that is in `online` has a client and is not let go."""

    def __init__(self) -> None:
        self.pools: dict[str, object] = {}
        self.online: set[str] = set()

    def request(self, command: str, message: dict[str, object]) -> list[object]:
        if command == "load_pool":
            self.pools |= message
        else:
            name = str(message["name"])
            if name in self.online or name not in self.pools:
                raise ViciRefused(f"{name} has online leases, unable to unload")
            del self.pools[name]
        return []


@pytest.fixture
def charon(monkeypatch: pytest.MonkeyPatch) -> Charon:
    charon = Charon()
    monkeypatch.setattr(book, "Vici", lambda: charon)
    return charon


@pytest.fixture
def addresses(charon: Charon) -> AddressBook:
    made = AddressBook()
    made.open()
    made.add([FIRST, FIRST + 1])
    return made


def test_each_address_is_a_pool_of_its_own_in_their_order(addresses: AddressBook, charon: Charon) -> None:
    assert charon.pools == {"ras-192.168.77.201": {"addrs": "192.168.77.201-192.168.77.201"},
                            "ras-192.168.77.202": {"addrs": "192.168.77.202-192.168.77.202"}}
    assert addresses.pools == ["ras-192.168.77.201", "ras-192.168.77.202"]


def test_what_is_lent_is_no_longer_charons_until_it_is_given_back(addresses: AddressBook, charon: Charon) -> None:
    assert [addresses.lend(), addresses.lend(), addresses.lend()] == [FIRST, FIRST + 1, None]
    assert charon.pools == {}
    assert addresses.pools == ["ras-192.168.77.201", "ras-192.168.77.202"]  # names that charon does not know give it nothing

    addresses.give_back(FIRST + 1)
    assert list(charon.pools) == ["ras-192.168.77.202"]
    assert addresses.lend() == FIRST + 1


def test_what_an_ikev2_client_has_is_not_lent(addresses: AddressBook, charon: Charon) -> None:
    charon.online = {"ras-192.168.77.201"}

    assert [addresses.lend(), addresses.lend()] == [FIRST + 1, None]


def test_an_address_is_given_back_once(addresses: AddressBook, charon: Charon) -> None:
    addresses.lend()
    addresses.give_back(FIRST)
    charon.online = {"ras-192.168.77.201"}

    addresses.give_back(FIRST)  # of a client that went long ago
    assert addresses.lend() == FIRST + 1


def test_a_closed_book_has_nothing_and_takes_nothing_back(addresses: AddressBook, charon: Charon) -> None:
    addresses.lend()
    addresses.close()

    addresses.give_back(FIRST)
    assert (addresses.pools, addresses.lend(), charon.pools) == ([], None, {})


def test_what_clients_are_told_goes_with_each_pool(charon: Charon) -> None:
    made = AddressBook()
    made.open(attributes={"subnet": ["198.51.100.0/24"]})
    made.add([FIRST])

    assert charon.pools == {"ras-192.168.77.201": {"addrs": "192.168.77.201-192.168.77.201", "subnet": ["198.51.100.0/24"]}}


def test_an_inverted_book_lends_what_an_ikev2_client_has(charon: Charon) -> None:
    made = AddressBook()
    made.open(apart=True)
    made.add([FIRST])
    charon.online = {"ras-192.168.77.201"}

    assert made.lend() == FIRST
