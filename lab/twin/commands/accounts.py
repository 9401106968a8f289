"""New-, Get-, Set-, Enable-, Disable-, Remove-LocalUser.

Source: MicrosoftDocs/PowerShell-Docs, module Microsoft.PowerShell.LocalAccounts; identifiers from that module's own tests and from reports
of users (PowerShell/PowerShell, issues 3045 and 3242). Windows PowerShell's New-LocalUser makes the account first, so one whose password is
refused stays behind, as 3242 reports of the same code. Texts of InvalidName and UserExists are inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from lab.twin.commands.cim import WILDCARDS, handles, only_one_way
from lab.twin.commands.services import machine_of
from lab.twin.powershell.compare import like
from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, complaint, failure
from lab.twin.powershell.registry import Call, cmdlet
from lab.twin.powershell.values import PSObject, SecureString
from lab.twin.windows.users import LONGEST_NAME, LONGEST_PASSWORD, Account, is_valid_name

NAMESPACE = "Microsoft.PowerShell.Commands"
BAD_PASSWORD = "Unable to update the password. The value provided for the new password does not meet the length, complexity, or history requirements of the domain."


def as_object(account: Account) -> PSObject:
    """Return an account as Get-LocalUser shows it."""
    return PSObject([("Name", account.name), ("Enabled", account.enabled), ("Description", account.description), ("FullName", account.full_name),
                     ("ObjectClass", "User")], type_name=f"{NAMESPACE}.LocalUser", handle=account,
                    view=("Name", "Enabled", "Description"))


def _error(call: Call, kind: str, message: str, category: str, target: str = "") -> PowerShellError:
    return complaint(message, exception=f"{NAMESPACE}.{kind}Exception", category=category, target=target,
                     identifier=f"{kind},{NAMESPACE}.{call.name.replace('-', '')}Command")


def _password(call: Call) -> str:
    """Return the password. Raises PowerShellError for one that is too long."""
    given = call.value("Password")
    assert isinstance(given, SecureString)
    if len(given.value) > LONGEST_PASSWORD:
        raise _error(call, "InvalidPassword", BAD_PASSWORD, "InvalidArgument")
    return given.value


@cmdlet("New-LocalUser", "[string] Name @0 mandatory, [securestring] Password, [switch] NoPassword, [string] Description empty,"
        " [string] FullName empty, [switch] Disabled, [switch] AccountNeverExpires, [switch] PasswordNeverExpires")
def new_local_user(call: Call) -> Iterator[object]:
    """Make an account: member of no group, dial-in by policy."""
    name, accounts = call.text("Name"), machine_of(call).accounts
    if call.has("Password") == call.on("NoPassword") or (call.on("NoPassword") and call.on("PasswordNeverExpires")):
        raise NotSupportedByTwin("New-LocalUser without exactly one of -Password and -NoPassword (Windows would ask, or refuse)")
    if len(name) > LONGEST_NAME:
        raise failure(f"Cannot validate argument on parameter 'Name'. The character length of the {len(name)} argument is too long. Shorten the"
                      f" character length of the argument so it is fewer than or equal to \"{LONGEST_NAME}\" characters, and then try the command"
                      " again.", exception="System.Management.Automation.ParameterBindingException", category="InvalidData",
                      identifier=f"ParameterArgumentValidationError,{NAMESPACE}.NewLocalUserCommand")
    if not is_valid_name(name):
        raise _error(call, "InvalidName", f"The name '{name}' is not valid.", "InvalidArgument", name)
    if accounts.find(name) is not None:
        raise _error(call, "UserExists", f"User {name} already exists.", "ResourceExists", name)
    made = Account(name=name, description=call.text("Description"), full_name=call.text("FullName"), enabled=not call.on("Disabled"))
    accounts.keep(made)
    if call.has("Password"):
        made = replace(made, password=_password(call))
        accounts.keep(made)
    yield as_object(made)


def _named(call: Call) -> Iterator[Account]:
    """Yield the accounts of -Name, with wildcards; one that is not there is reported."""
    known = list(machine_of(call).accounts.by_name.values())
    for wanted in call.strings("Name"):
        found = [one for one in known if like(one.name, wanted)] if set(WILDCARDS) & set(wanted) else \
            [one for one in known if one.name.lower() == wanted.lower()]
        if not found and not set(WILDCARDS) & set(wanted):
            call.take(_error(call, "UserNotFound", f"User {wanted} was not found.", "ObjectNotFound", wanted))
        yield from found


def _chosen(call: Call) -> list[Account]:
    """Return the accounts of -Name or of the pipeline, one of which must be given; names have no wildcards here."""
    only_one_way(call, "Name", "InputObject")
    if any(set(WILDCARDS) & set(name) for name in call.strings("Name")):
        raise NotSupportedByTwin(f"{call.name} with a wildcard in -Name")
    accounts = machine_of(call).accounts
    given = handles(call, Account) if call.has("InputObject") else _named(call)
    return [current for one in given if (current := accounts.find(one.name)) is not None]


@cmdlet("Get-LocalUser", "[string[]] Name @0")
def get_local_user(call: Call) -> Iterator[object]:
    """Accounts by name; all without one."""
    yield from (as_object(one) for one in (_named(call) if call.has("Name") else list(machine_of(call).accounts.by_name.values())))


@cmdlet("Set-LocalUser", "[string[]] Name @0, [object[]] InputObject pipeline, [securestring] Password, [string] Description empty, [string] FullName empty")
def set_local_user(call: Call) -> Iterable[object]:
    """Change password, description, full name."""
    for one in _chosen(call):
        changed = replace(one, password=_password(call)) if call.has("Password") else one
        if call.has("Description"):
            changed = replace(changed, description=call.text("Description"))
        if call.has("FullName"):
            changed = replace(changed, full_name=call.text("FullName"))
        machine_of(call).accounts.keep(changed)
    return ()


@cmdlet("Enable-LocalUser", "[string[]] Name @0, [object[]] InputObject pipeline")
def enable_local_user(call: Call) -> Iterable[object]:
    """Let an account log on."""
    for one in _chosen(call):
        machine_of(call).accounts.keep(replace(one, enabled=True))
    return ()


@cmdlet("Disable-LocalUser", "[string[]] Name @0, [object[]] InputObject pipeline")
def disable_local_user(call: Call) -> Iterable[object]:
    """Let an account log on no more."""
    for one in _chosen(call):
        machine_of(call).accounts.keep(replace(one, enabled=False))
    return ()


@cmdlet("Remove-LocalUser", "[string[]] Name @0, [object[]] InputObject pipeline")
def remove_local_user(call: Call) -> Iterable[object]:
    """Remove accounts."""
    for one in _chosen(call):
        machine_of(call).accounts.remove(one)
    return ()
