"""How many bytes a tunnel puts around an inner IPv4 packet, layer by layer: the formula, and the same read from a frame of the wire.

Sizes are of IPv4 packets, without Ethernet. ESP pads its plaintext and two bytes of trailer to the cipher's block (RFC 4303, 2.4); L2TP/IPsec
puts UDP, L2TP's data header and PPP's into ESP in transport mode (RFC 3193), IKEv2 the packet itself in tunnel mode. L2TP's data header has
eight bytes with the length bit, which a Mac always sets (ppp-847, l2tp_rfc.c), and six without it (Linux's kernel; Windows, inferred); PPP's
header has four, three, two or one, as the receiver has allowed compression of its two fields (RFC 1661, 6.5 and 6.6).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.errors import ConfigError, EvidenceError
from lab.evidence.dissect import Frame

IPV4, UDP = 20, 8
LENGTH_BIT, SEQUENCE_BIT, OFFSET_BIT = 0x4000, 0x0800, 0x0200
"""Of L2TP's flags (RFC 2661, 3.1)."""
CONTROL_BIT = 0x8000
ADDRESS_AND_CONTROL = b"\xff\x03"
PROTOCOLS = (b"\x00\x21", b"\x21")
"""IPv4 in PPP, whole and compressed."""


class LayerName(StrEnum):
    """The layers, from the outside in; what ESP has after the packet comes last."""

    OUTER_IP = "outer IP"
    NAT_T = "UDP 4500"
    ESP = "ESP SPI and sequence"
    IV = "ESP IV"
    UDP = "UDP 1701"
    L2TP = "L2TP data header"
    PPP = "PPP"
    PACKET = "inner IP packet"
    PADDING = "ESP padding"
    TRAILER = "ESP trailer"
    ICV = "ESP ICV"


INSIDE = (LayerName.UDP, LayerName.L2TP, LayerName.PPP)
"""Headers that stand inside ESP before the packet."""
Layers = dict[LayerName, int]
"""Bytes of each layer that is there, in the order of the wire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EspSuite:
    """Sizes of an ESP suite, bytes."""

    block: int
    iv: int
    icv: int


CIPHERS = {"AES_CBC": (16, 16), "3DES_CBC": (8, 8)}
"""Block and IV by charon's names (RFC 3602, 2451)."""
INTEGRITIES = {"HMAC_MD5_96": 12, "HMAC_SHA1_96": 12, "HMAC_SHA2_256_128": 16, "HMAC_SHA2_384_192": 24}
"""ICV (RFC 2403, 2404, 4868)."""


def esp_suite(name: str) -> EspSuite:
    """Return the sizes of a suite by charon's name, "AES_CBC-256/HMAC_SHA1_96"; the key's length changes none. Raises ConfigError."""
    cipher, _, integrity = name.partition("/")
    cipher = cipher.partition("-")[0]
    if cipher not in CIPHERS or integrity not in INTEGRITIES:
        raise ConfigError(f"the sizes of the ESP suite {name!r} are not known", hint=f"{', '.join(CIPHERS)} with {', '.join(INTEGRITIES)} are")
    block, iv = CIPHERS[cipher]
    return EspSuite(block=block, iv=iv, icv=INTEGRITIES[integrity])


def by_ikev2(size: int, suite: EspSuite, *, nat: bool = False) -> Layers:
    """Return the layers of an inner packet of so many bytes in an IKEv2 tunnel; `nat`: ESP in UDP."""
    return _by_esp(size, {}, suite, nat=nat)


def by_l2tp(size: int, suite: EspSuite, *, l2tp_header: int, ppp_header: int, nat: bool = False) -> Layers:
    """Return the layers of an inner packet in L2TP/IPsec.

    Args:
        size: of the packet, bytes.
        suite: of the ESP SA.
        l2tp_header: size of L2TP's data header: 8 from a Mac.
        ppp_header: size of PPP's header: 1 to 4.
        nat: ESP in UDP.
    """
    return _by_esp(size, {LayerName.UDP: UDP, LayerName.L2TP: l2tp_header, LayerName.PPP: ppp_header}, suite, nat=nat)


def _by_esp(size: int, headers: Layers, suite: EspSuite, *, nat: bool) -> Layers:
    padding = -(sum(headers.values()) + size + 2) % suite.block
    return {
        LayerName.OUTER_IP: IPV4, **({LayerName.NAT_T: UDP} if nat else {}), LayerName.ESP: 8, LayerName.IV: suite.iv, **headers,
        LayerName.PACKET: size, LayerName.PADDING: padding, LayerName.TRAILER: 2, LayerName.ICV: suite.icv,
    }


def outer_size(layers: Layers) -> int:
    """Return the size of the whole outer packet."""
    return sum(layers.values())


def headers_inside(layers: Layers) -> int:
    """Return the bytes of headers inside ESP before the packet."""
    return sum(layers.get(name, 0) for name in INSIDE)


# -- from the wire ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A packet of the wire, taken apart."""

    source: str
    """Outer source address."""
    outer: int
    """Size of the outer packet as its own header says it."""
    layers: Layers

    @property
    def size(self) -> int:
        """Size of the inner packet."""
        return self.layers[LayerName.PACKET]


def measured(frame: Frame) -> Measured | None:
    """Return the layers of a frame; None for one that is no decrypted ESP packet with an inner IPv4 packet in it.

    Raises:
        EvidenceError: the layers do not add up to the outer packet's size.
    """
    plain = _bytes(frame, "esp.contained_data")
    if not plain:
        return None
    headers = {} if _is_ipv4(plain) else _l2tp_headers(plain)
    if headers is None:
        return None
    nat = {LayerName.NAT_T: UDP} if "udp" in frame.protocols[: frame.protocols.index("esp")] else {}
    layers: Layers = {
        LayerName.OUTER_IP: int(frame.first("ip.hdr_len")), **nat, LayerName.ESP: 8, LayerName.IV: len(_bytes(frame, "esp.iv")), **headers,
        LayerName.PACKET: len(plain) - sum(headers.values()), LayerName.PADDING: int(frame.first("esp.pad_len")), LayerName.TRAILER: 2,
        LayerName.ICV: len(_bytes(frame, "esp.icv")),
    }
    outer = int(frame.first("ip.len"))
    if outer != outer_size(layers):
        raise EvidenceError(f"frame {frame.number}: its layers have {outer_size(layers)} bytes, its outer packet {outer}", evidence=str(layers))
    return Measured(source=frame.first("ip.src"), outer=outer, layers=layers)


def _bytes(frame: Frame, name: str) -> bytes:
    return bytes.fromhex(frame.first(name).replace(":", ""))


def _is_ipv4(data: bytes) -> bool:
    """Whether an IPv4 packet is all of the data: its header says how long it is."""
    return len(data) >= IPV4 and data[0] >> 4 == 4 and int.from_bytes(data[2:4], "big") == len(data)


def _l2tp_headers(plain: bytes) -> Layers | None:
    """Return the headers before an IPv4 packet in PPP in L2TP in UDP; None for a message of L2TP's or PPP's own."""
    flags = int.from_bytes(plain[UDP : UDP + 2], "big")
    if flags & CONTROL_BIT:
        return None
    l2tp = 2 + (2 if flags & LENGTH_BIT else 0) + 4 + (4 if flags & SEQUENCE_BIT else 0)
    if flags & OFFSET_BIT:
        l2tp += 2 + int.from_bytes(plain[UDP + l2tp : UDP + l2tp + 2], "big")
    rest = plain[UDP + l2tp :]
    shown = len(ADDRESS_AND_CONTROL) if rest.startswith(ADDRESS_AND_CONTROL) else 0
    for protocol in PROTOCOLS:
        ppp = shown + len(protocol)
        if rest[shown:].startswith(protocol) and _is_ipv4(rest[ppp:]):
            return {LayerName.UDP: UDP, LayerName.L2TP: l2tp, LayerName.PPP: ppp}
    return None


# -- to be read ---------------------------------------------------------------------------------------------------------


def table(columns: Sequence[tuple[str, Iterable[Layers]]]) -> str:
    """Return a table for people: a line for each inner size, for each way its outer size, the bytes added, and the ratio.

    Args:
        columns: the ways by name, each with the layers of every size, the same sizes in the same order.
    """
    rows = list(zip(*(ways for _, ways in columns), strict=True))
    wide = max(28, *(len(name) for name, _ in columns))
    lines = ["inner   " + "  ".join(name.rjust(wide) for name, _ in columns)]
    for row in rows:
        size = row[0][LayerName.PACKET]
        cells = (f"{outer_size(one)} (+{outer_size(one) - size}, {outer_size(one) / size:.3f})" for one in row)
        lines.append(f"{size:5}   " + "  ".join(cell.rjust(wide) for cell in cells))
    lines += ["", *(f"{name}: " + ", ".join(f"{layer.value} {count}" for layer, count in rows[0][number].items())
                    for number, (name, _) in enumerate(columns))]
    return "\n".join(lines) + "\n"
