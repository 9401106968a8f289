"""The steps of L2TP on the twin's engine: what they leave, what they refuse, and that none ever removes without a name."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest
from article_lines import CMDLETS, CONSTRAINED_ROOT, NETSH, ROOT
from steps_on_engine import SCRIPTS, Server

from lab.errors import ConfigError, StepFailed
from lab.pki import Authority
from lab.secrets import Secret
from lab.server.l2tp_steps import MARK, DialIn, RuleForm, local_user, printed_root, printed_rule, psk_rule
from lab.server.steps import Step
from lab.twin.powershell import registry as declared
from lab.twin.powershell.engine import ProcessEnvironment
from lab.twin.powershell.interpreter import Interpreter
from lab.twin.powershell.registry import Call, NativeResult
from lab.twin.rras.l2tp import Admission, l2tp
from lab.twin.windows import issuing
from lab.twin.windows.users import Account

SECRET, PASSWORD = Secret("it's a secret"), Secret("pass-Word1")
forms = pytest.mark.parametrize("form", list(RuleForm))


@pytest.fixture
def server() -> Server:
    return Server()


def by_hand(server: Server, script: str) -> None:
    """Run what somebody else did on the server."""
    Interpreter(server.machine, ProcessEnvironment({})).run_script(f"& {{ {script} }} | Out-Null")


def put(server: Server, *steps: Step) -> None:
    for step in steps:
        server.act("inspect", step)
        server.act("apply", step)
        assert server.act("verify", step) == [True]


def secrets(server: Server) -> dict[str, str]:
    return {one.rule: one.value for one in l2tp(server.machine).secrets}


# -- the rule -------------------------------------------------------------------------------------------------------------


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


# -- the article's own lines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [NETSH, CMDLETS], ids=["netsh", "cmdlets"])
def test_the_script_has_the_articles_lines_word_for_word(line: str) -> None:
    script = (SCRIPTS / "article-rule.ps1").read_text()

    assert [one.strip() for one in script.splitlines() if one.strip() == f"{line.replace('XXX', '$secret')} | Out-Null"]


@forms
@pytest.mark.parametrize("secret", ["XXX", "it's a secret", "$x `y $(z)", "x" * 256])
def test_the_printed_rule_is_made_and_gone(server: Server, form: RuleForm, secret: str) -> None:
    before = server.state()
    step = printed_rule(Secret(secret), form=form)
    put(server, step)
    server.act("apply", step)  # again: nothing more
    (rule,) = server.machine.ipsec.rules()

    assert (secrets(server), rule.display_name, rule.description, rule.local_address) == ({"Dummy": secret}, "Dummy", "", "192.168.3.1/32")
    for _ in range(2):
        server.act("revert", step)
        assert server.state() == before


@forms
@pytest.mark.parametrize(("theirs", "complaint"), [
    (NETSH, "rule or authentication set 'Dummy' already"), (CMDLETS, "rule or authentication set 'Dummy' already"),
    (CMDLETS.replace("Tunnel", "Transport"), "rule or authentication set 'Dummy' already"), (NETSH.replace("Dummy", "Other"), "another tunnel rule, Other: with two"),
    (CMDLETS.split("(", 1)[1].split(").InstanceID")[0], "rule or authentication set 'Dummy' already"),
], ids=["netsh", "cmdlets", "transport", "other", "set"])
def test_the_printed_rule_is_not_made_beside_another(server: Server, form: RuleForm, theirs: str, complaint: str) -> None:
    by_hand(server, theirs)
    before = server.state()

    with pytest.raises(StepFailed, match=complaint):
        server.act("inspect", printed_rule(SECRET, form=form))
    assert server.state() == before


@forms
def test_the_printed_rule_may_have_been_removed_by_hand(server: Server, form: RuleForm) -> None:
    before = server.state()
    step = printed_rule(SECRET, form=form)
    put(server, step)
    by_hand(server, "netsh advfirewall consec delete rule name=Dummy" if form is RuleForm.NETSH else "Remove-NetIPsecRule -DisplayName Dummy")
    assert server.act("verify", step) == ["expected one enabled tunnel rule 'Dummy', found 0 among 0 of that name"]

    server.act("revert", step)
    assert server.state() == before


@forms
def test_the_printed_rule_is_not_removed_with_another_of_its_name(server: Server, form: RuleForm) -> None:
    step = printed_rule(SECRET, form=form)
    put(server, step)
    by_hand(server, CMDLETS)

    with pytest.raises(StepFailed, match="there are 2 IPsec rules 'Dummy'"):
        server.act("revert", step)
    assert len(server.machine.ipsec.rules()) == 2


@pytest.mark.parametrize("secret", ["", '"', "gr\u00fcn", "x" * 1025])
def test_the_printed_rule_takes_no_secret_that_would_not_arrive(secret: str) -> None:
    with pytest.raises(ConfigError, match="the shared secret of the rule 'Dummy'"):
        printed_rule(Secret(secret))


# -- the article's root -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [ROOT, CONSTRAINED_ROOT], ids=["without", "with"])
def test_the_script_has_the_articles_line_of_the_root_word_for_word(line: str) -> None:
    script = (SCRIPTS / "article-root.ps1").read_text()

    assert [one.strip() for one in script.splitlines()].count(f"{line} | Out-Null") == 1


@pytest.fixture
def small_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """4096 bits take a second to make."""
    monkeypatch.setattr(issuing.rsa, "generate_private_key", lambda public_exponent, key_size, make=issuing.rsa.generate_private_key: make(public_exponent, 1024))


@pytest.mark.parametrize("constrained", [False, True])
def test_the_root_is_made_taken_and_gone(server: Server, small_keys: None, constrained: bool) -> None:
    by_hand(server, ROOT)  # somebody's own of the same subject
    before = server.state()
    step = printed_root(constrained=constrained)
    put(server, step)
    server.act("apply", step)  # again: nothing more
    (_, made) = server.machine.user_certificates.store("My")
    assert [one.oid.dotted_string for one in made.certificate.extensions].count("2.5.29.19") == int(constrained)

    for _ in range(2):
        server.act("revert", step)
        assert server.state() == before
    assert server.act("verify", step) == ["expected one new certificate 'CN=insert your name here' in CurrentUser\\My, found 0"]


def test_the_root_is_handed_over_with_its_key(server: Server, small_keys: None) -> None:
    password, subject = Secret("pass-Word1"), "CN=insert your name here"
    with pytest.raises(AssertionError, match="there are 0 certificates 'CN=insert your name here'"):
        server.script("export-root", {"subject": subject, "password": password.reveal()})
    put(server, printed_root(constrained=True))

    answer = server.script("export-root", {"subject": subject, "password": password.reveal()})
    authority = Authority.from_pkcs12(base64.b64decode(str(answer["pfx"])), password)
    assert authority.certificate == server.machine.user_certificates.store("My")[0].certificate
    authority.issue("vpn.example.test", usages=()).certificate.verify_directly_issued_by(authority.certificate)

    by_hand(server, ROOT)
    with pytest.raises(AssertionError, match="there are 2 certificates"):
        server.script("export-root", {"subject": subject, "password": password.reveal()})


# -- users ----------------------------------------------------------------------------------------------------------------


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
