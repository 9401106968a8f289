"""Diagnosis: a misconfigured server always answers with a notify (comment of the article's author)."""

from __future__ import annotations

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.l2tp import L2tpPath
from fixtures.misconfigurations import Answer, Changed, Misconfiguration, load_misconfigurations
from fixtures.planes import LookAtWire, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab.secrets import new_secret
from lab.server import steps

FORGOTTEN = ["trusted-root", "machine-certificate", "server-flags", "address-assignment", "static-pool", "remote-access",
             "incoming-connections remote-access"]  # without Incoming Connections the service is disabled and cannot be started


@pytest.mark.claim("diagnosis-always-answers")
@pytest.mark.parametrize("forgotten", FORGOTTEN)
def test_diagnosis_always_answers__every_forgotten_step(
    server: Server, client: Client, ikev2: Ikev2Path, wire: LookAtWire, forgotten: str
) -> None:
    """Each single step left out: an error notify follows the offending message, and nothing comes up."""
    server.provision(ikev2.steps(without=forgotten))

    refusal = client.must_be_refused(ikev2.profile(), by="server")
    assert refusal.notify in wire().errors


@pytest.mark.claim("diagnosis-always-answers")
def test_diagnosis_always_answers__a_policy_that_does_not_fit(server: Server, client: Client, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """A policy that the client does not offer is answered with NO_PROPOSAL_CHOSEN."""
    server.provision(ikev2.steps(steps.ikev2_policy(EncryptionMethod=3)))

    client.must_be_refused(ikev2.profile(), by="server")
    assert wire().errors == ["NO_PROPOSAL_CHOSEN"]


@pytest.mark.requires("l2tp")
@pytest.mark.claim("diagnosis-always-answers")
@pytest.mark.parametrize("wrong", load_misconfigurations(), ids=lambda one: one.name)
def test_diagnosis_always_answers__l2tp(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire, wrong: Misconfiguration
) -> None:
    """The server's answer to each is on the wire: a notify of IKE, or where the data file says so and why, something else."""
    server.provision(l2tp.steps(without=wrong.without))
    changed = {Changed.SECRET: {"secret": new_secret()}, Changed.PASSWORD: {"password": new_secret()}, Changed.ACCOUNT: {"account": "somebody"}}

    refusal = client.must_be_refused(l2tp.profile(**changed.get(wrong.changed, {})), by="server")
    must_not_reach(client, lan)
    assert refusal.notify == wrong.says
    answers = [message for message in wire().ikev1 if message.source == server.address]
    if wrong.answers is Answer.IKE:
        assert wrong.says in answers[-1].notifies
    elif wrong.answers is Answer.UNREADABLE:
        assert (answers[-1].exchange, answers[-1].encrypted) == ("informational", True)
    else:
        assert any(f"E={wrong.says} " in message for message in wire().values("chap.message", inside="esp"))


@pytest.mark.counter("diagnosis-always-answers")
def test_diagnosis_always_answers__packets_that_do_not_arrive_are_met_with_silence(
    server: Server, client: Client, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """An address where nobody listens: no answer of any kind, and the client says so."""
    server.provision(ikev2.steps())

    client.must_be_refused(ikev2.profile(server_address=client.nobody), by="nobody")
    assert wire().responses("IKE_SA_INIT") == []
