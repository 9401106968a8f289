"""Names as macOS resolves them for IKEv2: by DNS only. /etc/hosts is not asked (observed by the article's author)."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address
from typing import Protocol

from lab.errors import ProfileRefused


class Resolver(Protocol):
    """The part of a probe that this needs."""

    def resolve(self, name: str, server: str, *, timeout: float = 1.0) -> list[str] | None:
        """Ask one name server."""


def server_address(written: str, resolver: Resolver, dns: str | None) -> str:
    """Return the address that the field Server Address means.

    Args:
        written: the field: dotted, or a name.
        resolver: the client's probe.
        dns: address of the client's DNS server; None if it has none.

    Raises:
        ProfileRefused: DNS does not know the name.
    """
    try:
        return str(IPv4Address(written))
    except AddressValueError:
        pass  # a name
    labels = written.rstrip(".").split(".")
    if not written.isascii() or len(written) > 253 or not all(0 < len(label) < 64 for label in labels):
        raise ProfileRefused(f"the server {written!r} could not be found", hint="a name has ASCII labels of 1 to 63 characters (RFC 1035 2.3.1)")
    found = resolver.resolve(written, dns) if dns else None
    if not found:
        raise ProfileRefused(f"the server {written!r} could not be found", evidence=f"DNS server: {dns or 'none'}",
                             hint="macOS asks DNS only for IKEv2, not /etc/hosts: use the dotted address")
    return found[0]
