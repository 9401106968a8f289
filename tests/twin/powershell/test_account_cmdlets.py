"""Local accounts and their dial-in permission: what is made, what is refused, and by which names Windows calls it."""

from __future__ import annotations

import pytest
from twin_scripts import console, refusal, run

from lab.twin.windows.machine import Machine
from lab.twin.windows.users import Account, DialIn

SECURE = "(ConvertTo-SecureString -String 'pass-Word1 \"x\"' -AsPlainText -Force)"
ALICE = f"New-LocalUser -Name alice -Password {SECURE} -Description ours | Out-Null; "
ERROR = " -ErrorAction Stop } catch { $_.FullyQualifiedErrorId; $_.CategoryInfo.Category; $_.Exception.Message }"
COMMANDS = "Microsoft.PowerShell.Commands"


def alice(script: str) -> Account | None:
    """Return the account after a script that follows its making."""
    machine = Machine.stock()
    run(ALICE + script, machine)
    return machine.accounts.find("Alice")


MADE = Account(name="alice", password='pass-Word1 "x"', description="ours")


@pytest.mark.parametrize(("script", "changes"), [
    ("", {}), ("Disable-LocalUser alice", {"enabled": False}), ("Disable-LocalUser ALICE; Enable-LocalUser -Name alice", {}),
    ("Get-LocalUser alice | Disable-LocalUser", {"enabled": False}), ("Set-LocalUser alice -FullName 'Alice A' -Description ''", {"full_name": "Alice A", "description": ""}),
    ("Set-LocalUser -Name alice -Password (ConvertTo-SecureString b -AsPlainText -Force)", {"password": "b"}),
    ("netsh ras set user name=alice dialin=PERMIT cbpolicy=NONE", {"dial_in": DialIn.PERMIT}), ("netsh ras set user name=ALICE dialin=deny", {"dial_in": DialIn.DENY}),
    ("netsh ras set user name=alice dialin=permit; netsh ras set user name=alice dialin=policy", {}),
])
def test_an_account_is_what_it_was_made(script: str, changes: dict[str, object]) -> None:
    found = alice(script)

    assert found is not None
    assert {name: getattr(found, name) for name in MADE.__slots__} == {name: getattr(MADE, name) for name in MADE.__slots__} | changes
    assert 'pass-Word1 "x"' not in repr(found)


@pytest.mark.parametrize("script", ["Remove-LocalUser -Name alice", "Remove-LocalUser ALICE", "Get-LocalUser al* | Remove-LocalUser"])
def test_removed(script: str) -> None:
    assert alice(script) is None


def test_a_reset_brings_back_the_stock_accounts() -> None:
    machine = Machine.stock()
    run(ALICE + "Disable-LocalUser labadmin; Remove-LocalUser Guest", machine)
    machine.reset()

    assert machine.facts() == Machine.stock().facts()
    assert run("(Get-LocalUser | Where-Object { $_.Enabled }).Name", machine) == ["labadmin"]


@pytest.mark.parametrize(("script", "identifier", "category", "text"), [
    (f"New-LocalUser ALICE -Password {SECURE}", f"UserExists,{COMMANDS}.NewLocalUserCommand", "ResourceExists", "ALICE already exists"),
    ("New-LocalUser 'lab\\bob' -NoPassword", f"InvalidName,{COMMANDS}.NewLocalUserCommand", "InvalidArgument", "lab\\bob"),
    ("New-LocalUser '...' -NoPassword", f"InvalidName,{COMMANDS}.NewLocalUserCommand", "InvalidArgument", "..."),
    ("New-LocalUser 'bob.' -NoPassword", f"InvalidName,{COMMANDS}.NewLocalUserCommand", "InvalidArgument", "bob."),
    (f"New-LocalUser {'a' * 21} -NoPassword", f"ParameterArgumentValidationError,{COMMANDS}.NewLocalUserCommand", "InvalidData", "21 argument is too long"),
    ("Get-LocalUser bob", f"UserNotFound,{COMMANDS}.GetLocalUserCommand", "ObjectNotFound", "User bob was not found."),
    ("Set-LocalUser bob -Description x", f"UserNotFound,{COMMANDS}.SetLocalUserCommand", "ObjectNotFound", "bob"),
    ("Remove-LocalUser bob", f"UserNotFound,{COMMANDS}.RemoveLocalUserCommand", "ObjectNotFound", "bob"),
    (f"Set-LocalUser alice -Password (ConvertTo-SecureString {'a' * 257} -AsPlainText -Force)", f"InvalidPassword,{COMMANDS}.SetLocalUserCommand", "InvalidArgument",
     "does not meet the length"),
])
def test_errors_as_windows_words_them(script: str, identifier: str, category: str, text: str) -> None:
    machine = Machine.stock()
    run(ALICE, machine)
    before = machine.facts()
    said = run(f"try {{ {script}{ERROR}", machine)

    assert said[:2] == [identifier, category]
    assert text in said[2]
    assert machine.facts() == before


def test_a_refused_password_leaves_the_account_behind() -> None:
    machine = Machine.stock()
    said = run(f"try {{ New-LocalUser bob -Password (ConvertTo-SecureString {'a' * 257} -AsPlainText -Force){ERROR}", machine)

    assert said[0] == f"InvalidPassword,{COMMANDS}.NewLocalUserCommand"
    assert machine.accounts.find("bob") == Account(name="bob")


@pytest.mark.parametrize(("script", "said"), [
    ("netsh ras set user name=bob dialin=permit", "The user name could not be found."), ("netsh ras show user name=bob", "The user name could not be found."),
    ("netsh ras set user name=alice dialin=perhaps", "'perhaps' is not an acceptable value for 'dialin'."),
    ("netsh ras set user name=alice", "'' is not an acceptable value for 'dialin'."),
])
def test_netsh_refuses_and_changes_nothing(script: str, said: str) -> None:
    machine = Machine.stock()
    run(ALICE, machine)
    before = machine.facts()
    lines = run(f"{script}; $LASTEXITCODE", machine)

    assert lines == [said, "1"]
    assert machine.facts() == before


def test_netsh_shows_the_permission() -> None:
    machine = Machine.stock()
    run(ALICE + "netsh ras set user name=alice dialin=permit", machine)

    assert "Dialin:                 permit" in run("netsh ras show user name=alice", machine)
    assert run("netsh ras show user", machine).count("Dialin:                 policy") == len(Machine.stock().accounts.by_name)


def test_a_table_of_accounts_shows_no_password() -> None:
    shown = console(ALICE + "Get-LocalUser", Machine.stock())[1]

    assert "alice" in shown
    assert "pass-Word1" not in shown


@pytest.mark.parametrize(("script", "named"), [
    ("New-LocalUser bob", "exactly one of"), (f"New-LocalUser bob -NoPassword -Password {SECURE}", "exactly one of"), ("New-LocalUser bob -NoPassword -PasswordNeverExpires", "exactly one of"),
    ("New-LocalUser bob -NoPassword -AccountExpires 2061-08-01", "-AccountExpires"), ("Remove-LocalUser l*", "wildcard"), ("Remove-LocalUser", "no selector"),
    ("Get-LocalUser -SID S-1-5-21", "-SID"), ("(Get-LocalUser labadmin).PasswordLastSet", "PasswordLastSet"), ("New-LocalUser bob -Password plain", "securestring"),
    ("netsh ras set user name=labadmin dialin=permit cbpolicy=caller", "cbpolicy"), ("netsh ras set user name=labadmin dialin=permit cbnumber=1", "cbnumber"),
    ("netsh ras show user mode=all", "mode"),
])
def test_refused(script: str, named: str) -> None:
    assert named in refusal(script, Machine.stock())
