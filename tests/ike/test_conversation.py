"""The rules of IKE_SA_INIT, against answers written by hand: the group that the server names, cookies, refusals, what is left unread."""

from __future__ import annotations

import struct

import pytest

from lab.ike import bodies
from lab.ike.bodies import Notify, notifies, notify, read_key_exchange
from lab.ike.conversation import Settings, nat_detection
from lab.ike.eap.peer import Code, Method, MethodPeer, Packet, decode
from lab.ike.errors import Malformed, Refused
from lab.ike.initiator import Initiator
from lab.ike.payloads import INITIATOR, RESPONSE, Header, Kind, Payload, decode_chain, decode_header, encode_message, required

LOCAL, REMOTE = ("203.0.113.20", 500), ("203.0.113.10", 500)


def new_initiator() -> Initiator:
    return Initiator(Settings(local=LOCAL, remote=REMOTE, identity="mac.example.test", remote_id="vpn.example.test",
                              by=lambda: MethodPeer("user", FakeMethod()), judge=lambda _: ""))


def answer(request: bytes, *payloads: Payload, spi_r: bytes = bytes(8), flags: int = RESPONSE, message_id: int = 0) -> bytes:
    header, _ = decode_header(request)
    return encode_message(Header(spi_i=header.spi_i, spi_r=spi_r, exchange=header.exchange, flags=flags, message_id=message_id), payloads)


def invalid_ke(group: int) -> Payload:
    return notify(Notify.INVALID_KE_PAYLOAD, struct.pack("!H", group))


def group_of(request: bytes) -> int:
    return read_key_exchange(required(decode_chain(decode_header(request)[1], request[28:]), Kind.KE))[0]


def test_the_group_that_the_server_names_is_taken_if_a_proposal_has_it() -> None:
    initiator = new_initiator()
    (first,) = initiator.start()
    (second,) = initiator.receive(answer(first, invalid_ke(19)))
    assert (group_of(first), group_of(second)) == (14, 19)
    assert initiator.pending


def test_a_group_that_no_proposal_has_is_met_by_the_same_request_and_then_by_giving_up() -> None:
    initiator = new_initiator()
    (first,) = initiator.start()
    (second,) = initiator.receive(answer(first, invalid_ke(21)))
    assert second == first
    assert initiator.receive(answer(second, invalid_ke(21))) == []
    with pytest.raises(Refused, match="group 21, which no proposal has"):
        _ = initiator.connection


def test_a_cookie_comes_back_before_everything_else() -> None:
    initiator = new_initiator()
    (first,) = initiator.start()
    (second,) = initiator.receive(answer(first, notify(Notify.COOKIE, b"cookie")))
    payloads = decode_chain(decode_header(second)[1], second[28:])
    assert notifies(payloads[:1]) == [(Notify.COOKIE, b"cookie")]
    assert payloads[1:] == decode_chain(decode_header(first)[1], first[28:])


def test_an_error_is_a_refusal_by_the_server_with_its_name() -> None:
    initiator = new_initiator()
    (first,) = initiator.start()
    assert initiator.receive(answer(first, notify(Notify.NO_PROPOSAL_CHOSEN))) == []
    with pytest.raises(Refused, match="NO_PROPOSAL_CHOSEN") as refusal:
        _ = initiator.connection
    assert (refusal.value.by, refusal.value.notify) == ("server", "NO_PROPOSAL_CHOSEN")


def test_a_nat_is_told_plainly() -> None:
    initiator = new_initiator()
    (first,) = initiator.start()
    spi_i = decode_header(first)[0].spi_i
    seen_as = notify(Notify.NAT_DETECTION_DESTINATION_IP, nat_detection(spi_i, b"r" * 8, ("198.51.100.1", 4711)))
    initiator.receive(answer(first, seen_as, spi_r=b"r" * 8))
    with pytest.raises(Refused, match=r"a NAT changes 203\.0\.113\.20:500"):
        _ = initiator.connection


def test_what_is_not_the_answer_is_left_unread() -> None:
    initiator = new_initiator()
    (first,) = initiator.start()
    stranger = encode_message(Header(spi_i=b"x" * 8, spi_r=bytes(8), exchange=34, flags=RESPONSE, message_id=0), [notify(Notify.INVALID_SYNTAX)])
    refusal = notify(Notify.INVALID_SYNTAX)
    for datagram in (b"", b"short", stranger, answer(first, refusal, message_id=1), answer(first, refusal, flags=INITIATOR | RESPONSE),
                     answer(first, refusal, flags=0), answer(first, refusal)[:-1]):
        assert initiator.receive(datagram) == []
    assert initiator.pending
    assert initiator.repeat() == [first]


def test_no_answer_is_nobodys_refusal() -> None:
    with pytest.raises(Refused, match="no answer") as refusal:
        _ = new_initiator().connection
    assert refusal.value.by == "nobody"


class FakeMethod:
    """Answers everything by its name; has a key after the first answer."""

    kind = Method.TLS
    told = ""
    msk = b""

    def answer(self, identifier: int, data: bytes) -> bytes:
        self.msk = b"key"
        return b"answer"


def test_a_peer_tells_who_it_is_and_naks_what_it_does_not_know() -> None:
    peer = MethodPeer("user", FakeMethod())
    asked = Packet(Code.REQUEST, 7, Method.IDENTITY).encode()
    said = peer.receive(asked)
    assert said == Packet(Code.RESPONSE, 7, Method.IDENTITY, b"user").encode()
    assert peer.receive(Packet(Code.REQUEST, 8, Method.MSCHAPV2, b"x").encode()) == Packet(Code.RESPONSE, 8, Method.NAK, bytes([13])).encode()
    assert peer.receive(Packet(Code.REQUEST, 9, Method.TLS).encode()) == Packet(Code.RESPONSE, 9, Method.TLS, b"answer").encode()
    assert peer.receive(Packet(Code.SUCCESS, 9).encode()) is None
    assert peer.msk == b"key"


def test_success_before_the_server_has_proved_itself_is_refused_and_so_is_failure() -> None:
    with pytest.raises(Refused, match="EAP made no key") as refusal:
        MethodPeer("user", FakeMethod()).receive(Packet(Code.SUCCESS, 1).encode())
    assert refusal.value.by == "client"
    with pytest.raises(Refused, match="EAP failure"):
        MethodPeer("user", FakeMethod()).receive(Packet(Code.FAILURE, 1).encode())


@pytest.mark.parametrize("packet", [b"", b"\1\1\0", b"\1\1\0\4", b"\1\1\0\6\1", b"\5\1\0\4", bodies.identification("x")])
def test_packets_that_are_none(packet: bytes) -> None:
    with pytest.raises(Malformed):
        decode(packet)
