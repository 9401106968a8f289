"""IPsec rules by netsh and by cmdlets: the article's lines as they stand, what they leave, how it is removed, and what is refused."""

from __future__ import annotations

import pytest
from article_lines import CMDLETS, NETSH
from twin_scripts import console, refusal, run

from lab.twin.windows.ipsec import IPsecRule, KeyModule, Mode, Security
from lab.twin.windows.machine import Machine

CODE = "; $LASTEXITCODE"
OTHER = NETSH.replace("Dummy", "Other")
SET = "New-NetIPsecPhase1AuthSet -Name s -DisplayName S -Proposal (New-NetIPsecAuthProposal -Machine -PreSharedKey 'a b'); "
ERROR = " -ErrorAction Stop } catch { $_.FullyQualifiedErrorId; $_.CategoryInfo.Category; $_.Exception.Message }"


def after(*scripts: str) -> Machine:
    machine = Machine.stock()
    for script in scripts:
        run(f"& {{ {script} }} | Out-Null", machine)
    return machine


def names(machine: Machine) -> list[str]:
    return [rule.display_name for rule in machine.ipsec.rules()]


def secret(machine: Machine, rule: IPsecRule) -> str | None:
    own = machine.ipsec.set_of(rule)
    return own.preshared_key if own else None


@pytest.mark.parametrize(("line", "module"), [(NETSH, KeyModule.DEFAULT), (CMDLETS, KeyModule.IKEV1)], ids=["netsh", "cmdlets"])
def test_the_articles_line_makes_the_dummy_rule(line: str, module: KeyModule) -> None:
    machine = after(line)
    (rule,) = machine.ipsec.rules()

    assert (rule.display_name, rule.enabled, rule.mode, rule.inbound, rule.outbound) == ("Dummy", True, Mode.TUNNEL, Security.REQUIRE, Security.REQUIRE)
    assert (rule.local_address, rule.remote_address, rule.key_module) == ("192.168.3.1/32", "Any", module)
    assert secret(machine, rule) == "XXX"


def test_both_say_so() -> None:
    assert run(NETSH + CODE, Machine.stock()) == ["Ok.", "", "0"]
    assert "Dummy" in console(CMDLETS, Machine.stock())[1]


@pytest.mark.parametrize("line", [NETSH, CMDLETS], ids=["netsh", "cmdlets"])
def test_a_reset_forgets_rules_and_sets(line: str) -> None:
    machine = after(line)
    machine.reset()

    assert (machine.ipsec.rules(), machine.ipsec.sets()) == ([], [])
    assert machine.facts() == Machine.stock().facts()


@pytest.mark.parametrize("written", ["a b", "it's", "$x `y", "p|q&r", "\\"])
def test_a_secret_arrives_as_it_is(written: str) -> None:
    quoted = written.replace("'", "''")
    by_netsh = after(f"$s = '{quoted}'; netsh advfirewall consec add rule name=D endpoint1=192.168.3.1 endpoint2=any action=requireinrequireout"
                     ' auth1=computerpsk "auth1psk=$s"')
    by_cmdlet = after(f"New-NetIPsecAuthProposal -Machine -PreSharedKey '{quoted}' | ForEach-Object {{ New-NetIPsecPhase1AuthSet -DisplayName D -Proposal $_ }}")

    assert secret(by_netsh, by_netsh.ipsec.rules()[0]) == written
    assert by_cmdlet.ipsec.sets()[0].preshared_key == written
    assert written not in repr(by_netsh.ipsec) + repr(by_cmdlet.ipsec) + str(by_netsh.facts()) or written == "\\"


# -- removal ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("made", "removed", "left"), [
    (NETSH, "netsh advfirewall consec delete rule name=dummy", ([], 0)),
    (f"{NETSH}; {OTHER}", "netsh advfirewall consec delete rule name=Dummy", (["Other"], 1)),
    (f"{NETSH}; {OTHER}", "netsh advfirewall consec delete rule name=all", ([], 0)),
    (f"{NETSH}; {OTHER}", "netsh advfirewall consec delete rule", (["Dummy", "Other"], 2)),
    (f"{NETSH}; {OTHER}", "netsh advfirewall consec delete rule name=", (["Dummy", "Other"], 2)),
    (NETSH, "netsh advfirewall consec delete rule name=Dumm", (["Dummy"], 1)),
    (CMDLETS, "Remove-NetIPsecRule -DisplayName Dummy", ([], 1)),
    (CMDLETS, "Remove-NetIPsecRule -DisplayName Dummy; Remove-NetIPsecPhase1AuthSet -DisplayName Dummy", ([], 0)),
    (CMDLETS, "Get-NetIPsecRule -DisplayName D* | Remove-NetIPsecRule", ([], 1)),
    (CMDLETS, "netsh advfirewall consec delete rule name=Dummy", ([], 1)),
    (f"{CMDLETS}; {CMDLETS}", "Remove-NetIPsecRule", ([], 2)),
    (f"{CMDLETS}; {CMDLETS}", "Remove-NetIPsecRule -All; Remove-NetIPsecPhase1AuthSet", ([], 0)),
    (CMDLETS, "Get-NetIPsecRule -DisplayName X* | Remove-NetIPsecRule", (["Dummy"], 1)),
])
def test_what_a_removal_leaves(made: str, removed: str, left: tuple[list[str], int]) -> None:
    machine = after(made, removed)

    assert (names(machine), len(machine.ipsec.sets())) == left


@pytest.mark.parametrize(("script", "said", "code"), [
    ("delete rule name=all", "Deleted 2 rule(s).", "0"), ("delete rule name=Dummy", "Deleted 1 rule(s).", "0"),
    ("delete rule name=None", "No rules match the specified criteria.", "1"), ("show rule name=None", "No rules match the specified criteria.", "1"),
    ("delete rule", "One or more essential parameters were not entered.", "1"), ("show rule name=all verbose", "Auth1PSK:                             XXX", "0"),
    ("show rule name=other", "Endpoint1:                            192.168.3.1/32", "0"),
])
def test_netsh_says_what_it_did(script: str, said: str, code: str) -> None:
    lines = run(f"netsh advfirewall consec {script}{CODE}", after(NETSH, OTHER))

    assert said in lines
    assert lines[-1] == code


@pytest.mark.parametrize(("changed", "said"), [
    (NETSH.replace('"Dummy"', "all"), "A specified value is not valid."), (NETSH.replace("requireinrequireout", "drop"), "A specified value is not valid."),
    (NETSH.replace("requireinrequireout", "requestinrequestout"), "A specified value is not valid."), (NETSH.replace("tunnel", "bridge"), "A specified value is not valid."),
    (NETSH.replace(' auth1psk="XXX"', ""), "A specified value is not valid."), (NETSH.replace('"XXX"', '""'), "A specified value is not valid."),
    (NETSH.replace(" endpoint1=192.168.3.1/32", ""), "One or more essential parameters were not entered."),
    (NETSH.replace('name="Dummy" ', ""), "One or more essential parameters were not entered."), (f"{NETSH} enable=perhaps", "A specified value is not valid."),
])
def test_netsh_refuses_and_changes_nothing(changed: str, said: str) -> None:
    machine = Machine.stock()
    lines = run(changed + CODE, machine)

    assert said in lines
    assert lines[-1] == "1"
    assert (machine.ipsec.rules(), machine.ipsec.sets()) == ([], [])


def test_a_name_is_taken_once_by_netsh_and_often_by_cmdlets() -> None:
    assert run(NETSH + CODE, after(NETSH))[-1] == "1"
    assert names(after(CMDLETS, CMDLETS)) == ["Dummy", "Dummy"]


@pytest.mark.parametrize(("script", "identifier", "category", "text"), [
    ("New-NetIPsecPhase1AuthSet -Name S -DisplayName T -Proposal (New-NetIPsecAuthProposal -Machine -Kerberos)",
     "Windows System Error 183,New-NetIPsecPhase1AuthSet", "ResourceExists", "already exists"),
    ("New-NetIPsecRule -IPsecRuleName r -DisplayName T", "Windows System Error 183,New-NetIPsecRule", "ResourceExists", "already exists"),
    ("Get-NetIPsecRule -DisplayName None", "CmdletizationQuery_NotFound_DisplayName,Get-NetIPsecRule", "ObjectNotFound", "MSFT_NetConSecRule"),
    ("Remove-NetIPsecRule none", "CmdletizationQuery_NotFound_InstanceID,Remove-NetIPsecRule", "ObjectNotFound", "'none'"),
    ("Get-NetIPsecPhase1AuthSet -Name none", "CmdletizationQuery_NotFound_InstanceID,Get-NetIPsecPhase1AuthSet", "ObjectNotFound", "'none'"),
    ("New-NetIPsecAuthProposal -Machine -PreSharedKey ''", "ParameterArgumentValidationErrorEmptyStringNotAllowed,New-NetIPsecAuthProposal", "InvalidData", "empty string"),
    ("New-NetIPsecRule -DisplayName T -Mode Bridge", "CannotConvertArgumentNoMessage,New-NetIPsecRule", "InvalidArgument", "Tunnel, Transport"),
])
def test_errors_as_windows_words_them(script: str, identifier: str, category: str, text: str) -> None:
    machine = after(SET, "New-NetIPsecRule -IPsecRuleName R -DisplayName R")
    said = run(f"try {{ {script}{ERROR}", machine)

    assert said[:2] == [identifier, category]
    assert text in said[2]
    assert (names(machine), [one.name for one in machine.ipsec.sets()]) == (["R"], ["s"])


def test_an_object_shows_what_windows_documents() -> None:
    shown = run("Get-NetIPsecRule | ForEach-Object { $_.Mode; $_.Enabled; $_.KeyModule; $_.InboundSecurity; $_.Phase1AuthSet -eq (Get-NetIPsecPhase1AuthSet).Name }",
                after(CMDLETS))

    assert shown == ["Tunnel", "True", "IKEv1", "Require", "True"]
    assert run("@(Get-NetIPsecRule).Count; @(Get-NetIPsecRule -DisplayName x*).Count", Machine.stock()) == ["0", "0"]


@pytest.mark.parametrize(("script", "named"), [
    ("New-NetIPsecRule -DisplayName T -LocalTunnelEndpoint Any", "-LocalTunnelEndpoint"), ("New-NetIPsecRule -DisplayName T -PolicyStore x", "-PolicyStore"),
    ("New-NetIPsecRule -DisplayName All", "All"), ("New-NetIPsecRule -DisplayName T -Phase1AuthSet none", "none"),
    ("New-NetIPsecRule -DisplayName T -LocalAddress 10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"), ("New-NetIPsecRule -DisplayName T -LocalAddress 10.0.0.1/8", "host bits"),
    ("New-NetIPsecAuthProposal -Machine", "exactly one"), ("New-NetIPsecAuthProposal -Machine -Ntlm", "-Ntlm"), ("New-NetIPsecAuthProposal -PreSharedKey x", "-Machine"),
    (CMDLETS + "; Remove-NetIPsecPhase1AuthSet -DisplayName Dummy", "the rule 'Dummy' names"), (NETSH + "; Remove-NetIPsecRule -DisplayName Dummy", "netsh made"),
    (SET + "(Get-NetIPsecPhase1AuthSet s).Proposal", "Proposal"), ("Get-NetIPsecRule -Mode Tunnel", "-Mode"), ("Get-Service RasMan | Remove-NetIPsecRule", "another cmdlet"),
    ("netsh advfirewall consec set rule name=x enable=no", "set rule"), (NETSH + " qmpfs=dhgroup2", "qmpfs"), (NETSH.replace("computerpsk", "computercert"), "computercert"),
    (NETSH + " mode=tunnel", "twice"), (NETSH + " XXX", "no tag=value"), ("netsh advfirewall consec delete rule name=x profile=any", "profile"),
])
def test_refused(script: str, named: str) -> None:
    told = refusal(script, Machine.stock())

    assert named in told
    assert "XXX" not in told


def test_main_mode_associations_are_counted() -> None:
    machine = Machine.stock()
    assert run("@(Get-NetIPsecMainModeSA).Count", machine) == ["0"]
    machine.main_mode = lambda: ["incoming", "incoming-l2tp"]
    assert run("@(Get-NetIPsecMainModeSA).Count", machine) == ["2"]
