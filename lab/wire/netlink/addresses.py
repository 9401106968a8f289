"""IPv4 addresses of interfaces."""

from __future__ import annotations

import socket
import struct

from lab.wire.netlink.message import NLM_F_CREATE, NLM_F_REPLACE, Netlink, attribute, attributes, text

RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
IFA_ADDRESS, IFA_LOCAL, IFA_LABEL = 1, 2, 3
IFA_F_PERMANENT = 0x80


def _body(index: int, interface: str) -> bytes:
    """Return the message for an address given as "192.0.2.1/24"."""
    address, _, length = interface.partition("/")
    raw = socket.inet_aton(address)
    header = struct.pack("=BBBBi", socket.AF_INET, int(length or 32), 0, 0, index)
    return header + attribute(IFA_LOCAL, raw) + attribute(IFA_ADDRESS, raw)


def add(netlink: Netlink, index: int, interface: str) -> None:
    """Give an interface the address "192.0.2.1/24"."""
    netlink.request(f"add address {interface}", RTM_NEWADDR, _body(index, interface), NLM_F_CREATE | NLM_F_REPLACE)


def delete(netlink: Netlink, index: int, interface: str) -> None:
    """Take an address from an interface."""
    netlink.request(f"delete address {interface}", RTM_DELADDR, _body(index, interface))


def list_addresses(netlink: Netlink) -> list[dict[str, object]]:
    """Return every IPv4 address with its interface's index and label; one with a lifetime (a DHCP client's) is not permanent."""
    found: list[dict[str, object]] = []
    for body in netlink.dump("list addresses", RTM_GETADDR, struct.pack("=BBBBi", socket.AF_INET, 0, 0, 0, 0)):
        _, length, flags, _, index = struct.unpack_from("=BBBBi", body)
        values = dict(attributes(body[8:]))
        address = socket.inet_ntoa(values.get(IFA_LOCAL, values.get(IFA_ADDRESS, bytes(4))))
        found.append({"index": index, "interface": text(values.get(IFA_LABEL, b"")), "address": f"{address}/{length}",
                      "permanent": bool(flags & IFA_F_PERMANENT)})
    return found
