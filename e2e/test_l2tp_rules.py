"""The dummy rule that gives L2TP/IPsec its shared secret (article: Using L2TP over IPsec / Shared Secret): its two lines word for word, what
becomes of it when it is removed, two of them, and one whose address is in use."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from fixtures.l2tp import L2tpPath
from fixtures.planes import LookAtWire, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab.client.connection import Refused
from lab.errors import StepFailed
from lab.secrets import Secret
from lab.server.l2tp_steps import RuleForm, printed_rule, psk_rule

pytestmark = pytest.mark.requires("l2tp")
REMOVAL = {
    RuleForm.NETSH: "netsh advfirewall consec delete rule name=Dummy",
    RuleForm.CMDLET: "Remove-NetIPsecRule -DisplayName Dummy; Remove-NetIPsecPhase1AuthSet -DisplayName Dummy",
}
"""As a person would remove what the article's lines made: by name."""
FORMS = [pytest.param(RuleForm.NETSH, id="netsh", marks=pytest.mark.claim("l2tp-psk-netsh")),
         pytest.param(RuleForm.CMDLET, id="powershell", marks=pytest.mark.claim("l2tp-psk-powershell"))]
COUNTER_FORMS = [pytest.param(RuleForm.NETSH, id="netsh", marks=pytest.mark.counter("l2tp-psk-netsh")),
                 pytest.param(RuleForm.CMDLET, id="powershell", marks=pytest.mark.counter("l2tp-psk-powershell"))]


# -- the article's lines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_l2tp_rule__the_articles_line_gives_the_secret(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire, form: RuleForm
) -> None:
    """Main mode, quick mode in transport mode, PPP; nothing in clear; a service behind the server answers."""
    server.provision(l2tp.steps(rules=[printed_rule(l2tp.secret, form=form)]))
    assert server.view().ipsec_rules == ("Dummy",)

    tunnel = client.connect(l2tp.profile())
    must_carry(tunnel, client, server, lan, wire)
    assert tunnel.sa().children[0].mode == "TRANSPORT"
    assert len(wire().values("l2tp.avp.message_type")) == len(wire().values("l2tp.avp.message_type", inside="esp")) > 0


@pytest.mark.parametrize("form", COUNTER_FORMS)
def test_l2tp_rule__removed_by_name_it_takes_the_secret_away(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire, form: RuleForm
) -> None:
    """RemoteAccess runs on meanwhile: the rule holds as long as it is there, no longer and no shorter."""
    server.provision(l2tp.steps(without="psk-rule"))
    client.must_be_refused(l2tp.profile(), by="server", because="NO_PROPOSAL_CHOSEN")
    server.provision([printed_rule(l2tp.secret, form=form)])
    tunnel = client.connect(l2tp.profile())
    must_carry(tunnel, client, server, lan, wire)
    tunnel.disconnect()
    server.await_no_client()

    done = server.host.run(REMOVAL[form])
    assert (done.rc, server.view().ipsec_rules) == (0, ()), done.stderr
    client.must_be_refused(l2tp.profile(), by="server", because="NO_PROPOSAL_CHOSEN")
    must_not_reach(client, lan)


@pytest.mark.parametrize("form", COUNTER_FORMS)
def test_l2tp_rule__another_secret_is_refused(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire, form: RuleForm
) -> None:
    """Phase 1 fails, and nothing is reachable; with the right secret it is not the path that is at fault."""
    server.provision(l2tp.steps(rules=[printed_rule(l2tp.secret, form=form)]))

    client.must_be_refused(l2tp.profile(secret=Secret("XXX")), by="server", because="the shared secrets differ")
    must_not_reach(client, lan)
    assert wire().esp_packets() == 0
    client.connect(l2tp.profile())


@pytest.mark.parametrize("secret", ["two words", " spaces at its ends ", "it's $one \"of\" those; %PATH% `n", "x" * 256, "\\"],
                         ids=["space", "ends", "punctuation", "256", "backslash"])
def test_l2tp_rule__any_printable_secret_arrives(server: Server, client: Client, l2tp: L2tpPath, secret: str) -> None:
    """Both ends have the same bytes: by New-NetIPsecRule, which is handed everything as it is."""
    odd = Secret(secret)
    server.provision(l2tp.steps(rules=[psk_rule(odd, form=RuleForm.CMDLET)]))

    client.connect(l2tp.profile(secret=odd))


# -- an address in use --------------------------------------------------------------------------------------------------


@pytest.mark.counter("l2tp-psk-netsh")
def test_l2tp_rule__an_endpoint_in_use_catches_real_traffic(server: Server, lan: LanHost, l2tp: L2tpPath) -> None:
    """The step warns, and makes it only when asked. The rule is no dummy then: what goes from and to its endpoint1 without IPsec is lost, as long as the rule is there."""
    own = IPv4Address(server.lan_address)
    assert lan.reaches(own, timeout=1.0)

    with pytest.raises(StepFailed, match=f"endpoint1 of the rule 'Dummy', {own}, is an address of this machine"):
        server.provision([psk_rule(l2tp.secret, endpoint1=str(own))])
    server.provision([psk_rule(l2tp.secret, endpoint1=str(own), in_use=True)])
    assert not lan.reaches(own)

    server.revert()
    assert lan.reaches(own, timeout=1.0)


@pytest.mark.claim("l2tp-psk-netsh")
def test_l2tp_rule__an_endpoint_that_nobody_has_catches_nothing(server: Server, lan: LanHost, l2tp: L2tpPath) -> None:
    """The article's own address: everybody reaches the server as before."""
    server.provision([printed_rule(l2tp.secret)])

    assert lan.reaches(IPv4Address(server.lan_address), timeout=1.0)


# -- two rules ----------------------------------------------------------------------------------------------------------


@pytest.mark.claim("l2tp-psk-two-rules")
def test_l2tp_two_rules__the_step_warns_before_the_second(server: Server, l2tp: L2tpPath) -> None:
    """It names both rules and the cause; the first is left as it was."""
    server.provision([psk_rule(l2tp.secret)])

    with pytest.raises(StepFailed, match="another tunnel rule, Dummy, beside which 'Second' is to be made: with two, L2TP may take the secret of either"):
        server.provision([psk_rule(Secret("another secret"), name="Second")])
    assert server.view().ipsec_rules == ("Dummy",)


@pytest.mark.claim("l2tp-psk-two-rules")
def test_l2tp_two_rules__at_most_one_secret_works(server: Server, client: Client, lan: LanHost, l2tp: L2tpPath) -> None:
    """Main mode is chosen by addresses before anybody says who he is. Whoever has the other rule's secret is told that the secrets differ."""
    other = Secret("another secret")
    server.provision(l2tp.steps(rules=[psk_rule(l2tp.secret, others=True), psk_rule(other, name="Second", form=RuleForm.CMDLET, others=True)]))
    assert server.view().ipsec_rules == ("Dummy", "Second")

    works, reasons = [], []
    for secret in (l2tp.secret, other):
        try:
            client.connect(l2tp.profile(secret=secret)).disconnect()
            server.await_no_client()
            works.append(secret)
        except Refused as refusal:
            reasons.append(f"{refusal.by}: {refusal.reason}")
    assert len(works) <= 1
    assert all("server: " in one and "the shared secrets differ" in one for one in reasons)
    must_not_reach(client, lan)


@pytest.mark.counter("l2tp-psk-two-rules")
def test_l2tp_two_rules__with_the_same_secret_work(server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire) -> None:
    """It is the secrets that are in each other's way, not the rules."""
    same = [psk_rule(l2tp.secret, others=True), psk_rule(l2tp.secret, name="Second", form=RuleForm.CMDLET, others=True)]
    server.provision(l2tp.steps(rules=same))

    must_carry(client.connect(l2tp.profile()), client, server, lan, wire)
