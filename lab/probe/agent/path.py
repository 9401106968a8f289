"""What a router on the path does to the packets that it forwards: rules that discard some, delays, and the counters of both."""

from __future__ import annotations

import errno

from lab.wire import iptables
from lab.wire.netlink import Netlink, links, qdiscs


def masquerades() -> bool:
    """Whether what is forwarded leaves with this host's address."""
    try:
        return iptables.has_target("nat", "MASQUERADE")
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOPROTOOPT):  # no such table, or no iptables in this kernel
            return False
        raise


def change_rules(rules: str) -> None:
    """Add and delete rules of iptables, in the words of iptables-save."""
    iptables.restore(rules)


def rule_hits(table: str) -> dict[str, int]:
    """Return the matched packets of every rule with a comment, by comment."""
    return dict(iptables.hits(table))


def delay(interface: str, milliseconds: float) -> None:
    """Delay what leaves by an interface; 0: no longer."""
    index = links.index_of(interface)
    with Netlink() as netlink:
        if milliseconds:
            qdiscs.set_delay(netlink, interface, index, milliseconds)
        else:
            qdiscs.delete(netlink, interface, index)


def delayed() -> dict[str, int]:
    """Return how many packets each interface that delays has sent since it began to."""
    with Netlink() as netlink:
        names = {link["index"]: str(link["name"]) for link in links.list_links(netlink)}
        return {names[index]: packets for index, packets in qdiscs.delayed(netlink).items()}
