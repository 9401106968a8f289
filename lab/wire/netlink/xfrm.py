"""IPsec in the kernel: security associations and policies (linux/xfrm.h)."""

from __future__ import annotations

import socket
import struct

from lab.wire.netlink.message import NETLINK_XFRM, Netlink, attributes

XFRM_MSG_NEWPOLICY, XFRM_MSG_DELPOLICY, XFRM_MSG_GETPOLICY, XFRM_MSG_GETSA = 0x13, 0x14, 0x15, 0x12
XFRM_MSG_FLUSHSA, XFRM_MSG_FLUSHPOLICY = 0x1C, 0x1D
SELECTOR, LIFETIMES = 56, 64 + 32
XFRMA_TMPL = 5
MODES = ("transport", "tunnel")
DIRECTIONS = ("in", "out", "fwd")
IPPROTO_ESP = 50


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
            spi, _, protocol = struct.unpack_from("!IHB", after, 16)
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
