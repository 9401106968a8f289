"""Firewall rules, as state only: nothing is filtered by them yet (lab/twin/fidelity.yaml, not_imitated).

Source: MicrosoftDocs/windows-powershell-docs, module NetSecurity, New-NetFirewallRule. A rule's Name is unique, its DisplayName is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ERROR_ALREADY_EXISTS = 183


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallRule:
    """One rule."""

    name: str
    display_name: str
    direction: str
    action: str
    enabled: bool = True
    profile: str = "Any"
    protocol: str = "Any"
    local_ports: tuple[str, ...] = ()
    icmp_types: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    """Names of the adapters that it is for; none: all."""


@dataclass(slots=True)
class Firewall:
    """The rules of the persistent store, by name without regard to case."""

    by_name: dict[str, FirewallRule] = field(default_factory=dict)

    def rules(self) -> list[FirewallRule]:
        """Return all rules."""
        return list(self.by_name.values())

    def add(self, rule: FirewallRule) -> bool:
        """Add a rule; return False, and change nothing, if there is one of its name."""
        if rule.name.lower() in self.by_name:
            return False
        self.by_name[rule.name.lower()] = rule
        return True

    def remove(self, rule: FirewallRule) -> None:
        """Remove a rule."""
        self.by_name.pop(rule.name.lower(), None)
