"""Links: veth, bridge, dummy, their state and counters."""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct

from lab.wire.netlink.message import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    Netlink,
    attribute,
    attributes,
    number,
    text,
)

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_LINKINFO, IFLA_NET_NS_PID, IFLA_STATS64 = 1, 3, 4, 10, 18, 19, 23
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFF_UP, IFF_RUNNING, IFF_PROMISC = 0x1, 0x40, 0x100
ARPHRD_ETHER = 1
SIOCETHTOOL, ETHTOOL_SSG = 0x8946, 0x19


def _header(index: int = 0, flags: int = 0, change: int = 0) -> bytes:
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flags, change)


def _info(kind: str, data: bytes = b"") -> bytes:
    return attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, kind) + (attribute(IFLA_INFO_DATA, data) if data else b""))


def index_of(name: str) -> int:
    """Return the index of an interface of the thread's namespace. Raises OSError if there is none."""
    return socket.if_nametoindex(name)


def add(netlink: Netlink, name: str, kind: str) -> None:
    """Make a link of a kind without parameters: bridge, dummy."""
    body = _header() + attribute(IFLA_IFNAME, name) + _info(kind)
    netlink.request(f"add {kind} {name}", RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL)


def add_veth(netlink: Netlink, name: str, peer: str, peer_pid: int) -> None:
    """Make a pair: `name` here, `peer` in the network namespace of a process."""
    other = _header() + attribute(IFLA_IFNAME, peer) + attribute(IFLA_NET_NS_PID, peer_pid)
    body = _header() + attribute(IFLA_IFNAME, name) + _info("veth", attribute(VETH_INFO_PEER, other))
    netlink.request(f"add veth {name}", RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL)


def delete(netlink: Netlink, name: str, index: int) -> None:
    """Remove a link."""
    netlink.request(f"delete link {name}", RTM_DELLINK, _header(index))


def set_state(netlink: Netlink, name: str, index: int, *, up: bool, promiscuous: bool = False) -> None:
    """Set a link up or down."""
    flags = (IFF_UP if up else 0) | (IFF_PROMISC if promiscuous else 0)
    change = IFF_UP | (IFF_PROMISC if promiscuous else 0)
    netlink.request(f"set {name} {'up' if up else 'down'}", RTM_NEWLINK, _header(index, flags, change))


def rename(netlink: Netlink, name: str, index: int, new: str) -> None:
    """Give a link another name. Kernels before 6.2 refuse it (EBUSY) while the link is up."""
    netlink.request(f"rename {name} to {new}", RTM_NEWLINK, _header(index) + attribute(IFLA_IFNAME, new))


def set_master(netlink: Netlink, name: str, index: int, bridge: int) -> None:
    """Make a link a port of a bridge, and set it up."""
    body = _header(index, IFF_UP, IFF_UP) + attribute(IFLA_MASTER, bridge)
    netlink.request(f"put {name} into a bridge", RTM_NEWLINK, body)


def copy_what_leaves(name: str) -> None:
    """Make the kernel put every packet that leaves by this link into memory of its own (no scatter and gather: ETHTOOL_SSG). Raises OSError."""
    with socket.socket() as any_socket:
        value = ctypes.create_string_buffer(struct.pack("=II", ETHTOOL_SSG, 0))
        fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sQ16x", name.encode(), ctypes.addressof(value)))


def list_links(netlink: Netlink) -> list[dict[str, object]]:
    """Return name, index, state, MAC address and counters of every link; what kind of device it is, "" for a machine's own; for a
    port of a bridge the bridge's index as its master."""
    links: list[dict[str, object]] = []
    for body in netlink.dump("list links", RTM_GETLINK, _header()):
        _, device, index, flags, _ = struct.unpack_from("=BxHiII", body)
        link: dict[str, object] = {"index": index, "up": bool(flags & IFF_UP), "running": bool(flags & IFF_RUNNING), "kind": "",
                                   "ethernet": device == ARPHRD_ETHER}
        for kind, value in attributes(body[16:]):
            if kind == IFLA_IFNAME:
                link["name"] = text(value)
            elif kind == IFLA_ADDRESS:
                link["mac"] = value.hex(":")
            elif kind == IFLA_MASTER:
                link["master"] = number(value)
            elif kind == IFLA_MTU:
                link["mtu"] = number(value)
            elif kind == IFLA_LINKINFO:
                link["kind"] = text(dict(attributes(value)).get(IFLA_INFO_KIND, b""))
            elif kind == IFLA_STATS64:
                received, sent, received_bytes, sent_bytes = struct.unpack_from("=QQQQ", value)
                link["packets"] = {"received": received, "sent": sent}
                link["bytes"] = {"received": received_bytes, "sent": sent_bytes}
        links.append(link)
    return links
