"""netsh ras set user and show user: dial-in permission of local accounts.

Source: netsh ras (learn.microsoft.com, windows-server/administration/windows-commands/netsh-ras): dialin=PERMIT|DENY|POLICY,
cbpolicy=NONE|CALLER|ADMIN. "The user name could not be found." is the text of NERR_UserNotFound. The layout of `show user` is inferred: the
step compares what it prints before and after, and reads no word of it.
"""

from __future__ import annotations

from dataclasses import replace

from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.registry import NativeResult
from lab.twin.windows.machine import Machine
from lab.twin.windows.users import Account, DialIn

NOT_FOUND = NativeResult(output="The user name could not be found.\r\n", exit_code=1)


def set_user(machine: Machine, tags: dict[str, str]) -> NativeResult:
    """Set dial-in permission; callback is refused unless it is NONE."""
    if strange := set(tags) - {"name", "dialin", "cbpolicy"}:
        raise NotSupportedByTwin(f"netsh ras set user {sorted(strange)[0]}=")
    if tags.get("cbpolicy", "none").lower() != "none":
        raise NotSupportedByTwin(f"netsh ras set user cbpolicy={tags['cbpolicy']}")
    if tags.get("dialin", "").lower() not in list(DialIn):
        return NativeResult(output=f"{tags.get('dialin', '')!r} is not an acceptable value for 'dialin'.\r\n", exit_code=1)
    account = machine.accounts.find(tags.get("name", ""))
    if account is None:
        return NOT_FOUND
    machine.accounts.keep(replace(account, dial_in=DialIn(tags["dialin"].lower())))
    return NativeResult(output="\r\n")


def show_user(machine: Machine, tags: dict[str, str]) -> NativeResult:
    """Show one account's permission, or all accounts'."""
    if strange := set(tags) - {"name"}:
        raise NotSupportedByTwin(f"netsh ras show user {sorted(strange)[0]}=")
    if "name" not in tags:
        return NativeResult(output="".join(_shown(one) for one in machine.accounts.by_name.values()))
    account = machine.accounts.find(tags["name"])
    return NOT_FOUND if account is None else NativeResult(output=_shown(account))


def _shown(account: Account) -> str:
    return f"\r\nUser name:              {account.name}\r\nDialin:                 {account.dial_in}\r\nCallback policy:        none\r\n\r\n"
