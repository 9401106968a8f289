"""ESP tunnels in the kernel: the pair of security associations and the policies that lead into it (linux/xfrm.h). For an initiator of our own;
charon installs its own."""

from __future__ import annotations

import errno
import socket
import struct

from lab.wire.netlink.message import NETLINK_XFRM, Netlink, NetlinkError, attribute
from lab.wire.netlink.xfrm import (
    DIRECTIONS,
    IPPROTO_ESP,
    NO_LIMIT,
    XFRM_MSG_DELPOLICY,
    XFRM_MSG_UPDPOLICY,
    XFRMA_TMPL,
    selecting,
)

XFRM_MSG_NEWSA, XFRM_MSG_DELSA = 0x10, 0x11
XFRMA_ALG_CRYPT, XFRMA_ALG_AUTH_TRUNC = 2, 20
MODE_TUNNEL = 1
REPLAY_WINDOW = 32
PRIORITY = 200_000
"""Of a policy: before those that block (xfrm.BLOCK_PRIORITY)."""
REQID = 0x6D6163
"""Ties the policies to the associations; charon counts its own from 1."""
ANY = "0.0.0.0/0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    class Algorithms(TypedDict):
        """Names as the kernel's crypto layer has them, keys, and how many bits of the check are sent."""

        cipher: str
        cipher_key: bytes
        integrity: str
        integrity_key: bytes
        check_bits: int


def _limits() -> bytes:
    """Encode struct xfrm_lifetime_cfg without limits, and struct xfrm_lifetime_cur at zero."""
    return struct.pack("=QQQQQQQQ", *[NO_LIMIT] * 4, 0, 0, 0, 0) + bytes(32)


def _id(destination: str, spi: bytes) -> bytes:
    """Encode struct xfrm_id."""
    return struct.pack("=4s12x4sB3x", socket.inet_aton(destination), spi, IPPROTO_ESP)


def encode_association(source: str, destination: str, spi: bytes, algorithms: Algorithms) -> bytes:
    """Return struct xfrm_usersa_info with its attributes, for one direction in tunnel mode."""
    body = selecting(ANY, ANY) + _id(destination, spi) + struct.pack("=4s12x", socket.inet_aton(source)) + _limits()
    body += struct.pack("=IIIIIHBBB7x", 0, 0, 0, 0, REQID, socket.AF_INET, MODE_TUNNEL, REPLAY_WINDOW, 0)
    cipher, integrity = algorithms["cipher_key"], algorithms["integrity_key"]
    body += attribute(XFRMA_ALG_CRYPT, struct.pack("=64sI", algorithms["cipher"].encode(), 8 * len(cipher)) + cipher)
    check = struct.pack("=64sII", algorithms["integrity"].encode(), 8 * len(integrity), algorithms["check_bits"])
    return body + attribute(XFRMA_ALG_AUTH_TRUNC, check + integrity)


def _policy(direction: str, inner: tuple[str, str], outer: tuple[str, str]) -> bytes:
    """Encode struct xfrm_userpolicy_info with a template: what goes from inner[0] to inner[1] travels from outer[0] to outer[1]."""
    rest = struct.pack("=IIBBBB4x", PRIORITY, 0, DIRECTIONS.index(direction), 0, 0, 0)
    every = 0xFFFFFFFF
    template = struct.pack("=4s12x4sB3xH2x4s12xIBBBxIII", socket.inet_aton(outer[1]), bytes(4), IPPROTO_ESP, socket.AF_INET,
                           socket.inet_aton(outer[0]), REQID, MODE_TUNNEL, 0, 0, every, every, every)
    return selecting(*inner) + _limits() + rest + attribute(XFRMA_TMPL, template)


def add_association(source: str, destination: str, spi: bytes, algorithms: Algorithms) -> None:
    """Install one direction. Raises NetlinkError."""
    with Netlink(NETLINK_XFRM) as netlink:
        netlink.request(f"add security association {spi.hex()}", XFRM_MSG_NEWSA, encode_association(source, destination, spi, algorithms))


def delete_association(destination: str, spi: bytes) -> None:
    """Remove one direction; it may be gone already. Raises NetlinkError."""
    identity = struct.pack("=4s12x4sHBx", socket.inet_aton(destination), spi, socket.AF_INET, IPPROTO_ESP)  # struct xfrm_usersa_id
    with Netlink(NETLINK_XFRM) as netlink:
        _unless_gone(netlink, f"delete security association {spi.hex()}", XFRM_MSG_DELSA, identity)


def lead_in(inner: str, remote: str, local_end: str, remote_end: str) -> None:
    """Send what goes between an inner address and a remote network through the tunnel between two ends. Raises NetlinkError."""
    own = f"{inner}/32"
    with Netlink(NETLINK_XFRM) as netlink:
        netlink.request("add policy out", XFRM_MSG_UPDPOLICY, _policy("out", (own, remote), (local_end, remote_end)))
        for direction in ("in", "fwd"):
            netlink.request(f"add policy {direction}", XFRM_MSG_UPDPOLICY, _policy(direction, (remote, own), (remote_end, local_end)))


def lead_out(inner: str, remote: str) -> None:
    """Take a `lead_in` back; it may be gone already. Raises NetlinkError."""
    own = f"{inner}/32"
    with Netlink(NETLINK_XFRM) as netlink:
        for direction, ends in (("out", (own, remote)), ("in", (remote, own)), ("fwd", (remote, own))):
            identity = selecting(*ends) + struct.pack("=IB3x", 0, DIRECTIONS.index(direction))
            _unless_gone(netlink, f"delete policy {direction}", XFRM_MSG_DELPOLICY, identity)


def _unless_gone(netlink: Netlink, what: str, kind: int, body: bytes) -> None:
    try:
        netlink.request(what, kind, body)
    except NetlinkError as error:
        if error.errno not in (errno.ENOENT, errno.ESRCH):
            raise
