"""IKEv2 with a shared secret, which macOS offers under "None" and Windows has no place for (beyond the article)."""

from __future__ import annotations

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.planes import LookAtWire, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab.secrets import new_secret
from lab.server.l2tp_steps import RuleForm, psk_rule

SHARED_KEY = "2"
"""Authentication method "Shared Key Message Integrity Code" (RFC 7296, 3.8)."""


@pytest.mark.claim("ikev2-none-shared-secret")
@pytest.mark.parametrize("with_rule", [False, True], ids=["no-rule", "rule"])
def test_ikev2_secret__is_refused_with_a_notify(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire, *, with_rule: bool
) -> None:
    """Also where the dummy rule has just this secret, which is L2TP's alone. The diagnosis says what is needed instead."""
    secret = new_secret()
    server.provision(ikev2.steps(*([psk_rule(secret, form=RuleForm.CMDLET)] if with_rule else [])))

    refusal = client.must_be_refused(ikev2.profile(secret=secret), by="server")
    request = wire().requests("IKE_AUTH")[0]
    assert request.auth_method == SHARED_KEY
    assert "CERT" not in request.payloads
    assert wire().errors[-1] == refusal.notify
    assert "IKEv2 needs certificates here" in refusal.hint
    assert server.clients == ()
    must_not_reach(client, lan)


@pytest.mark.counter("ikev2-none-shared-secret")
def test_ikev2_secret__the_same_client_is_served_by_certificate(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """Nothing else is wrong: with a certificate under "None" the next attempt works."""
    secret = new_secret()
    server.provision(ikev2.steps(psk_rule(secret, form=RuleForm.CMDLET)))
    client.must_be_refused(ikev2.profile(secret=secret), by="server")

    must_carry(client.connect(ikev2.profile()), client, server, lan, wire)
