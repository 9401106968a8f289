"""The steps of L2TP over real WinRM: the article's lines as they stand, both paths and back, and no secret in what is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from article_lines import CMDLETS, CONSTRAINED_ROOT, NETSH, ROOT

from lab.errors import StepFailed
from lab.pki import RunPki
from lab.secrets import Secret
from lab.server import view
from lab.server.l2tp_steps import L2TP_DEVICE, RuleForm, local_user, psk_rule
from lab.server.paths import l2tp_certificate, l2tp_secret
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.server.steps import IKEV2_DEVICE, Step
from lab.topology import load_topology
from lab.waiting import Deadline

SCRIPTS = Path(__file__).parents[2] / "fixtures" / "windows"
POOL = load_topology().vpn.pool
SECRET, PASSWORD = Secret("sesame open-1"), Secret("pass-Word1-of-alice")


def everything(session: WindowsSession) -> dict[str, object]:
    raw = dict(view.read(session, SCRIPTS).raw)
    raw.pop("events")
    return raw


def told(session: WindowsSession, text: str) -> str:
    done = session.run_powershell(text, Deadline(20))
    assert done.exit_code == 0, done.error
    return done.output.strip()


def path(name: str, pki: RunPki) -> list[Step]:
    if name == "certificate":
        return l2tp_certificate(pki, POOL, user="alice", password=PASSWORD)
    return l2tp_secret(SECRET, POOL, user="alice", password=PASSWORD, form=RuleForm(name))


@pytest.mark.parametrize(("line", "removal"), [
    (NETSH, "netsh advfirewall consec delete rule name=Dummy"), (CMDLETS, "Remove-NetIPsecRule -DisplayName Dummy; Remove-NetIPsecPhase1AuthSet -DisplayName Dummy"),
], ids=["netsh", "cmdlets"])
def test_the_articles_rule_as_it_stands(session: WindowsSession, line: str, removal: str) -> None:
    before = everything(session)
    told(session, line.replace("XXX", SECRET.reveal()))

    assert told(session, "(Get-NetIPsecRule -DisplayName Dummy).Mode") == "Tunnel"
    assert f"Auth1PSK:                             {SECRET.reveal()}" in told(session, "netsh advfirewall consec show rule name=Dummy verbose")
    assert everything(session) != before
    told(session, removal)
    assert everything(session) == before


@pytest.mark.parametrize(("line", "constrained"), [(ROOT, "False"), (CONSTRAINED_ROOT, "True")], ids=["without", "with"])
def test_the_articles_root_as_it_stands(session: WindowsSession, line: str, constrained: str) -> None:
    told(session, line)
    # DER of 2.5.29.19 is 06 03 55 1D 13
    script = ("$c = @(Get-ChildItem Cert:\\CurrentUser\\My)[0]; $hex = ($c.RawData | ForEach-Object { '{0:X2}' -f $_ }) -join '';"
              " $hex.Contains('0603551D13'); Remove-Item -Path \"Cert:\\CurrentUser\\My\\$($c.Thumbprint)\" -DeleteKey; @(Get-ChildItem Cert:\\CurrentUser\\My).Count")

    assert told(session, script).split() == [constrained, "0"]


@pytest.mark.parametrize("name", ["netsh", "cmdlet", "certificate"])
def test_the_path_and_back(session: WindowsSession, pki: RunPki, tmp_path: Path, name: str) -> None:
    before = everything(session)
    provisioner = Provisioner(session, scripts=SCRIPTS, evidence=tmp_path / "steps.json")

    applied = provisioner.apply(path(name, pki))
    state = view.read(session, SCRIPTS)
    ports = state.raw["ports"]

    assert isinstance(ports, dict)
    assert state.running
    assert (ports[L2TP_DEVICE]["EnableForRas"], ports[IKEV2_DEVICE]["EnableForRas"]) == (1, 0)  # type: ignore[index, call-overload]
    assert bool(state.server_flags & 0x04000000) is (name == "certificate")
    assert "alice: enabled" in state.raw["accounts"]  # type: ignore[operator]
    assert bool(state.raw["ipsec"]) is (name != "certificate")
    provisioner.verify(applied)
    kept = session.transcript.text() + (tmp_path / "steps.json").read_text()
    assert SECRET.reveal() not in kept
    assert PASSWORD.reveal() not in kept
    provisioner.revert()
    assert everything(session) == before
    assert json.loads((tmp_path / "steps.json").read_text()) == []


@pytest.mark.parametrize("name", ["netsh", "cmdlet", "certificate"])
def test_applying_twice_changes_nothing_more(session: WindowsSession, pki: RunPki, name: str) -> None:
    before = everything(session)
    first, second = (Provisioner(session, scripts=SCRIPTS) for _ in range(2))
    first.apply(path(name, pki))
    second.apply(path(name, pki))
    second.revert()
    assert [one for one in named(session) if one == "Dummy"] == ([] if name == "certificate" else ["Dummy"])

    first.revert()
    assert everything(session) == before


def named(session: WindowsSession) -> list[str]:
    return told(session, "Get-NetIPsecRule | ForEach-Object DisplayName").split()


def failing(session: WindowsSession, steps: Sequence[Step]) -> StepFailed:
    """Return why a path fails; nothing of it may stay."""
    before = everything(session)
    with pytest.raises(StepFailed) as caught:
        Provisioner(session, scripts=SCRIPTS).apply(steps)
    assert everything(session) == before
    return caught.value


@pytest.mark.parametrize("form", list(RuleForm))
def test_a_rule_or_an_account_in_the_way_leaves_nothing_half_applied(session: WindowsSession, form: RuleForm) -> None:
    told(session, CMDLETS)
    error = failing(session, l2tp_secret(SECRET, POOL, user="alice", password=PASSWORD, form=form))
    told(session, "Remove-NetIPsecRule -DisplayName Dummy; Remove-NetIPsecPhase1AuthSet -DisplayName Dummy")
    account = failing(session, l2tp_secret(SECRET, POOL, user="Guest", password=PASSWORD, form=form))

    assert "psk-rule could not inspect: there is an IPsec rule 'Dummy' already" in error.message
    assert "local-user could not inspect: there is an account 'Guest' already" in account.message


def test_two_rules_at_once_are_noticed_before_the_second(session: WindowsSession) -> None:
    error = failing(session, [psk_rule(SECRET), psk_rule(Secret("open-2 sesame"), name="Second", form=RuleForm.CMDLET)])

    assert "psk-rule could not apply: there is another tunnel rule, Dummy" in error.message
    both = Provisioner(session, scripts=SCRIPTS)
    before = everything(session)
    both.apply([psk_rule(SECRET, others=True), psk_rule(Secret("open-2 sesame"), name="Second", form=RuleForm.CMDLET, others=True)])
    assert named(session) == ["Dummy", "Second"]
    both.revert()
    assert everything(session) == before


def test_no_secret_gets_into_a_message(session: WindowsSession) -> None:
    step = local_user("alice", PASSWORD)
    telling = Step(name="telling", script="server-flags", because="", secrets=(PASSWORD,), parameters={"bits": PASSWORD.reveal()})
    error = failing(session, [step, telling])

    assert "***" in error.message
    assert PASSWORD.reveal() not in str(error)


@pytest.mark.parametrize("secret", ['"', '": "', "{}", "a", "\\"])
def test_a_secret_of_punctuation_spoils_neither_transcript_nor_evidence(session: WindowsSession, tmp_path: Path, secret: str) -> None:
    step = psk_rule(Secret(secret), form=RuleForm.CMDLET)
    provisioner = Provisioner(session, scripts=SCRIPTS, evidence=tmp_path / "steps.json")
    provisioner.apply([step])
    (kept,) = json.loads((tmp_path / "steps.json").read_text())
    provisioner.revert()

    assert kept["parameters"]["secret"] == "***"
    assert all(json.loads(line) for line in session.transcript.text().splitlines())
