"""Local accounts: password, enabled, dial-in permission.

Names: at most 20 characters, none of FORBIDDEN, not only dots and spaces, no dot at the end; compared without regard to case. A new account's
dial-in permission is that of the policy, which lets nobody in (lab/twin/rras/admission.py).

Source: MicrosoftDocs/PowerShell-Docs, module Microsoft.PowerShell.LocalAccounts, and the tests of that module (PowerShell/PowerShell,
Pester.Command.Cmdlets.LocalAccounts.LocalUser.Tests.ps1): InvalidName, UserExists, UserNotFound, a password of at most 256 characters;
netsh ras set user: PERMIT, DENY, POLICY.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

FORBIDDEN = frozenset('\\/"[]:|<>+=;,?*@')
"""Characters that no account's name may have."""
LONGEST_NAME, LONGEST_PASSWORD = 20, 256
STOCK = (("Administrator", False), ("DefaultAccount", False), ("Guest", False), ("labadmin", True))
"""Accounts of a fresh machine, and whether they are enabled; the last is who runs the scripts, as whoami says."""


class DialIn(StrEnum):
    """Network access permission."""

    PERMIT = "permit"
    DENY = "deny"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A local account."""

    name: str
    password: str = field(default="", repr=False)
    enabled: bool = True
    full_name: str = ""
    description: str = ""
    dial_in: DialIn = DialIn.POLICY


@dataclass(slots=True)
class Accounts:
    """All local accounts, by name without regard to case."""

    by_name: dict[str, Account] = field(default_factory=dict)
    on_change: Callable[[], None] | None = field(default=None, compare=False)
    """Told after every change."""

    @classmethod
    def stock(cls) -> Accounts:
        """Return those of a fresh machine."""
        return cls({name.lower(): Account(name=name, enabled=enabled) for name, enabled in STOCK})

    def find(self, name: str) -> Account | None:
        """Return an account; None if there is none."""
        return self.by_name.get(name.lower())

    def keep(self, account: Account) -> None:
        """Add an account, or put it in place of the one of its name."""
        self.by_name[account.name.lower()] = account
        self._changed()

    def remove(self, account: Account) -> None:
        """Remove an account."""
        self.by_name.pop(account.name.lower(), None)
        self._changed()

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()


def named(accounts: Iterable[Account], name: str) -> Account | None:
    """Return the one of some accounts that has a name, without regard to case; None if there is none."""
    return next((one for one in accounts if one.name.lower() == name.lower()), None)


def is_valid_name(name: str) -> bool:
    """Whether Windows takes a text as an account's name, as far as its characters go; its length is the caller's question."""
    return not FORBIDDEN & set(name) and not name.endswith(".") and name.strip(" .") != ""
