"""What pppd's plugin is answered, and when an address is free again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from lab.twin.rras.ppp_addresses import PppAddresses
from lab.waiting import Deadline, wait_until

FIRST = IPv4Address("192.168.77.201")


class Book:
    def __init__(self) -> None:
        self.free = [FIRST, FIRST + 1]
        self.back: list[IPv4Address] = []

    def lend(self) -> IPv4Address | None:
        return self.free.pop(0) if self.free else None


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def served(book: Book, tmp_path: Path) -> Iterator[PppAddresses]:
    made = PppAddresses(str(tmp_path / "addresses"), book.lend, book.back.append)
    made.start()
    yield made
    made.stop()


def ask(tmp_path: Path) -> tuple[socket.socket, bytes]:
    asking = socket.socket(socket.AF_UNIX)
    asking.connect(str(tmp_path / "addresses"))
    return asking, asking.recv(16)


def await_back(book: Book, expected: list[IPv4Address]) -> None:
    wait_until(lambda: book.back == expected, Deadline(3.0), lambda: AssertionError(f"expected {expected} back, got {book.back}"))


def test_each_pppd_has_an_address_as_long_as_it_lives(served: PppAddresses, book: Book, tmp_path: Path) -> None:
    first, answer = ask(tmp_path)
    second, other = ask(tmp_path)
    assert (answer, other) == (FIRST.packed, (FIRST + 1).packed)
    assert book.back == []

    second.close()
    await_back(book, [FIRST + 1])
    first.close()
    await_back(book, [FIRST + 1, FIRST])


def test_where_none_is_left_the_answer_says_so(served: PppAddresses, book: Book, tmp_path: Path) -> None:
    book.free = []
    asking, answer = ask(tmp_path)
    asking.close()

    assert answer == bytes(4)
    served.stop()
    assert book.back == []


def test_an_address_that_was_released_is_not_given_back_again_by_its_pppds_end(served: PppAddresses, book: Book, tmp_path: Path) -> None:
    asking, _ = ask(tmp_path)
    served.release(FIRST)
    served.release(FIRST)
    assert book.back == [FIRST]

    asking.close()
    served.stop()
    assert book.back == [FIRST]


def test_when_it_stops_all_come_back_and_nobody_is_answered(served: PppAddresses, book: Book, tmp_path: Path) -> None:
    asking, _ = ask(tmp_path)
    served.stop()
    served.stop()
    asking.close()

    assert book.back == [FIRST]
    with pytest.raises(FileNotFoundError):
        ask(tmp_path)
    served.start()
    assert ask(tmp_path)[1] == (FIRST + 1).packed
