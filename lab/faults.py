"""What a path can suffer from, as data: packets that are lost, IP fragments that are discarded, a port that is closed, delay.

The router between home and wan carries a fault out on what it forwards (fixtures/path.py). Packets are discarded in PREROUTING of iptables'
table raw: there a fragment is still one (in INPUT, FORWARD and OUTPUT the kernel has put fragments together, or not yet made any, and a rule
for them never matches). Each fault has counters: one that has hit nothing has shown nothing. Pure: no I/O here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lab.errors import ConfigError

TABLE, CHAIN = "raw", "PREROUTING"
MARK = "lab:"
"""Begins the comment of every rule of ours."""
LONGEST_DELAY_MS = 60_000.0


class Toward(StrEnum):
    """Which packets a fault is for."""

    SERVER = "server"
    CLIENT = "client"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of trouble. Made by the functions below, which check what they are given."""

    name: str
    match: str = ""
    """What is discarded, in iptables' words; empty: nothing."""
    delay_ms: float = 0.0
    """Milliseconds that a packet waits, each way."""
    toward: Toward = Toward.BOTH

    def comments(self, inner: str, outer: str) -> Mapping[str, str]:
        """Return the comment of its rule for each interface by which packets come in: home's for those to the server, the wan's for others."""
        ways = {inner: Toward.SERVER, outer: Toward.CLIENT} if self.match else {}
        return {interface: f"{MARK}{self.name} toward {way}" for interface, way in ways.items() if self.toward in (way, Toward.BOTH)}

    def rules(self, inner: str, outer: str, *, add: bool) -> str:
        """Return what iptables-restore is told to begin with it, or to end it; empty for a fault that discards nothing."""
        verb = "-A" if add else "-D"
        lines = [f'{verb} {CHAIN} -i {interface} {self.match} -m comment --comment "{comment}" -j DROP'
                 for interface, comment in self.comments(inner, outer).items()]
        return "\n".join([f"*{TABLE}", *lines, "COMMIT", ""]) if lines else ""

    def delays(self, inner: str, outer: str) -> tuple[str, ...]:
        """Return the interfaces whose outgoing packets wait."""
        if not self.delay_ms:
            return ()
        ways = {outer: Toward.SERVER, inner: Toward.CLIENT}
        return tuple(interface for interface, way in ways.items() if self.toward in (way, Toward.BOTH))


def ip_fragments_lost(*, toward: Toward = Toward.BOTH) -> Fault:
    """Discard every IP fragment but the first of a packet, which alone is of no use."""
    return Fault(name="ip-fragments-lost", match="-f", toward=toward)


def every_nth_lost(nth: int, *, toward: Toward = Toward.BOTH) -> Fault:
    """Lose the first packet and each nth after it, counted for each direction. Raises ConfigError for less than two: nothing would arrive."""
    if nth < 2:
        raise ConfigError(f"every_nth_lost: expected a number of packets above 1, got {nth}", hint="1 would be no path at all")
    return Fault(name=f"every-{nth}-lost", match=f"-m statistic --mode nth --every {nth} --packet 0", toward=toward)


def loss(probability: float, *, toward: Toward = Toward.BOTH) -> Fault:
    """Lose packets at random. Raises ConfigError for a probability that is not above 0 and at most 1."""
    if not 0 < probability <= 1:
        raise ConfigError(f"loss: expected a probability above 0 and at most 1, got {probability}")
    return Fault(name=f"loss-{probability:g}", match=f"-m statistic --mode random --probability {probability:.6f}", toward=toward)


def closed_port(port: int, protocol: str = "udp") -> Fault:
    """Discard what is sent to a port of the server's, as a firewall on the way does. Raises ConfigError for what is no port, or no protocol with ports."""
    if protocol not in ("udp", "tcp"):
        raise ConfigError(f"closed_port: expected the protocol udp or tcp, got {protocol!r}")
    if not 1 <= port <= 65535:
        raise ConfigError(f"closed_port: expected a port from 1 to 65535, got {port}")
    return Fault(name=f"closed-{protocol}-{port}", match=f"-p {protocol} --dport {port}", toward=Toward.SERVER)


def delay(milliseconds: float, *, toward: Toward = Toward.BOTH) -> Fault:
    """Let every packet wait. Raises ConfigError for a time that is not above 0 and at most a minute."""
    if not 0 < milliseconds <= LONGEST_DELAY_MS:
        raise ConfigError(f"delay: expected milliseconds above 0 and at most {LONGEST_DELAY_MS:.0f}, got {milliseconds}")
    return Fault(name=f"delay-{milliseconds:g}-ms", delay_ms=milliseconds, toward=toward)
