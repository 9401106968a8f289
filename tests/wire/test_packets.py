"""Packets that the probe makes and reads: checksums, echo, ARP, DNS, DHCPINFORM; by the RFCs' examples and byte by byte."""

from __future__ import annotations

import dns.message
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.wire import packets

MAC, OTHER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")


def test_the_example_of_rfc_1071() -> None:
    assert packets.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF ^ 0xDDF2


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=1500))
def test_data_with_its_checksum_sums_up_to_zero(data: bytes) -> None:
    padded = data + bytes(len(data) % 2)

    assert packets.checksum(padded + packets.checksum(data).to_bytes(2, "big")) == 0


@settings(deadline=None, max_examples=60)
@given(identifier=st.integers(0, 0xFFFF), sequence=st.integers(0, 0xFFFF), payload=st.binary(max_size=100))
def test_an_echo_request_has_a_right_checksum_and_its_payload(identifier: int, sequence: int, payload: bytes) -> None:
    packet = packets.icmp_echo(identifier, sequence, payload)

    assert packet[:2] == b"\x08\x00"
    assert packet[4:8] == identifier.to_bytes(2, "big") + sequence.to_bytes(2, "big")
    assert packet[8:] == payload
    assert packets.checksum(packet) == 0


def test_an_arp_request_byte_by_byte() -> None:
    assert packets.arp_request(MAC, "192.168.77.30", "192.168.77.201") == bytes.fromhex(
        "ffffffffffff 020000000001 0806"
        "0001 0800 06 04 0001 020000000001 c0a84d1e 000000000000 c0a84dc9")


def reply(address: str = "c0a84dc9", operation: str = "0002") -> bytes:
    return bytes.fromhex(f"020000000001 020000000002 0806 0001 0800 06 04 {operation} 020000000002 {address} 020000000001 c0a84d1e")


def test_an_arp_reply_tells_address_and_mac() -> None:
    assert packets.arp_answer(reply()) == ("192.168.77.201", OTHER.hex(":"))
    assert packets.arp_answer(reply() + bytes(18)) == ("192.168.77.201", OTHER.hex(":"))  # padded to the smallest frame


@pytest.mark.parametrize("frame", [b"", reply()[:41], reply(operation="0001"), reply()[:12] + b"\x08\x00" + reply()[14:]])
def test_any_other_frame_is_no_answer(frame: bytes) -> None:
    assert packets.arp_answer(frame) is None


def test_a_dns_query_is_read_by_another_implementation() -> None:
    query = dns.message.from_wire(packets.dns_query(0x1234, "vpn.example.test."))

    assert query.id == 0x1234
    assert [str(question) for question in query.question] == ["vpn.example.test. IN A"]
    assert packets.dns_query(1, "a.b") == packets.dns_query(1, "a.b.")


@pytest.mark.parametrize(("records", "addresses"), [
    ([], []),
    ([("vpn.example.test.", "A", "203.0.113.10")], ["203.0.113.10"]),
    ([("vpn.example.test.", "A", "203.0.113.10"), ("vpn.example.test.", "A", "203.0.113.11")], ["203.0.113.10", "203.0.113.11"]),
    ([("vpn.example.test.", "CNAME", "other.example.test."), ("other.example.test.", "A", "203.0.113.12")], ["203.0.113.12"]),
    ([("vpn.example.test.", "AAAA", "2001:db8::1")], []),
])
def test_addresses_of_an_answer_are_read_through_compressed_names(records: list[tuple[str, str, str]], addresses: list[str]) -> None:
    answer = dns.message.make_response(dns.message.from_wire(packets.dns_query(7, "vpn.example.test")))
    answer.answer = [dns.rrset.from_text(name, 60, "IN", kind, data) for name, kind, data in records]

    assert packets.dns_addresses(answer.to_wire()) == addresses


def test_dhcpinform_is_a_macs() -> None:
    packet = packets.dhcp_inform("192.168.77.209", transaction=0x01020304)

    assert packets.checksum(packet[:20]) == 0
    assert len(packet) == int.from_bytes(packet[2:4], "big")
    assert (packet[9], packet[12:16], packet[16:20]) == (17, bytes([192, 168, 77, 209]), b"\xff" * 4)
    assert packet[20:24] == bytes.fromhex("00440043")
    assert int.from_bytes(packet[24:26], "big") == len(packet) - 20
    message = packet[28:]
    assert (message[:2], message[4:8], message[12:16]) == (bytes([1, 8]), b"\1\2\3\4", bytes([192, 168, 77, 209]))
    assert message[236:] == bytes.fromhex("63825363 350108 3d0708000000000001 3706062c2b01f90f ff")


def test_a_udp_datagram_is_read_back_by_its_ports_only() -> None:
    datagram = packets.udp(("203.0.113.20", 500), ("203.0.113.10", 4500), b"payload")
    packet = bytes([0x45]) + bytes(19) + datagram
    pseudo = bytes([203, 0, 113, 20, 203, 0, 113, 10, 0, 17, 0, len(datagram)])
    assert packets.checksum(pseudo + datagram) == 0
    assert packets.udp_payload(packet, source_port=500, destination_port=4500) == b"payload"
    assert packets.udp_payload(packet, source_port=500, destination_port=500) is None
    assert packets.udp_payload(packet[:24], source_port=500, destination_port=4500) is None
