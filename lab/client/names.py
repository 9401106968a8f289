"""Names as macOS resolves them: for IKEv2 by DNS only, /etc/hosts is not asked (observed by the article's author); for L2TP by both
(its plugin calls gethostbyname: ppp-847)."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address
from typing import Protocol

from lab.errors import ProfileRefused


class Resolver(Protocol):
    """The part of a probe that this needs."""

    def resolve(self, name: str, server: str, *, timeout: float = 1.0) -> list[str] | None:
        """Ask one name server."""


def server_address(written: str, resolver: Resolver, dns: str | None, *, hosts: str | None = None) -> str:
    """Return the address that the field Server Address means.

    Args:
        written: the field: dotted, or a name.
        resolver: the client's probe.
        dns: address of the client's DNS server; None if it has none.
        hosts: content of /etc/hosts, which goes before DNS; None if it is not asked.

    Raises:
        ProfileRefused: nobody knows the name.
    """
    try:
        return str(IPv4Address(written))
    except AddressValueError:
        pass  # a name
    labels = written.rstrip(".").split(".")
    if not written.isascii() or len(written) > 253 or not all(0 < len(label) < 64 for label in labels):
        raise ProfileRefused(f"the server {written!r} could not be found", hint="a name has ASCII labels of 1 to 63 characters (RFC 1035 2.3.1)")
    if hosts is not None and (listed := _listed(written, hosts)):
        return listed
    found = resolver.resolve(written, dns) if dns else None
    if not found:
        hint = "macOS asks DNS only for IKEv2, not /etc/hosts: use the dotted address" if hosts is None else "put it into /etc/hosts"
        raise ProfileRefused(f"the server {written!r} could not be found", evidence=f"DNS server: {dns or 'none'}", hint=hint)
    return found[0]


def _listed(name: str, hosts: str) -> str:
    """Return the IPv4 address that a hosts file has for a name; empty if it has none."""
    for line in hosts.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if name.rstrip(".").lower() in (one.lower() for one in names) and ":" not in address:
            return address
    return ""
