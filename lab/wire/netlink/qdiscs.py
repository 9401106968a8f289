"""Queueing disciplines: the delay that netem puts on what leaves by a link, and how many packets it has delayed.

One at a link's root. Source: linux/pkt_sched.h, linux/rtnetlink.h, linux/gen_stats.h.
"""

from __future__ import annotations

import socket
import struct

from lab.wire.netlink.message import NLM_F_CREATE, NLM_F_REPLACE, Netlink, attribute, attributes, text

RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
TC_H_ROOT, TCA_KIND, TCA_OPTIONS, TCA_STATS2, TCA_STATS_BASIC = 0xFFFFFFFF, 1, 2, 7, 1
NETEM = "netem"
LIMIT = 1000
"""Packets that wait at most."""
TICKS_PER_MICROSECOND = 15.625
"""Ticks of the packet scheduler's clock: 64 ns each (/proc/net/psched on every kernel with high-resolution timers)."""


def _header(index: int) -> bytes:
    return struct.pack("=BxxxiIII", socket.AF_UNSPEC, index, 0, TC_H_ROOT, 0)


def set_delay(netlink: Netlink, name: str, index: int, milliseconds: float) -> None:
    """Delay every packet that leaves by this link (netem)."""
    ticks = round(milliseconds * 1000 * TICKS_PER_MICROSECOND)
    options = struct.pack("=IIIIII", ticks, LIMIT, 0, 0, 0, 0)  # tc_netem_qopt: latency, limit, loss, gap, duplicate, jitter
    body = _header(index) + attribute(TCA_KIND, NETEM) + attribute(TCA_OPTIONS, options)
    netlink.request(f"delay {name}", RTM_NEWQDISC, body, NLM_F_CREATE | NLM_F_REPLACE)


def delete(netlink: Netlink, name: str, index: int) -> None:
    """Delay no longer."""
    netlink.request(f"end the delay of {name}", RTM_DELQDISC, _header(index))


def delayed(netlink: Netlink) -> dict[int, int]:
    """Return how many packets each link with netem at its root has sent since it was put there, by the link's index."""
    found = {}
    for body in netlink.dump("list qdiscs", RTM_GETQDISC, _header(0)):
        index, _, parent = struct.unpack_from("=iII", body, 4)
        values = dict(attributes(body[20:]))
        if parent == TC_H_ROOT and text(values.get(TCA_KIND, b"")) == NETEM:
            basic = dict(attributes(values.get(TCA_STATS2, b""))).get(TCA_STATS_BASIC, bytes(12))
            found[index] = int(struct.unpack_from("=QI", basic)[1])  # gnet_stats_basic: bytes, packets
    return found
