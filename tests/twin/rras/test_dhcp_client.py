"""The RAS server's DHCP client: its messages byte by byte, its patience, its leases, and what it makes of servers that answer otherwise."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address

import pytest

from lab.twin.rras import dhcp_messages
from lab.twin.rras.dhcp_client import PATIENCE, DhcpClient
from lab.twin.rras.dhcp_messages import ACK, DISCOVER, NAK, OFFER, RELEASE, REQUEST, Answer, Asker
from lab.twin.rras.leases import BATCH, Dhcp, Leases
from lab.waiting import Deadline, wait_until

MAC = "52:54:c0:a8:4d:0a"
SERVER, FIRST = IPv4Address("192.168.77.30"), IPv4Address("192.168.77.136")
ASKER = Asker(mac=bytes.fromhex(MAC.replace(":", "")), identifier=b"\1id", name="WIN10VPN")


def options(message: bytes) -> dict[int, bytes]:
    return dhcp_messages._options(message[dhcp_messages.HEADER.size:])


def answer(asked: bytes, kind: int, address: IPv4Address = FIRST, server: IPv4Address = SERVER) -> bytes:
    """Return a server's answer to a message."""
    fixed = b"\2" + asked[1:16] + address.packed + asked[20:dhcp_messages.HEADER.size]
    return fixed + bytes([53, 1, kind, 54, 4]) + server.packed + b"\xff"


class Lan:
    """A LAN on which every broadcast message is met by what `server` returns."""

    def __init__(self, server: Callable[[bytes], bytes | None]) -> None:
        self.incoming, self._server_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._server = server
        self.sent: list[bytes] = []
        self.released: list[tuple[IPv4Address, IPv4Address]] = []

    def broadcast(self, message: bytes) -> None:
        self.sent.append(message)
        if said := self._server(message):
            self._server_end.send(said)

    def send(self, message: bytes, server: IPv4Address) -> None:
        assert options(message)[53] == bytes([RELEASE])
        self.released.append((IPv4Address(message[12:16]), server))

    def close(self) -> None:
        self.incoming.close()
        self._server_end.close()

    @property
    def kinds(self) -> list[int]:
        return [options(message)[53][0] for message in self.sent]


def leasing(addresses: Iterator[IPv4Address]) -> Callable[[bytes], bytes | None]:
    """Return a server that leases these, and is silent when there are no more."""
    offered: dict[bytes, IPv4Address] = {}

    def serve(message: bytes) -> bytes | None:
        if options(message)[53] == bytes([REQUEST]):
            return answer(message, ACK, offered[message[4:8]])
        address = next(addresses, None)
        if address is None:
            return None
        offered[message[4:8]] = address
        return answer(message, OFFER, address)

    return serve


def addresses(count: int) -> Iterator[IPv4Address]:
    return iter([FIRST + number for number in range(count)])


def client(lan: Lan, patience: tuple[float, ...] = (9.0,)) -> DhcpClient:
    return DhcpClient(lan, MAC, "WIN10VPN", patience=patience)  # type: ignore[arg-type]


# -- messages -------------------------------------------------------------------------------------------------------------


def test_a_discover_byte_by_byte() -> None:
    message = dhcp_messages.discover(ASKER, 0x01020304)

    assert message[:28] == bytes.fromhex("01 01 06 00 01020304 0000 8000") + bytes(16)
    assert message[28:34] == ASKER.mac
    assert message[34:236] == bytes(202)
    assert message[236:].startswith(bytes.fromhex("63825363 350101 3d0301") + b"id" + b"\x0c\x08WIN10VPN<\x08MSFT 5.0\xff")
    assert len(message) == 300


def test_a_request_names_address_and_server_and_a_release_has_the_address_for_its_own() -> None:
    lease = Answer(kind=ACK, address=FIRST, server=SERVER)
    request, release = dhcp_messages.request(ASKER, 1, lease), dhcp_messages.release(ASKER, 1, lease)

    assert (options(request)[50], options(request)[54]) == (FIRST.packed, SERVER.packed)
    assert request[12:16] == bytes(4)
    assert (release[12:16], release[10:12], options(release)[54]) == (FIRST.packed, b"\0\0", SERVER.packed)
    assert 50 not in options(release)


def test_the_identifier_is_that_of_a_ras_server() -> None:
    assert dhcp_messages.identifier(ASKER.mac, 3) == b"\x01RAS " + ASKER.mac + b"\0\0" + b"\3\0\0\0"


def test_the_packet_comes_from_nobody_and_goes_to_everybody() -> None:
    packet = dhcp_messages.broadcast_packet(b"message")

    assert packet[12:20] == bytes(4) + b"\xff" * 4
    assert packet[20:24] == bytes.fromhex("0044 0043")
    assert packet.endswith(b"message")


@pytest.mark.parametrize("message", [
    b"", b"\2" * 100, answer(dhcp_messages.discover(ASKER, 2), OFFER), dhcp_messages.discover(ASKER, 1),
    answer(dhcp_messages.discover(ASKER, 1), OFFER)[:-6], answer(dhcp_messages.discover(ASKER, 1), 4),
    answer(dhcp_messages.discover(ASKER, 1), OFFER).replace(b"\x63\x82\x53\x63", b"\0\0\0\0"),
], ids=["nothing", "too short", "another's", "a client's", "without its server", "another kind", "no cookie"])
def test_what_is_no_answer_to_us_is_none(message: bytes) -> None:
    assert dhcp_messages.read(message, 1) is None


# -- the client -----------------------------------------------------------------------------------------------------------


def test_a_lease_takes_four_messages_and_is_given_back_to_its_server() -> None:
    lan = Lan(leasing(addresses(1)))
    asking = client(lan)
    lease = asking.lease(0)

    assert lease is not None
    assert (lease.given.address, lease.given.server, lan.kinds) == (FIRST, SERVER, [DISCOVER, REQUEST])
    asking.release(lease)
    assert lan.released == [(FIRST, SERVER)]
    asking.close()


def test_silence_is_met_with_three_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.twin.rras.dhcp_client.SPREAD", 0.0)
    lan = Lan(lambda _: None)

    assert client(lan, (0.01, 0.01, 0.01, 0.01)).lease(0) is None
    assert lan.kinds == [DISCOVER] * 4
    assert PATIENCE == (4.0, 8.0, 16.0, 32.0)


@pytest.mark.parametrize("second", [NAK, None])
def test_an_offer_that_comes_to_nothing_is_no_lease(second: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.twin.rras.dhcp_client.SPREAD", 0.0)

    def server(message: bytes) -> bytes | None:
        if options(message)[53] == bytes([DISCOVER]):
            return answer(message, OFFER)
        return None if second is None else answer(message, second)

    assert client(Lan(server), (0.05,)).lease(0) is None


def test_a_lan_without_carrier_is_a_lan_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.twin.rras.dhcp_client.SPREAD", 0.0)

    def no_carrier(_: bytes) -> bytes | None:
        raise OSError(100, "Network is down")

    lan = Lan(no_carrier)
    assert client(lan, (0.01, 0.01)).lease(0) is None
    assert lan.kinds == [DISCOVER, DISCOVER]


# -- the leases of a service ----------------------------------------------------------------------------------------------


class Told:
    """What the engine is told."""

    def __init__(self) -> None:
        self.came: list[IPv4Address] = []
        self.nobody: list[IPv4Address] = []

    def leases(self, settings: Dhcp, lan: Lan, after: Leases | None = None) -> Leases:
        return Leases(settings, lambda: client(lan, settings.patience), lambda _, address: self.came.append(address),
                      lambda _, address: self.nobody.append(address), after=after)

    def await_count(self, count: int) -> None:
        wait_until(lambda: len(self.came) == count, Deadline(3.0), lambda: AssertionError(f"expected {count} addresses, got {self.came}"))


def test_a_batch_is_taken_and_all_of_it_given_back() -> None:
    lan, told = Lan(leasing(addresses(99))), Told()
    leases = told.leases(Dhcp(), lan)
    told.await_count(BATCH)
    assert lan.released == []

    leases.stop()
    leases.join()
    assert told.came == [FIRST + number for number in range(10)]
    assert lan.released == [(address, SERVER) for address in told.came]
    assert told.nobody == []


def test_the_next_run_waits_for_the_one_before() -> None:
    first_lan, second_lan, told = Lan(leasing(addresses(99))), Lan(leasing(addresses(99))), Told()
    first = told.leases(Dhcp(), first_lan)
    told.await_count(BATCH)
    second = told.leases(Dhcp(), second_lan, after=first)
    assert second_lan.sent == []

    first.stop()
    told.await_count(2 * BATCH)
    second.stop()
    second.join()
    assert len(first_lan.released) == len(second_lan.released) == BATCH


def test_a_server_with_some_leases_gives_those_and_no_others() -> None:
    lan, told = Lan(leasing(addresses(2))), Told()
    leases = told.leases(Dhcp(patience=(9.0,)), lan)
    told.await_count(2)

    leases.stop()
    leases.join()
    assert (told.came, told.nobody) == ([FIRST, FIRST + 1], [])


def test_without_a_server_there_are_other_addresses_of_169_254() -> None:
    lan, told = Lan(lambda _: None), Told()
    leases = told.leases(Dhcp(patience=()), lan)
    told.await_count(BATCH)
    leases.stop()
    leases.join()

    assert told.nobody == told.came[:1]
    assert len(set(told.came)) == BATCH
    assert all(IPv4Address("169.254.1.0") <= address < IPv4Address("169.254.255.0") for address in told.came)
    assert lan.released == []


def test_who_is_stopped_while_he_asks_tells_nobody() -> None:
    lan, told = Lan(lambda _: None), Told()
    leases = told.leases(Dhcp(), lan)
    wait_until(lambda: lan.sent, Deadline(3.0), lambda: AssertionError("it asks nobody"))

    leases.stop()
    leases.join()
    assert (told.came, told.nobody) == ([], [])


def test_inverted_servers() -> None:
    lan, told = Lan(leasing(addresses(9))), Told()
    leases = told.leases(Dhcp(batch=2, mark=b"LAB ", releases=False), lan)
    told.await_count(2)
    leases.stop()
    leases.join()
    assert lan.released == []
    assert options(lan.sent[0])[61].startswith(b"\1LAB ")

    lan, told = Lan(lambda _: None), Told()
    leases = told.leases(Dhcp(patience=(), falls_back=False), lan)
    leases.stop()
    leases.join()
    assert (told.came, told.nobody) == ([], [])
