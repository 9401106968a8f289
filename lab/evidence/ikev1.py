"""IKEv1 messages in domain words: what a test asks of phase 1 (RFC 2408, RFC 2409). Only what is sent in clear is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.evidence.dissect import Frame
from lab.probe.probe import JSON

VERSION = "0x10"
EXCHANGES = {1: "base", 2: "main mode", 4: "aggressive mode", 5: "informational", 6: "transaction", 32: "quick mode"}
"""RFC 2408, 3.1; 6: Mode Config and XAUTH (draft-ietf-ipsec-isakmp-mode-cfg); 32: RFC 2409, 5.5."""
PAYLOADS = {1: "SA", 4: "KE", 5: "ID", 6: "CERT", 7: "CERTREQ", 8: "HASH", 9: "SIG", 10: "Nonce", 11: "N", 12: "D", 13: "V", 20: "NAT-D", 21: "NAT-OA"}
NOTIFIES = {7: "INVALID_EXCHANGE_TYPE", 14: "NO_PROPOSAL_CHOSEN", 16: "PAYLOAD_MALFORMED", 18: "INVALID_ID_INFORMATION", 24: "AUTHENTICATION_FAILED"}
CIPHERS = {1: "DES", 5: "3DES", 7: "AES"}
HASHES = {1: "MD5", 2: "SHA1", 4: "SHA256", 5: "SHA384", 6: "SHA512"}
ENCRYPTED = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """A transform of phase 1."""

    suite: str
    """Cipher, hash, group: "AES-256/SHA1/14"; the group by its number."""
    authentication: int
    """Method: 1 shared secret, 3 RSA signatures; 65001 and 65005 the same with XAUTH (draft-beaulieu-ike-xauth)."""
    seconds: int
    """Lifetime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ikev1Message:
    """One message."""

    source: str
    destination: str
    exchange: str
    initiator: str
    """The initiator's cookie."""
    encrypted: bool
    payloads: tuple[str, ...]
    """Names, in their order; of an encrypted message none."""
    transforms: tuple[Transform, ...]
    vendor_ids: tuple[str, ...]
    """In hexadecimal, in their order."""
    notifies: tuple[str, ...]
    octets: int
    """Length by the header."""


def ikev1_messages(frames: list[Frame]) -> list[Ikev1Message]:
    """Return the IKEv1 messages of a capture, in their order."""
    return [_message(frame) for frame in frames if "isakmp" in frame.layers and frame.first("isakmp.version") == VERSION]


def _message(frame: Frame) -> Ikev1Message:
    encrypted = bool(int(frame.first("isakmp.flags"), 16) & ENCRYPTED)
    kinds = [] if encrypted else [int(str(value)) for value in frame.find("isakmp.typepayload")]
    exchange = int(frame.first("isakmp.exchangetype"))
    return Ikev1Message(
        source=frame.first("ip.src"), destination=frame.first("ip.dst"), exchange=EXCHANGES.get(exchange, str(exchange)), encrypted=encrypted,
        initiator=frame.first("isakmp.ispi").replace(":", ""),
        payloads=tuple(PAYLOADS[kind] for kind in kinds if kind in PAYLOADS),
        transforms=tuple(_transform(node) for node in _transforms(frame.layers["isakmp"])),
        vendor_ids=tuple(str(value).replace(":", "") for value in frame.find("isakmp.vid_bytes")),
        notifies=tuple(NOTIFIES.get(int(str(value)), str(value)) for value in frame.find("isakmp.notify.msgtype")),
        octets=int(frame.first("isakmp.length")),
    )


def _transforms(node: JSON) -> Iterator[Mapping[str, JSON]]:
    """Yield the object of every transform, in order."""
    if isinstance(node, list):
        for one in node:
            yield from _transforms(one)
    elif isinstance(node, dict):
        if "isakmp.ike.attr" in node:
            yield node
        for one in node.values():
            yield from _transforms(one)


def _transform(node: Mapping[str, JSON]) -> Transform:
    """Attributes by their number (RFC 2409, appendix A): 1 cipher, 2 hash, 3 authentication, 4 group, 12 lifetime, 14 length of the key."""
    attributes: dict[int, int] = {}
    listed = node["isakmp.ike.attr"]
    for one in listed if isinstance(listed, list) else [listed]:
        if isinstance(one, dict):
            kind, value = int(str(one["isakmp.ike.attr.type"])), str(one["isakmp.ike.attr.value"]).replace(":", "")
            attributes[kind] = int(value, 16)
    cipher = CIPHERS.get(attributes.get(1, 0), str(attributes.get(1, 0)))
    size = f"-{attributes[14]}" if 14 in attributes else ""
    digest = HASHES.get(attributes.get(2, 0), str(attributes.get(2, 0)))
    return Transform(suite=f"{cipher}{size}/{digest}/{attributes.get(4, 0)}", authentication=attributes.get(3, 0), seconds=attributes.get(12, 0))
