"""IPsec rules and the authentication sets that they name, as state. What they mean for L2TP is told by lab/twin/rras/l2tp.py.

A rule and a set are two objects, each with a Name of its own that is unique, and a DisplayName that is not. A rule holds its set's Name. A
rule that netsh makes has a set that belongs to it and goes with it. Secrets are kept in plain text, as Windows keeps them.

Source: MicrosoftDocs/windows-powershell-docs, module NetSecurity (New-NetIPsecRule, New-NetIPsecPhase1AuthSet, New-NetIPsecAuthProposal);
netsh advfirewall consec. That the set of netsh's own rule is deleted with the rule is inferred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    """How a rule protects."""

    TUNNEL = "Tunnel"
    TRANSPORT = "Transport"


class Security(StrEnum):
    """What a rule asks of traffic in one direction."""

    NONE = "None"
    REQUEST = "Request"
    REQUIRE = "Require"


class KeyModule(StrEnum):
    """Which keying module a rule is for."""

    DEFAULT = "Default"
    IKEV1 = "IKEv1"
    AUTHIP = "AuthIP"
    IKEV2 = "IKEv2"


class Method(StrEnum):
    """How a machine proves who it is."""

    PRESHARED_KEY = "PreSharedKey"
    KERBEROS = "Kerberos"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthProposal:
    """One way to authenticate; not stored by itself."""

    method: Method
    preshared_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSet:
    """A phase 1 authentication set: proposals in order of preference."""

    name: str
    display_name: str
    proposals: tuple[AuthProposal, ...]
    owner: str = ""
    """Name of the rule that it belongs to, if netsh made both; empty: an object of its own."""

    @property
    def preshared_key(self) -> str | None:
        """The first secret among its proposals."""
        return next((one.preshared_key for one in self.proposals if one.method is Method.PRESHARED_KEY), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class IPsecRule:
    """A connection security rule."""

    name: str
    display_name: str
    description: str = ""
    enabled: bool = True
    mode: Mode = Mode.TRANSPORT
    inbound: Security = Security.NONE
    outbound: Security = Security.NONE
    key_module: KeyModule = KeyModule.DEFAULT
    local_address: str = "Any"
    remote_address: str = "Any"
    auth_set: str = ""
    """Name of its phase 1 set; empty: the default one, which is Kerberos."""


@dataclass(slots=True)
class IPsec:
    """The rules and sets of the persistent store, by name without regard to case, in the order in which they were made."""

    by_name: dict[str, IPsecRule] = field(default_factory=dict)
    sets_by_name: dict[str, AuthSet] = field(default_factory=dict)
    on_change: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    """Called after a rule came or went: the services that apply rules follow them."""

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()

    def rules(self) -> list[IPsecRule]:
        """Return all rules."""
        return list(self.by_name.values())

    def sets(self) -> list[AuthSet]:
        """Return all phase 1 authentication sets."""
        return list(self.sets_by_name.values())

    def set_of(self, rule: IPsecRule) -> AuthSet | None:
        """Return the set that a rule names; None for the default one."""
        return self.sets_by_name.get(rule.auth_set.lower())

    def add_rule(self, rule: IPsecRule) -> bool:
        """Add a rule; return False, and change nothing, if there is one of its name."""
        if rule.name.lower() in self.by_name:
            return False
        self.by_name[rule.name.lower()] = rule
        self._changed()
        return True

    def add_set(self, one: AuthSet) -> bool:
        """Add a set; return False, and change nothing, if there is one of its name."""
        if one.name.lower() in self.sets_by_name:
            return False
        self.sets_by_name[one.name.lower()] = one
        return True

    def remove_rule(self, rule: IPsecRule) -> None:
        """Remove a rule, with the set that belongs to it."""
        self.by_name.pop(rule.name.lower(), None)
        self.sets_by_name = {name: one for name, one in self.sets_by_name.items() if one.owner != rule.name}
        self._changed()

    def remove_set(self, one: AuthSet) -> None:
        """Remove a set."""
        self.sets_by_name.pop(one.name.lower(), None)

    def users_of(self, one: AuthSet) -> list[IPsecRule]:
        """Return the rules that name a set."""
        return [rule for rule in self.by_name.values() if rule.auth_set.lower() == one.name.lower()]
