"""What IPsec rules do to traffic that their addresses cover. Whether RemoteAccess runs does not matter: services of their own apply them.

A rule that requires IPsec for a direction lets nothing else through there: between its two endpoints, whichever of them the machine is
(MicrosoftDocs/windows-powershell-docs, New-NetIPsecRule: -InboundSecurity, -OutboundSecurity Require). IKE itself is exempt, and what is
no IP (ARP). That it holds as soon as it is made is inferred. The twin discards such traffic; Windows would also try to negotiate, which comes
to the same with a peer that has no such rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.twin.windows.ipsec import IPsecRule, Security
from lab.wire.netlink import xfrm

ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """Traffic of one direction that gets through with IPsec only."""

    direction: str
    """The kernel's: in, out, fwd."""
    source: str
    destination: str


def caught(rules: Iterable[IPsecRule]) -> frozenset[Caught]:
    """Return what these rules catch."""
    found = set()
    for rule in rules:
        near, far = (ANYWHERE if one == "Any" else one for one in (rule.local_address, rule.remote_address))
        if rule.enabled and rule.inbound is Security.REQUIRE:
            found |= {Caught(direction=one, source=far, destination=near) for one in ("in", "fwd")}
        if rule.enabled and rule.outbound is Security.REQUIRE:
            found |= {Caught(direction=one, source=near, destination=far) for one in ("out", "fwd")}
    return frozenset(found)


class RuleEnforcer:
    """The rules in the host's kernel."""

    def __init__(self) -> None:
        self._in_force: frozenset[Caught] = frozenset()

    def enforce(self, wanted: frozenset[Caught]) -> None:
        """Catch this and nothing else. Raises OSError."""
        for one in self._in_force - wanted:
            xfrm.unblock(one.direction, source=one.source, destination=one.destination)
        for one in wanted:  # also what was in force: somebody may have emptied the kernel's list
            xfrm.block(one.direction, source=one.source, destination=one.destination)
        self._in_force = wanted
