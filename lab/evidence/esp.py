"""ESP packets as they are on the wire, in clear: in UDP or not, between which ends, how long (RFC 4303; RFC 3948 for ESP in UDP)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

ESP, UDP = 50, 17
ETHERNET, IP_LENGTH, IP_PROTOCOL, IP_SOURCE = 14, 2, 9, 12
"""Bytes of an Ethernet header; where length, protocol and addresses are in an IPv4 header."""
NAT_T_PORT = b"\x11\x94"
"""4500."""
KEEPALIVE = 9
"""Length of a UDP datagram with one byte (RFC 3948, 2.3); the frame itself may be padded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EspPacket:
    """One."""

    source: str
    destination: str
    length: int
    """Of the whole IP packet, bytes."""
    ports: tuple[int, int] | None
    """Source and destination port; None: not in UDP."""

    @property
    def in_udp(self) -> bool:
        """Whether it is encapsulated because of NAT."""
        return self.ports is not None


def esp_of(frame: bytes) -> EspPacket | None:
    """Return the ESP packet that an Ethernet frame carries; None if it carries another packet."""
    if len(frame) < ETHERNET + 20 or frame[12:14] != b"\x08\x00":
        return None
    protocol = frame[ETHERNET + IP_PROTOCOL]
    start = ETHERNET + (frame[ETHERNET] & 15) * 4
    source, destination = frame[start : start + 2], frame[start + 2 : start + 4]
    if protocol == UDP:
        marked = frame[start + 8 : start + 12] == bytes(4)  # the non-ESP marker: IKE on 4500
        if NAT_T_PORT not in (source, destination) or marked or _number(frame[start + 4 : start + 6]) <= KEEPALIVE:
            return None
    elif protocol != ESP:
        return None
    addresses = frame[ETHERNET + IP_SOURCE : ETHERNET + IP_SOURCE + 8]
    return EspPacket(
        source=str(IPv4Address(addresses[:4])), destination=str(IPv4Address(addresses[4:])),
        length=_number(frame[ETHERNET + IP_LENGTH : ETHERNET + IP_LENGTH + 2]),
        ports=(_number(source), _number(destination)) if protocol == UDP else None,
    )


def _number(big_endian: bytes) -> int:
    return int.from_bytes(big_endian, "big")
