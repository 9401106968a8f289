"""A subnet for a run's management network: one that this machine has no way to yet, so that runs and other networks do not clash."""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from lab.errors import ConfigError, HostError

VARIABLE = "LAB_MANAGEMENT"
RANGE = IPv4Network("192.168.128.0/17")
"""Subnets of 256 addresses are taken from here: private addresses (RFC 1918) that home networks use little."""
ROUTES = Path("/proc/net/route")


def free_subnet() -> IPv4Network:
    """Return a subnet that no route of this machine leads into, chosen at random; LAB_MANAGEMENT names another.

    Raises:
        ConfigError: the variable names no subnet.
        HostError: all are in use.
    """
    if chosen := os.environ.get(VARIABLE):
        try:
            return IPv4Network(chosen)
        except ValueError as error:
            raise ConfigError(f"{VARIABLE} is {chosen!r}, a subnet is expected: {error}", hint=f"{VARIABLE}=10.99.0.0/24") from error
    taken = _routed()
    subnets = list(RANGE.subnets(new_prefix=24))
    first = int.from_bytes(os.urandom(2)) % len(subnets)
    for subnet in subnets[first:] + subnets[:first]:
        if not any(subnet.overlaps(network) for network in taken):
            return subnet
    raise HostError(f"every subnet of {RANGE} is in use here", hint=f"set {VARIABLE} to one that is free: 10.99.0.0/24")


def _routed() -> list[IPv4Network]:
    """Return the networks that this machine has routes to, but for the default route."""
    rows = [line.split() for line in ROUTES.read_text().splitlines()[1:]]
    networks = []
    for row in rows:
        destination, mask = (IPv4Address(bytes.fromhex(row[column])[::-1]) for column in (1, 7))
        if int(mask):
            networks.append(IPv4Network((int(destination), bin(int(mask)).count("1"))))
    return networks
