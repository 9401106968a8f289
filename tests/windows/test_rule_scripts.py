"""The step that makes the dummy rule, on the twin's engine: what it leaves, what it refuses, and that nothing is ever removed without a name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from article_lines import CMDLETS, NETSH
from steps_on_engine import Server, by_hand, put, secrets

from lab.errors import ConfigError, StepFailed
from lab.secrets import Secret
from lab.server.l2tp_steps import MARK, RuleForm, psk_rule
from lab.twin.powershell import registry as declared
from lab.twin.powershell.registry import Call, NativeResult
from lab.twin.rras.l2tp import l2tp

SECRET = Secret("it's a secret")
forms = pytest.mark.parametrize("form", list(RuleForm))


@forms
def test_the_rule_is_made_made_again_and_gone(server: Server, form: RuleForm) -> None:
    before = server.state()
    put(server, psk_rule(SECRET, form=form))
    assert secrets(server) == {"Dummy": "it's a secret"}
    assert server.machine.ipsec.rules()[0].local_address == "192.168.3.1/32"

    server.act("apply", psk_rule(Secret("another"), form=form))
    assert secrets(server) == {"Dummy": "another"}
    assert len(server.machine.ipsec.sets()) == 1

    for _ in range(2):
        server.act("revert", psk_rule(SECRET, form=form))
        assert server.state() == before


@forms
def test_what_was_ours_before_stays(server: Server, form: RuleForm) -> None:
    put(server, psk_rule(SECRET, form=form))
    put(server, psk_rule(SECRET, form=form))
    server.act("revert", psk_rule(SECRET, form=form))

    assert secrets(server) == {"Dummy": "it's a secret"}


@forms
def test_one_form_takes_over_from_the_other(server: Server, form: RuleForm) -> None:
    before = server.state()
    other = next(one for one in RuleForm if one is not form)
    step = psk_rule(SECRET, form=form)
    server.act("inspect", step)
    server.act("apply", psk_rule(SECRET, form=other))
    server.act("apply", step)
    assert len(server.machine.ipsec.rules()) == len(server.machine.ipsec.sets()) == 1

    server.act("revert", step)
    assert server.state() == before


@forms
@pytest.mark.parametrize("theirs", [NETSH, CMDLETS, CMDLETS.replace("Tunnel", "Transport")], ids=["netsh", "cmdlets", "transport"])
def test_somebody_elses_rule_of_that_name_is_refused_and_kept(server: Server, form: RuleForm, theirs: str) -> None:
    by_hand(server, theirs)
    before = server.state()

    for action in ("inspect", "apply"):
        with pytest.raises(StepFailed, match=r"there is an IPsec rule 'Dummy' already, which is not the suite's"):
            server.act(action, psk_rule(SECRET, form=form))
        assert server.state() == before


@forms
def test_a_second_tunnel_rule_has_to_be_asked_for(server: Server, form: RuleForm) -> None:
    put(server, psk_rule(SECRET, form=form))
    second = replace(psk_rule(Secret("another"), form=form, name="Second"), name="second")
    with pytest.raises(StepFailed, match="another tunnel rule, Dummy, beside which 'Second' is to be made: with two, L2TP may take the secret of either"):
        server.act("inspect", second)
    assert secrets(server) == {"Dummy": "it's a secret"}

    wanted = replace(psk_rule(Secret("another"), form=form, name="Second", others=True), name="second")
    put(server, wanted)
    assert l2tp(server.machine).conflict == ("Dummy", "Second")
    server.act("revert", wanted)
    assert secrets(server) == {"Dummy": "it's a secret"}


def test_a_rule_of_another_kind_is_no_second_one(server: Server) -> None:
    by_hand(server, "New-NetIPsecRule -DisplayName Isolation -Mode Transport -InboundSecurity Require")
    by_hand(server, NETSH.replace("Dummy", "Off") + " enable=no")

    put(server, psk_rule(SECRET))
    assert secrets(server) == {"Dummy": "it's a secret"}


def test_a_rule_made_meanwhile_under_that_name_is_not_removed_with_netshs(server: Server) -> None:
    step = psk_rule(SECRET, form=RuleForm.NETSH)
    put(server, step)
    by_hand(server, CMDLETS)

    with pytest.raises(StepFailed, match="another IPsec rule is named 'Dummy' too"):
        server.act("revert", step)
    assert len(server.machine.ipsec.rules()) == 2


def test_a_rule_made_meanwhile_under_that_name_outlives_the_cmdlets(server: Server) -> None:
    step = psk_rule(SECRET, form=RuleForm.CMDLET)
    put(server, step)
    by_hand(server, CMDLETS)
    server.act("revert", step)

    assert secrets(server) == {"Dummy": "XXX"}


@pytest.mark.parametrize("change", ["Remove-NetIPsecRule -DisplayName Dummy", "netsh advfirewall consec delete rule name=Dummy"])
def test_verify_notices_that_it_is_gone(server: Server, change: str) -> None:
    step = psk_rule(SECRET, form=RuleForm.CMDLET)
    put(server, step)
    by_hand(server, change)

    assert server.act("verify", step) == ["expected one enabled tunnel rule 'Dummy' of the suite, found 0 among 0 of that name"]


def test_endpoint1_is_what_was_asked_for(server: Server) -> None:
    put(server, psk_rule(SECRET, endpoint1="203.0.113.10"))

    assert server.machine.ipsec.rules()[0].local_address == "203.0.113.10/32"


@forms
def test_an_endpoint1_of_the_servers_own_has_to_be_asked_for(server: Server, form: RuleForm) -> None:
    before = server.state()
    for action in ("inspect", "apply"):
        with pytest.raises(StepFailed, match=r"endpoint1 of the rule 'Dummy', 127\.0\.0\.1, is an address of this machine"):
            server.act(action, psk_rule(SECRET, form=form, endpoint1="127.0.0.1"))
    assert server.state() == before

    put(server, psk_rule(SECRET, form=form, endpoint1="127.0.0.1", in_use=True))
    assert server.machine.ipsec.rules()[0].local_address == "127.0.0.1/32"


@forms
@pytest.mark.parametrize("secret", ["a b", " ", "it's", "$x `y $(z)", "p|q&r;s", "name=all", "x" * 256, "x" * 1024, "\\a"])
def test_a_secret_arrives_as_it_is(server: Server, form: RuleForm, secret: str) -> None:
    put(server, psk_rule(Secret(secret), form=form))

    assert secrets(server) == {"Dummy": secret}


@pytest.mark.parametrize("secret", ['"', 'a "b" c', "a b\\", '\\"'])
def test_what_netsh_would_not_get_the_cmdlet_does(server: Server, secret: str) -> None:
    with pytest.raises(ConfigError, match="does not reach netsh from Windows PowerShell") as caught:
        psk_rule(Secret(secret))
    assert "RuleForm.CMDLET takes both" in caught.value.hint

    put(server, psk_rule(Secret(secret), form=RuleForm.CMDLET))
    assert secrets(server) == {"Dummy": secret}


@pytest.mark.parametrize(("secret", "complaint"), [
    ("", "expected 1 to 1024 characters, got 0"), ("x" * 1025, "expected 1 to 1024 characters, got 1025"), ("gr\u00fcn-geheim", "expected printable ASCII"),
    ("line\nbreak", "expected printable ASCII"), ("\u0645\u0641\u062a\u0627\u062d", "expected printable ASCII"),
])
@forms
def test_a_secret_that_cannot_be_used_is_refused_without_being_told(form: RuleForm, secret: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=f"the shared secret of the rule 'Dummy': {complaint}") as caught:
        psk_rule(Secret(secret), form=form)

    assert not secret or secret not in str(caught.value)


@pytest.mark.parametrize(("name", "endpoint1", "complaint"), [
    ("all", "192.168.3.1/32", "cannot be named 'all'"), ("ALL", "192.168.3.1/32", "cannot be named 'ALL'"), ("", "192.168.3.1/32", "cannot be named ''"),
    ("D*", "192.168.3.1/32", "cannot be named"), ('D"', "192.168.3.1/32", "cannot be named"), ("x" * 65, "192.168.3.1/32", "up to 64 characters"),
    ("Dummy", "192.168.3.1/24", "expected one IPv4 address such as 192.168.3.1/32, got '192.168.3.1/24'"), ("Dummy", "any", "got 'any'"), ("Dummy", "fe80::1", "got 'fe80::1'"),
    ("Dummy", "0.0.0.0/0", "got '0.0.0.0/0'"), ("Dummy", "", "got ''"),
])
def test_a_rule_that_cannot_be_made_is_refused(name: str, endpoint1: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        psk_rule(SECRET, name=name, endpoint1=endpoint1)

    assert complaint in str(caught.value)


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"name": "all"}, "'all' is no name for a rule"), ({"name": ""}, "'' is no name for a rule"), ({"name": "*"}, "no name for a rule"),
    ({"secret": ""}, "the secret of the rule 'Dummy' is empty"),
])
@pytest.mark.parametrize("action", ["inspect", "apply", "verify", "revert"])
def test_the_script_itself_acts_on_no_such_rule(server: Server, action: str, changes: dict[str, str], complaint: str) -> None:
    by_hand(server, NETSH)
    before = server.state()
    step = psk_rule(SECRET)

    with pytest.raises(StepFailed, match=complaint.replace("*", ".")):
        server.act(action, replace(step, parameters={**step.parameters, **changes}))
    assert server.state() == before


def test_what_netsh_says_is_told_without_the_secret(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(declared.NATIVES, "netsh", lambda arguments, machine, text: NativeResult(output=f"wrong: {arguments[-1]}", exit_code=1))

    with pytest.raises(StepFailed, match=r"auth1psk=\*\*\* failed with exit code 1: wrong: auth1psk=\*\*\*") as caught:
        server.act("apply", psk_rule(SECRET))
    assert SECRET.reveal() not in str(caught.value)


class Removals:
    """Every call that removes rules or sets, as it is made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by_netsh: list[list[str]] = []
        self.by_cmdlet: list[dict[str, object]] = []
        netsh = declared.NATIVES["netsh"]

        def native(arguments: list[str], machine: object, text: str) -> NativeResult:
            if "delete" in arguments:
                self.by_netsh.append(arguments)
            return netsh(arguments, machine, text)

        monkeypatch.setitem(declared.NATIVES, "netsh", native)
        for name in ("remove-netipsecrule", "remove-netipsecphase1authset"):
            monkeypatch.setitem(declared.CMDLETS, name, replace(declared.CMDLETS[name], run=self.noting(declared.CMDLETS[name])))

    def noting(self, known: declared.Cmdlet) -> object:
        def run(call: Call) -> Iterator[object]:
            self.by_cmdlet.append(dict(call.arguments))
            yield from known.run(call)

        return run


@forms
def test_nothing_is_ever_removed_without_a_name(server: Server, form: RuleForm, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand(server, CMDLETS.replace("Dummy", "Theirs").replace("Tunnel", "Transport"))
    theirs = server.state()
    removals = Removals(monkeypatch)
    step = psk_rule(SECRET, form=form)

    put(server, step)
    server.act("apply", step)
    server.act("revert", step)

    assert server.state() == theirs
    assert removals.by_netsh == ([["advfirewall", "consec", "delete", "rule", "name=Dummy"]] * 2 if form is RuleForm.NETSH else [])
    assert removals.by_cmdlet == ([] if form is RuleForm.NETSH else [{"IPsecRuleName": [f"{MARK} Dummy"]}, {"Name": [f"{MARK} Dummy"]}] * 2)


def test_a_rule_that_cannot_be_made_leaves_no_set(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(call: Call) -> Iterator[object]:
        call.error("The system refuses.", identifier="Refused")
        yield from ()

    monkeypatch.setitem(declared.CMDLETS, "new-netipsecrule", replace(declared.CMDLETS["new-netipsecrule"], run=failing))
    before = server.state()
    step = psk_rule(SECRET, form=RuleForm.CMDLET)
    server.act("inspect", step)
    with pytest.raises(StepFailed, match="The system refuses"):
        server.act("apply", step)
    assert server.state() != before

    server.act("revert", step)
    assert server.state() == before
