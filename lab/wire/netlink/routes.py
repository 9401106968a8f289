"""IPv4 routes."""

from __future__ import annotations

import socket
import struct

from lab.wire.netlink.message import NLM_F_CREATE, NLM_F_REPLACE, Netlink, attribute, attributes, number

RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_TABLE = 1, 4, 5, 6, 7, 15
RT_TABLE_MAIN, RT_TABLE_LOCAL = 254, 255
RTPROT_STATIC, RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RTN_UNICAST, RTN_BLACKHOLE = 4, 0, 253, 1, 6


def _body(destination: str, *, gateway: str | None, index: int | None, source: str | None, metric: int | None) -> bytes:
    address, _, length = destination.partition("/")
    scope = RT_SCOPE_UNIVERSE if gateway else RT_SCOPE_LINK
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, int(length), 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, scope, RTN_UNICAST, 0)
    if int(length):
        body += attribute(RTA_DST, socket.inet_aton(address))
    if gateway:
        body += attribute(RTA_GATEWAY, socket.inet_aton(gateway))
    if index is not None:
        body += attribute(RTA_OIF, index)
    if source:
        body += attribute(RTA_PREFSRC, socket.inet_aton(source))
    if metric is not None:
        body += attribute(RTA_PRIORITY, metric)
    return body


def add(
    netlink: Netlink, destination: str, *, gateway: str | None = None, index: int | None = None, source: str | None = None,
    metric: int | None = None,
) -> None:
    """Add a route of the main table to "192.0.2.0/24", through a gateway or an interface (by its index)."""
    body = _body(destination, gateway=gateway, index=index, source=source, metric=metric)
    netlink.request(f"add route {destination}", RTM_NEWROUTE, body, NLM_F_CREATE | NLM_F_REPLACE)


def delete(
    netlink: Netlink, destination: str, *, gateway: str | None = None, index: int | None = None, source: str | None = None,
    metric: int | None = None,
) -> None:
    """Remove the route with these properties."""
    body = _body(destination, gateway=gateway, index=index, source=source, metric=metric)
    netlink.request(f"delete route {destination}", RTM_DELROUTE, body)


def set_blackhole(netlink: Netlink, destination: str, *, there: bool) -> None:
    """Add or remove a route that discards what is sent to "192.0.2.0/24"."""
    address, _, length = destination.partition("/")
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, int(length), 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_UNIVERSE, RTN_BLACKHOLE, 0)
    body += attribute(RTA_DST, socket.inet_aton(address))
    if there:
        netlink.request(f"add blackhole {destination}", RTM_NEWROUTE, body, NLM_F_CREATE | NLM_F_REPLACE)
    else:
        netlink.request(f"delete blackhole {destination}", RTM_DELROUTE, body)


def list_routes(netlink: Netlink) -> list[dict[str, object]]:
    """Return the unicast routes of all tables but the kernel's own "local" one."""
    found: list[dict[str, object]] = []
    for body in netlink.dump("list routes", RTM_GETROUTE, struct.pack("=BBBBBBBBI", socket.AF_INET, *[0] * 8)):
        _, length, _, _, table, _, _, kind, _ = struct.unpack_from("=BBBBBBBBI", body)
        values = dict(attributes(body[12:]))
        table = number(values[RTA_TABLE]) if RTA_TABLE in values else table
        if kind != RTN_UNICAST or table == RT_TABLE_LOCAL:
            continue
        destination = socket.inet_ntoa(values.get(RTA_DST, bytes(4)))
        route: dict[str, object] = {"destination": f"{destination}/{length}", "table": table}
        for name, attribute_kind in (("gateway", RTA_GATEWAY), ("source", RTA_PREFSRC)):
            if attribute_kind in values:
                route[name] = socket.inet_ntoa(values[attribute_kind])
        if RTA_OIF in values:
            route["index"] = number(values[RTA_OIF])
        if RTA_PRIORITY in values:
            route["metric"] = number(values[RTA_PRIORITY])
        found.append(route)
    return found
