"""The step that makes a local account with dial-in permission, on the twin's engine."""

from __future__ import annotations

from dataclasses import replace

import pytest
from steps_on_engine import Server, by_hand, put

from lab.errors import ConfigError, StepFailed
from lab.secrets import Secret
from lab.server.l2tp_steps import DialIn, local_user
from lab.twin.powershell import registry as declared
from lab.twin.powershell.registry import NativeResult
from lab.twin.rras.admission import Admission
from lab.twin.rras.l2tp import l2tp
from lab.twin.windows.users import Account

PASSWORD = Secret("pass-Word1")


@pytest.mark.parametrize(("dial_in", "enabled", "admission"), [
    (DialIn.PERMIT, True, Admission.ALLOWED), (DialIn.DENY, True, Admission.NO_PERMISSION), (DialIn.POLICY, True, Admission.NO_PERMISSION),
    (DialIn.PERMIT, False, Admission.DISABLED),
])
def test_a_user_is_made_and_gone(server: Server, dial_in: DialIn, enabled: bool, admission: Admission) -> None:
    before = server.state()
    step = local_user("alice", PASSWORD, dial_in=dial_in, enabled=enabled)
    put(server, step)
    server.act("apply", step)
    account = server.machine.accounts.find("alice")

    assert account is not None
    assert (account.password, account.dial_in.value) == ("pass-Word1", dial_in.value)
    assert l2tp(server.machine).admission("alice") is admission
    for _ in range(2):
        server.act("revert", step)
        assert server.state() == before


def test_our_account_gets_the_new_password_and_stays(server: Server) -> None:
    put(server, local_user("alice", Secret("earlier"), enabled=False))
    put(server, local_user("Alice", PASSWORD))
    server.act("revert", local_user("alice", PASSWORD))

    found = server.machine.accounts.find("alice")
    assert found is not None
    assert (found.password, found.enabled) == ("pass-Word1", True)


@pytest.mark.parametrize("name", ["bob", "BOB", "labadmin", "Guest"])
def test_somebody_elses_account_is_refused_and_kept(server: Server, name: str) -> None:
    server.machine.accounts.keep(Account(name="bob", password="his own"))
    before, password = server.state(), server.machine.accounts.find(name)

    with pytest.raises(StepFailed, match=f"there is an account '{name}' already, which is not the suite's"):
        server.act("inspect", local_user(name, PASSWORD))
    assert (server.state(), server.machine.accounts.find(name)) == (before, password)


def test_a_refused_password_leaves_no_account(server: Server) -> None:
    before = server.state()
    step = local_user("alice", PASSWORD)
    step = replace(step, parameters={**step.parameters, "password": "x" * 257})
    server.act("inspect", step)
    with pytest.raises(StepFailed, match="Unable to update the password"):
        server.act("apply", step)
    assert server.machine.accounts.find("alice") is not None  # as Windows PowerShell does

    server.act("revert", step)
    assert server.state() == before


@pytest.mark.parametrize("says", ["", "Der Befehl ist fehlgeschlagen.\r\n"])
def test_netsh_is_not_believed_when_it_has_not(server: Server, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    monkeypatch.setitem(declared.NATIVES, "netsh", lambda arguments, machine, text: NativeResult(output=says))
    step = local_user("alice", PASSWORD)
    server.act("inspect", step)

    with pytest.raises(StepFailed, match=f"left the dial-in permission of 'alice' as it was, and shows '{says.strip()}'"):
        server.act("apply", step)


@pytest.mark.parametrize(("change", "told"), [
    ("Remove-LocalUser alice", "there is no account 'alice' of the suite"), ("Disable-LocalUser alice", "the account 'alice' is enabled: False"),
    ("Set-LocalUser alice -Description theirs", "there is no account 'alice' of the suite"),
])
def test_verify_notices_what_is_no_longer_so(server: Server, change: str, told: str) -> None:
    step = local_user("alice", PASSWORD)
    put(server, step)
    by_hand(server, change)

    assert server.act("verify", step) == [told]


@pytest.mark.parametrize("password", ["a b", 'it\'s "x"', "$x `y", "gr\u00fcn", "x" * 256, "\\"])
def test_a_password_arrives_as_it_is(server: Server, password: str) -> None:
    put(server, local_user("alice", Secret(password)))
    found = server.machine.accounts.find("alice")

    assert found is not None
    assert found.password == password


@pytest.mark.parametrize(("name", "password", "complaint"), [
    ("LAB\\alice", "p", "has a backslash: a local account has no domain"), ("al\u00efce", "p", "expected printable ASCII"), ("", "p", "no name of a local account"),
    ("x" * 21, "p", "expected 1 to 20 characters"), ("alice.", "p", "no dot or space at an end"), (" alice", "p", "no dot or space at an end"),
    ("...", "p", "no name of a local account"), ("a:b", "p", "no name of a local account"), ("alice@lab", "p", "no name of a local account"),
    ("alice", "", "the password of 'alice': expected 1 to 256 characters, got 0"), ("alice", "x" * 257, "expected 1 to 256 characters, got 257"),
])
def test_a_user_that_cannot_be_made_is_refused(name: str, password: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        local_user(name, Secret(password))

    assert complaint in str(caught.value)


@pytest.mark.parametrize("name", ["alice", "Alice B", "a.b-c_d", "x" * 20, "it's"])
def test_an_ordinary_name_is_taken(server: Server, name: str) -> None:
    put(server, local_user(name, PASSWORD))

    assert l2tp(server.machine).admission(name) is Admission.ALLOWED
