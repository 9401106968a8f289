"""Neighbours: what ARP knows, and addresses for which a host answers ARP on behalf of others."""

from __future__ import annotations

import socket
import struct

from lab.wire.netlink.message import NLM_F_CREATE, NLM_F_REPLACE, Netlink, attribute, attributes

RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
NDA_DST, NDA_LLADDR = 1, 2
NTF_PROXY, NUD_PERMANENT = 0x8, 0x80
STATES = {0x01: "incomplete", 0x02: "reachable", 0x04: "stale", 0x08: "delay", 0x10: "probe", 0x20: "failed", 0x80: "permanent"}


def _body(index: int, address: str, flags: int) -> bytes:
    header = struct.pack("=BxxxiHBB", socket.AF_INET, index, NUD_PERMANENT if flags else 0, flags, 0)
    return header + attribute(NDA_DST, socket.inet_aton(address))


def add_proxy(netlink: Netlink, index: int, address: str) -> None:
    """Answer ARP requests for `address` that arrive on an interface (proxy ARP, RFC 1027)."""
    netlink.request(f"answer ARP for {address}", RTM_NEWNEIGH, _body(index, address, NTF_PROXY), NLM_F_CREATE | NLM_F_REPLACE)


def delete_proxy(netlink: Netlink, index: int, address: str) -> None:
    """Answer no longer."""
    netlink.request(f"no longer answer ARP for {address}", RTM_DELNEIGH, _body(index, address, NTF_PROXY))


def delete(netlink: Netlink, index: int, address: str) -> None:
    """Forget what ARP knows of an address."""
    netlink.request(f"forget neighbour {address}", RTM_DELNEIGH, _body(index, address, 0))


def list_neighbours(netlink: Netlink, *, proxies: bool = False) -> list[dict[str, object]]:
    """Return what ARP knows, or (with `proxies`) for whom this host answers."""
    found: list[dict[str, object]] = []
    header = struct.pack("=BxxxiHBB", socket.AF_INET, 0, 0, NTF_PROXY if proxies else 0, 0)
    for body in netlink.dump("list neighbours", RTM_GETNEIGH, header):
        _, index, state, flags, _ = struct.unpack_from("=BxxxiHBB", body)
        values = dict(attributes(body[12:]))
        if NDA_DST not in values or bool(flags & NTF_PROXY) != proxies:
            continue
        neighbour: dict[str, object] = {"index": index, "address": socket.inet_ntoa(values[NDA_DST])}
        if not proxies:
            neighbour["state"] = STATES.get(state, str(state))
            if NDA_LLADDR in values:
                neighbour["mac"] = values[NDA_LLADDR].hex(":")
        found.append(neighbour)
    return found
