"""Firewall rules, the filters of the Windows Filtering Platform that they become, and the packets that these dropped.

What the kernel is told of them is made by lab/twin/rras/filtering.py. A rule that blocks wins over any that allows.

Source: MicrosoftDocs/windows-powershell-docs, module NetSecurity, New-NetFirewallRule: a rule's Name is unique, its DisplayName is not.
Numbers of profiles: notes of others on sshd behind a virtual interface, who saw 1 on what is Public and 2 on what is Private.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum

ERROR_ALREADY_EXISTS = 183
DEFAULT_BLOCK = 65536
"""Number of the filter that drops what no rule lets in; those of rules follow. Windows' own numbers mean nothing either."""
DROPS_KEPT = 1000


class Profile(IntEnum):
    """Profiles as filters number them."""

    PUBLIC = 1
    PRIVATE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallRule:
    """One rule."""

    name: str
    display_name: str
    direction: str
    action: str
    enabled: bool = True
    profile: str = "Any"
    """"Any", or names with a comma between: "Private, Public"."""
    protocol: str = "Any"
    local_ports: tuple[str, ...] = ()
    """"500", "5000-5010"; none: all."""
    icmp_types: tuple[str, ...] = ()
    """"8"; none: all."""
    remote_addresses: tuple[str, ...] = ()
    """Addresses or networks; none: all."""
    adapters: tuple[str, ...] = ()
    """Names of the adapters that it is for; none: all."""

    @property
    def profiles(self) -> frozenset[Profile]:
        """Those in which it holds."""
        return frozenset(one for one in Profile if self.profile == "Any" or one.name.title() in self.profile.split(", "))

    def is_for(self, adapter: str) -> bool:
        """Whether it holds on an adapter, by its name; names are compared without regard to case."""
        return not self.adapters or adapter.lower() in {one.lower() for one in self.adapters}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A packet that a filter dropped, as `netsh wfp show netevents` tells it."""

    filter_id: int
    protocol: int
    local: str
    remote: str
    local_port: int = 0
    """Of ICMP: the type."""
    remote_port: int = 0
    """Of ICMP: the code."""
    original: Profile = Profile.PUBLIC
    """Profile that the packet was received to."""
    current: Profile = Profile.PUBLIC
    """Profile that its interface had when it was dropped."""
    at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Firewall:
    """The rules of the persistent store, by name without regard to case; and what was dropped lately."""

    by_name: dict[str, FirewallRule] = field(default_factory=dict)
    drops: deque[Drop] = field(default_factory=lambda: deque(maxlen=DROPS_KEPT))
    _filters: dict[str, int] = field(default_factory=dict)

    def rules(self) -> list[FirewallRule]:
        """Return all rules."""
        return list(self.by_name.values())

    def filter_of(self, rule: FirewallRule) -> int:
        """Return the number of the filter that a rule becomes."""
        return self._filters[rule.name.lower()]

    def add(self, rule: FirewallRule) -> bool:
        """Add a rule; return False, and change nothing, if there is one of its name."""
        if rule.name.lower() in self.by_name:
            return False
        self.by_name[rule.name.lower()] = rule
        self._filters[rule.name.lower()] = max(self._filters.values(), default=DEFAULT_BLOCK) + 1
        return True

    def replace(self, rule: FirewallRule) -> None:
        """Give the rule of this name another content."""
        self.by_name[rule.name.lower()] = rule

    def remove(self, rule: FirewallRule) -> None:
        """Remove a rule. Its number is not given again: drops may name it."""
        self.by_name.pop(rule.name.lower(), None)
