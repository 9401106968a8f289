"""The article's own lines as steps, on the twin's engine: the printed rule and the printed root."""

from __future__ import annotations

import base64

import pytest
from article_lines import CMDLETS, CONSTRAINED_ROOT, NETSH, ROOT
from steps_on_engine import SCRIPTS, Server, by_hand, put, secrets

from lab.errors import ConfigError, StepFailed
from lab.pki import Authority
from lab.secrets import Secret
from lab.server.l2tp_steps import RuleForm, printed_root, printed_rule
from lab.twin.windows import issuing

SECRET = Secret("it's a secret")
forms = pytest.mark.parametrize("form", list(RuleForm))


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
