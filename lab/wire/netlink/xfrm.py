"""IPsec in the kernel: security associations and policies (linux/xfrm.h)."""

from __future__ import annotations

import errno
import socket
import struct

from lab.wire.netlink.message import NETLINK_XFRM, Netlink, NetlinkError, attributes

XFRM_MSG_NEWPOLICY, XFRM_MSG_DELPOLICY, XFRM_MSG_GETPOLICY, XFRM_MSG_GETSA = 0x13, 0x14, 0x15, 0x12
XFRM_MSG_UPDPOLICY, XFRM_MSG_FLUSHSA, XFRM_MSG_FLUSHPOLICY = 0x19, 0x1C, 0x1D
SELECTOR, LIFETIMES = 56, 64 + 32
XFRMA_TMPL = 5
MODES = ("transport", "tunnel")
DIRECTIONS = ("in", "out", "fwd")
IPPROTO_ESP = 50
XFRM_POLICY_BLOCK = 1
BLOCK_PRIORITY = 1_000_000
"""Behind every policy of charon's, which have at most 400,000."""
NO_LIMIT = (1 << 64) - 1


def _selector(data: bytes) -> dict[str, object]:
    """Decode struct xfrm_selector: destination, source (16 bytes each), ports, family, prefix lengths, protocol."""
    destination, source = socket.inet_ntoa(data[0:4]), socket.inet_ntoa(data[16:20])
    _, destination_length, source_length, protocol = struct.unpack_from("=HBBB", data, 40)
    return {"source": f"{source}/{source_length}", "destination": f"{destination}/{destination_length}", "protocol": protocol}


def list_states() -> list[dict[str, object]]:
    """Return the ESP security associations of this network namespace (struct xfrm_usersa_info), without their keys."""
    found: list[dict[str, object]] = []
    with Netlink(NETLINK_XFRM) as netlink:
        for body in netlink.dump("list security associations", XFRM_MSG_GETSA, b""):
            after = body[SELECTOR:]
            destination = socket.inet_ntoa(after[0:4])
            spi, protocol = struct.unpack_from("!IB", after, 16)
            source = socket.inet_ntoa(after[24:28])
            lifetime = after[40 + 64 :]
            (byte_count, packet_count) = struct.unpack_from("=QQ", lifetime)
            mode = after[40 + LIFETIMES + 12 + 4 + 4 + 2]
            if protocol == IPPROTO_ESP:
                found.append({"source": source, "destination": destination, "spi": f"{spi:08x}", "bytes": byte_count,
                              "packets": packet_count, "mode": MODES[mode] if mode < len(MODES) else str(mode)})
    return found


def list_policies() -> list[dict[str, object]]:
    """Return the policies of this network namespace (struct xfrm_userpolicy_info), without those of sockets."""
    found: list[dict[str, object]] = []
    with Netlink(NETLINK_XFRM) as netlink:
        for body in netlink.dump("list policies", XFRM_MSG_GETPOLICY, b""):
            priority, _, direction, _, _, _ = struct.unpack_from("=IIBBBB", body, SELECTOR + LIFETIMES)
            if direction < len(DIRECTIONS):
                policy = _selector(body) | {"direction": DIRECTIONS[direction], "priority": priority}
                policy["protected"] = any(kind == XFRMA_TMPL for kind, _ in attributes(body[SELECTOR + LIFETIMES + 16 :]))
                found.append(policy)
    return found


def flush() -> None:
    """Remove all security associations and policies of this network namespace."""
    with Netlink(NETLINK_XFRM) as netlink:
        netlink.request("flush security associations", XFRM_MSG_FLUSHSA, b"\0")
        netlink.request("flush policies", XFRM_MSG_FLUSHPOLICY, b"")


def flush_policies() -> None:
    """Remove all policies of this network namespace."""
    with Netlink(NETLINK_XFRM) as netlink:
        netlink.request("flush policies", XFRM_MSG_FLUSHPOLICY, b"")


def block(direction: str, *, source: str, destination: str) -> None:
    """Discard traffic of a direction ("in", "out", "fwd") between two networks, unless a policy of a smaller number protects it or the socket
    is exempt (an IKE daemon's is). Idempotent. Raises NetlinkError."""
    with Netlink(NETLINK_XFRM) as netlink:
        netlink.request("block traffic", XFRM_MSG_UPDPOLICY, _blocking(direction, source, destination))


def unblock(direction: str, *, source: str, destination: str) -> None:
    """Take a `block` back; it may be gone already. Raises NetlinkError."""
    identity = selecting(source, destination) + struct.pack("=IB3x", 0, DIRECTIONS.index(direction))  # struct xfrm_userpolicy_id
    with Netlink(NETLINK_XFRM) as netlink:
        try:
            netlink.request("unblock traffic", XFRM_MSG_DELPOLICY, identity)
        except NetlinkError as error:
            if error.errno != errno.ENOENT:
                raise


def selecting(source: str, destination: str) -> bytes:
    """Encode struct xfrm_selector: every protocol and port between two networks."""
    (to, to_length), (of, of_length) = (one.split("/") for one in (destination, source))
    return struct.pack("=4s12x4s12xHHHHHBBB3xiI", socket.inet_aton(to), socket.inet_aton(of), 0, 0, 0, 0, socket.AF_INET, int(to_length),
                       int(of_length), 0, 0, 0)


def _blocking(direction: str, source: str, destination: str) -> bytes:
    """Encode struct xfrm_userpolicy_info of a policy that blocks, without end: limits of bytes and packets, times, counters, and the rest."""
    limits = struct.pack("=QQQQQQQQ", *[NO_LIMIT] * 4, 0, 0, 0, 0) + bytes(32)
    rest = struct.pack("=IIBBBB4x", BLOCK_PRIORITY, 0, DIRECTIONS.index(direction), XFRM_POLICY_BLOCK, 0, 0)
    return selecting(source, destination) + limits + rest
