"""Bodies of payloads: KE, notify, identification, AUTH, certificates, configuration, traffic selectors, delete (RFC 7296, 3.4 to 3.15)."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from lab.ike.errors import Malformed
from lab.ike.payloads import Kind, Payload

PROTOCOL_IKE, PROTOCOL_ESP = 1, 3
X509_SIGNATURE = 4
AUTH_RSA, AUTH_SHARED_KEY = 1, 2
ID_IPV4, ID_FQDN, ID_EMAIL, ID_IPV6, ID_DN = 1, 2, 3, 5, 9
CFG_REQUEST, CFG_REPLY = 1, 2
TS_IPV4, TS_IPV6 = 7, 8
ERRORS_END = 16384
"""Notifies below are errors (3.10.1)."""


class Notify(IntEnum):
    """Types of notify that are understood here."""

    UNSUPPORTED_CRITICAL_PAYLOAD = 1
    INVALID_SYNTAX = 7
    NO_PROPOSAL_CHOSEN = 14
    INVALID_KE_PAYLOAD = 17
    AUTHENTICATION_FAILED = 24
    SINGLE_PAIR_REQUIRED = 34
    NO_ADDITIONAL_SAS = 35
    INTERNAL_ADDRESS_FAILURE = 36
    FAILED_CP_REQUIRED = 37
    TS_UNACCEPTABLE = 38
    INITIAL_CONTACT = 16384
    NAT_DETECTION_SOURCE_IP = 16388
    NAT_DETECTION_DESTINATION_IP = 16389
    COOKIE = 16390
    ESP_TFC_PADDING_NOT_SUPPORTED = 16394
    NON_FIRST_FRAGMENTS_ALSO = 16395
    MOBIKE_SUPPORTED = 16396
    REDIRECT_SUPPORTED = 16406
    REDIRECT = 16407
    IKEV2_FRAGMENTATION_SUPPORTED = 16430


class Attribute(IntEnum):
    """Types of configuration attribute."""

    INTERNAL_IP4_ADDRESS = 1
    INTERNAL_IP4_NETMASK = 2
    INTERNAL_IP4_DNS = 3
    INTERNAL_IP4_DHCP = 6
    INTERNAL_IP6_ADDRESS = 8
    INTERNAL_IP6_DNS = 10
    INTERNAL_IP6_DHCP = 12
    INTERNAL_DNS_DOMAIN = 25


def notify(kind: int, data: bytes = b"", *, protocol: int = 0) -> Payload:
    """Return a notify payload without SPI."""
    return Payload(Kind.NOTIFY, struct.pack("!BBH", protocol, 0, kind) + data)


def notifies(payloads: Sequence[Payload]) -> list[tuple[int, bytes]]:
    """Return type and data of every notify. Raises Malformed."""
    found = []
    for payload in payloads:
        if payload.kind == Kind.NOTIFY:
            if len(payload.body) < 4 or len(payload.body) < 4 + payload.body[1]:
                raise Malformed(f"a notify payload of {len(payload.body)} bytes is too short")
            found.append((int.from_bytes(payload.body[2:4], "big"), payload.body[4 + payload.body[1] :]))
    return found


def name_of(kind: int) -> str:
    """Return a notify's IANA name, its number when it is not known here."""
    return Notify(kind).name if kind in frozenset(map(int, Notify)) else f"notify {kind}"


def key_exchange(group: int, public: bytes) -> Payload:
    """Return a KE payload."""
    return Payload(Kind.KE, struct.pack("!HH", group, 0) + public)


def read_key_exchange(body: bytes) -> tuple[int, bytes]:
    """Return group and public value. Raises Malformed."""
    if len(body) < 5:
        raise Malformed("a KE payload without public value")
    return int.from_bytes(body[:2], "big"), body[4:]


def identification(name: str) -> bytes:
    """Return the body of IDi or IDr for what a Mac's field says: an address, a name with "@", any other name."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return bytes([ID_EMAIL if "@" in name else ID_FQDN, 0, 0, 0]) + name.encode()
    return bytes([ID_IPV4 if address.version == 4 else ID_IPV6, 0, 0, 0]) + address.packed


def read_identification(body: bytes) -> tuple[int, bytes]:
    """Return type and data of IDi or IDr. Raises Malformed."""
    if len(body) < 5:
        raise Malformed("an identification payload without a name")
    return body[0], body[4:]


def read_auth(body: bytes) -> tuple[int, bytes]:
    """Return method and data of AUTH. Raises Malformed."""
    if len(body) < 5:
        raise Malformed("an AUTH payload without data")
    return body[0], body[4:]


def certificates(payloads: Sequence[Payload]) -> list[bytes]:
    """Return the X.509 certificates (DER) of an answer, the server's own first."""
    return [payload.body[1:] for payload in payloads if payload.kind == Kind.CERT and payload.body[:1] == bytes([X509_SIGNATURE])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a CFG_REPLY gives."""

    addresses: tuple[IPv4Address, ...] = ()
    netmasks: tuple[IPv4Address, ...] = ()
    dns: tuple[IPv4Address, ...] = ()
    others: tuple[tuple[int, bytes], ...] = field(default=())
    """Attributes of other types, as they came."""


def configuration_request(attributes: Sequence[int]) -> Payload:
    """Return a CFG_REQUEST that asks for attributes, all without value."""
    return Payload(Kind.CP, bytes([CFG_REQUEST, 0, 0, 0]) + b"".join(struct.pack("!HH", kind, 0) for kind in attributes))


def read_configuration(body: bytes) -> Configuration:
    """Return what a CFG_REPLY gives. Raises Malformed."""
    if len(body) < 4 or body[0] != CFG_REPLY:
        raise Malformed("a configuration payload that is no CFG_REPLY")
    found: dict[int, list[IPv4Address]] = {Attribute.INTERNAL_IP4_ADDRESS: [], Attribute.INTERNAL_IP4_NETMASK: [], Attribute.INTERNAL_IP4_DNS: []}
    others, position = [], 4
    while position < len(body):
        if position + 4 > len(body):
            raise Malformed("a configuration attribute is cut off")
        kind, length = struct.unpack_from("!HH", body, position)
        value = body[position + 4 : position + 4 + length]
        if len(value) != length:
            raise Malformed(f"configuration attribute {kind & 0x7FFF} says that it has {length} bytes, {len(value)} are left")
        position += 4 + length
        if (kind & 0x7FFF) in found and length == 4:
            found[kind & 0x7FFF].append(IPv4Address(value))
        else:
            others.append((kind & 0x7FFF, value))
    return Configuration(addresses=tuple(found[Attribute.INTERNAL_IP4_ADDRESS]), netmasks=tuple(found[Attribute.INTERNAL_IP4_NETMASK]),
                         dns=tuple(found[Attribute.INTERNAL_IP4_DNS]), others=tuple(others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A range of addresses; of every protocol and port unless said otherwise."""

    first: str
    last: str
    protocol: int = 0
    ports: tuple[int, int] = (0, 65535)

    def networks(self) -> list[IPv4Network | IPv6Network]:
        """Return the range as networks."""
        first, last = ipaddress.ip_address(self.first), ipaddress.ip_address(self.last)
        return list(ipaddress.summarize_address_range(first, last))


def everything() -> tuple[Selector, Selector]:
    """Return selectors of all IPv4 and all IPv6."""
    return (Selector(first="0.0.0.0", last="255.255.255.255"), Selector(first="::", last="ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))


def selectors(kind: Kind, wanted: Sequence[Selector]) -> Payload:
    """Return TSi or TSr."""
    body = bytes([len(wanted), 0, 0, 0])
    for one in wanted:
        first, last = ipaddress.ip_address(one.first), ipaddress.ip_address(one.last)
        body += struct.pack("!BBHHH", TS_IPV4 if first.version == 4 else TS_IPV6, one.protocol, 8 + 2 * len(first.packed), *one.ports)
        body += first.packed + last.packed
    return Payload(kind, body)


def read_selectors(body: bytes) -> tuple[Selector, ...]:
    """Return the selectors of TSi or TSr. Raises Malformed."""
    if len(body) < 4:
        raise Malformed("a traffic selector payload without selectors")
    found, position = [], 4
    for _ in range(body[0]):
        if position + 8 > len(body):
            raise Malformed("a traffic selector is cut off")
        kind, protocol, length, first_port, last_port = struct.unpack_from("!BBHHH", body, position)
        size = {TS_IPV4: 4, TS_IPV6: 16}.get(kind)
        addresses = body[position + 8 : position + length]
        if size is None or length != 8 + 2 * size or len(addresses) != 2 * size:
            raise Malformed(f"a traffic selector of type {kind} with {length} bytes")
        first, last = ipaddress.ip_address(addresses[:size]), ipaddress.ip_address(addresses[size:])
        if int(first) > int(last):
            raise Malformed(f"a traffic selector from {first} to {last} is empty")
        found.append(Selector(first=str(first), last=str(last), protocol=protocol, ports=(first_port, last_port)))
        position += length
    if position != len(body):
        raise Malformed("bytes follow the last traffic selector")
    return tuple(found)


def delete_ike() -> Payload:
    """Return the delete payload for the IKE SA itself."""
    return Payload(Kind.DELETE, struct.pack("!BBH", PROTOCOL_IKE, 0, 0))
