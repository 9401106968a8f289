"""Packets that the probe makes and reads itself: ICMP echo, UDP, ARP, DNS, DHCPINFORM."""

from __future__ import annotations

import socket
import struct

ETH_P_IP, ETH_P_ARP, ETH_P_ALL = 0x0800, 0x0806, 0x0003
BROADCAST = b"\xff" * 6
ARP = struct.Struct("!HHBBH6s4s6s4s")
ICMP_ECHO, ICMP_ECHO_REPLY = 8, 0
DHCP_COOKIE = b"\x63\x82\x53\x63"


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def icmp_echo(identifier: int, sequence: int, payload: bytes) -> bytes:
    """Return an ICMP echo request (RFC 792)."""
    blank = struct.pack("!BBHHH", ICMP_ECHO, 0, 0, identifier, sequence) + payload
    return blank[:2] + struct.pack("!H", checksum(blank)) + blank[4:]


def udp(source: tuple[str, int], destination: tuple[str, int], payload: bytes) -> bytes:
    """Return a UDP datagram (RFC 768) for a raw socket, which puts the IP header before it."""
    length = 8 + len(payload)
    pseudo = socket.inet_aton(source[0]) + socket.inet_aton(destination[0]) + struct.pack("!HH", socket.IPPROTO_UDP, length)
    blank = struct.pack("!HHHH", source[1], destination[1], length, 0) + payload
    return blank[:6] + struct.pack("!H", checksum(pseudo + blank) or 0xFFFF) + payload


def udp_payload(packet: bytes, *, source_port: int, destination_port: int) -> bytes | None:
    """Return what a UDP packet with these ports carries, from an IPv4 packet as a raw socket gives it; None for any other packet."""
    start = 4 * (packet[0] & 15) if packet else 0
    if len(packet) < start + 8 or struct.unpack_from("!HH", packet, start) != (source_port, destination_port):
        return None
    return packet[start + 8 : start + int.from_bytes(packet[start + 4 : start + 6], "big")]


def arp_request(mac: bytes, source: str, wanted: str) -> bytes:
    """Return a broadcast Ethernet frame that asks who has an address (RFC 826)."""
    body = ARP.pack(1, 0x0800, 6, 4, 1, mac, socket.inet_aton(source), bytes(6), socket.inet_aton(wanted))
    return BROADCAST + mac + struct.pack("!H", ETH_P_ARP) + body


def arp_answer(frame: bytes) -> tuple[str, str] | None:
    """Return the address and MAC that an ARP reply tells; None for any other frame."""
    if len(frame) < 14 + ARP.size or frame[12:14] != b"\x08\x06":
        return None
    _, _, _, _, operation, mac, address, _, _ = ARP.unpack_from(frame, 14)
    return (socket.inet_ntoa(address), mac.hex(":")) if operation == 2 else None


def dns_query(identifier: int, name: str) -> bytes:
    """Return a query for the A record of a name (RFC 1035)."""
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.rstrip(".").split("."))
    return struct.pack("!HHHHHH", identifier, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


def dns_addresses(answer: bytes) -> list[str]:
    """Return the addresses in the A records of an answer."""
    _, _, questions, records, _, _ = struct.unpack_from("!HHHHHH", answer)
    position = 12
    for _ in range(questions):
        position = _after_name(answer, position) + 4
    found = []
    for _ in range(records):
        position = _after_name(answer, position)
        kind, _, _, length = struct.unpack_from("!HHIH", answer, position)
        position += 10
        if kind == 1:
            found.append(socket.inet_ntoa(answer[position : position + 4]))
        position += length
    return found


def _after_name(message: bytes, position: int) -> int:
    while message[position]:
        if message[position] >= 0xC0:
            return position + 2
        position += 1 + message[position]
    return position + 1


def dhcp_inform(address: str, *, transaction: int) -> bytes:
    """Return the IPv4 packet with which a Mac asks for routes inside PPP (RFC 2131, 4.4.3; options as its ppp-847 sends them): parameters
    6, 44, 43, 1, 249, 15, a client identifier of hardware type 8."""
    own = socket.inet_aton(address)
    options = bytes([53, 1, 8, 61, 7, 8, 0, 0, 0, 0, 0, 1, 55, 6, 6, 44, 43, 1, 249, 15, 255])
    message = struct.pack("!BBBBIHH4s", 1, 8, 6, 0, transaction, 0, 0, own) + bytes(12 + 16 + 64 + 128) + DHCP_COOKIE + options
    datagram = struct.pack("!HHHH", 68, 67, 8 + len(message), 0) + message  # no checksum: RFC 768 allows it
    blank = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, socket.IPPROTO_UDP, 0, own, b"\xff" * 4)
    return blank[:10] + struct.pack("!H", checksum(blank)) + blank[12:] + datagram
