"""Which routes a Mac sets into a tunnel; the server advertises none. Source: its pppd."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network


def routes_of_a_mac(inner: IPv4Address, *, send_all_traffic: bool) -> list[str]:
    """Return destinations: the classful network of the inner address, and everything else with "Send all traffic" (in two halves, so that
    the default route of the host stays as it is)."""
    return [str(classful(inner)), *(("0.0.0.0/1", "128.0.0.0/1") if send_all_traffic else ())]


def classful(address: IPv4Address) -> IPv4Network:
    """Return the classful network of an address: A /8, B /16, C /24."""
    first = int(address) >> 24
    length = 8 if first < 128 else 16 if first < 192 else 24
    return IPv4Network((address, length), strict=False)
