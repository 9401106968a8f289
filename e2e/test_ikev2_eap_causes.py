"""What EAP needs of the server, and what each part's absence does: the bit, ias.xml, the program in place of eapahost.dll (article: EAP, Missing EAP
Component)."""

from __future__ import annotations

import pytest

from fixtures.eap import Ikev2EapPath, eap_of, reason
from fixtures.eap_causes import Answer, EapCause, load_eap_causes
from fixtures.planes import LookAtWire, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab.server.eap_readiness import Part
from lab.server.eap_steps import Authentication, Method, ias_policy
from lab.server.eap_test_steps import altered_program
from lab.server.steps import EAP, Step

pytestmark = pytest.mark.requires("eap")
EVERY_METHOD = pytest.mark.parametrize("method", list(Method), ids=lambda one: one.name.lower())
BEGUN = ["request 1", "response 1", "failure"]
"""EAP that fails once the server knows who it is."""
COUNTERS = pytest.mark.counter("eap-serverflags", "eap-ias-authentication-type", "eap-ias-allowed-type")


def policy(cause: EapCause) -> list[Step]:
    """Return the step that adds to ias.xml what the row says; none where the file stays as it is."""
    if "ias-policy" in cause.without.split():
        return []
    return [ias_policy(authentication_types=[Authentication(one) for one in cause.authentication_types], eap_types=[Method(one) for one in cause.eap_types])]


@COUNTERS
@pytest.mark.parametrize(("cause", "method"), [(cause, method) for cause in load_eap_causes() for method in cause.methods],
                         ids=lambda one: one.name.lower())
def test_ikev2_eap_causes__each_alone_and_together(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire, cause: EapCause, method: Method
) -> None:
    """The server's answer on the wire, its event, and a readiness check that names just what is missing."""
    answer = cause.answer(method)
    server.provision(ikev2_eap.steps(*policy(cause), first=method, only=True, without=f"ias-policy {cause.without}"))
    found = server.eap_readiness()

    assert found.parts == frozenset(cause.missing), str(found)
    assert bool(found.refusing(method)) == (answer is not Answer.TUNNEL)
    if answer is Answer.TUNNEL:
        must_carry(ikev2_eap.connect(client, method), client, server, lan, wire)
        return
    refusal = ikev2_eap.must_be_refused(client, method)
    assert (eap_of(wire), refusal.notify) == (([], "AUTHENTICATION_FAILED") if answer is Answer.NOTIFY else (BEGUN, refusal.notify))
    assert server.clients == ()
    must_not_reach(client, lan)
    if cause.says:
        server.await_event(cause.says)
    if cause.reason:
        server.await_event(reason(cause.reason))


@pytest.mark.counter("eap-ias-allowed-type")
def test_ikev2_eap_causes__where_peap_is_not_allowed_a_mac_is_let_in_by_the_other_method(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire
) -> None:
    """The program would offer PEAP first; the policy has EAP-MSCHAPv2, and a Mac with a password knows both."""
    server.provision(ikev2_eap.steps(ias_policy(), first=Method.PEAP, without="ias-policy"))

    tunnel = ikev2_eap.connect(client, Method.PEAP)
    assert eap_of(wire, tunnel.sa().spi)[2] == f"request {Method.MSCHAPV2:d}"
    must_carry(tunnel, client, server, lan, wire)


@pytest.mark.claim("eap-serverflags")
def test_ikev2_eap_causes__the_bit_is_added_to_what_was_there(server: Server, ikev2_eap: Ikev2EapPath) -> None:
    """ServerFlags has no 0x00008000 on a stock Windows, and keeps its other bits."""
    before = server.view().server_flags
    assert not before & EAP

    server.provision(ikev2_eap.steps())
    assert server.view().server_flags == before | EAP


@pytest.mark.claim("eap-component-missing")
@EVERY_METHOD
def test_ikev2_eap_component__its_absence_is_named_by_the_diagnosis_and_by_the_event(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire, method: Method
) -> None:
    """All else is right, and EAP fails before it begins."""
    server.provision(ikev2_eap.steps(first=method, without="eaphost"))

    (cause,) = server.eap_readiness().refusing(method)
    assert cause.part is Part.COMPONENT
    assert "eapahost.dll is missing" in cause.text
    assert "install-eaphost.ps1" in cause.remedy
    ikev2_eap.must_be_refused(client, method, because="AUTHENTICATION_FAILED")
    assert eap_of(wire) == []
    server.await_event("eapahost.dll")
    must_not_reach(client, lan)


@pytest.mark.counter("eap-component-missing")
@pytest.mark.claim("eap-replacement-complete")
@EVERY_METHOD
def test_ikev2_eap_component__the_replacement_makes_it_work(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire, method: Method
) -> None:
    """The same server, once the program is compiled and registered there."""
    server.provision(ikev2_eap.steps(first=method, without="eaphost"))
    ikev2_eap.must_be_refused(client, method)

    server.provision(ikev2_eap.steps(first=method))
    assert server.eap_readiness().causes == ()
    must_carry(ikev2_eap.connect(client, method), client, server, lan, wire)


@pytest.mark.counter("eap-component-missing")
def test_ikev2_eap_component__an_altered_program_does_not_answer(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire
) -> None:
    """The program that is registered decides, not that one was once installed: an octet more, and nobody is let in; put back, it answers again."""
    server.provision(ikev2_eap.steps())
    with server.provisioned(altered_program()):
        (cause,) = server.eap_readiness().causes
        assert "is not the one that was built" in cause.text
        ikev2_eap.must_be_refused(client, Method.MSCHAPV2)
        assert "success" not in eap_of(wire)
        must_not_reach(client, lan)

    assert server.eap_readiness().causes == ()
    ikev2_eap.connect(client, Method.MSCHAPV2)
