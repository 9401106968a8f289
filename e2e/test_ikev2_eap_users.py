"""Who may come in by EAP: user names of every kind, and accounts that may not dial in (beyond the article)."""

from __future__ import annotations

import pytest

from fixtures.eap import Ikev2EapPath, eap_of, reason
from fixtures.l2tp import USER
from fixtures.planes import LookAtWire, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab.client.engine import Engine
from lab.errors import ProfileRefused
from lab.secrets import Secret
from lab.server.eap_steps import Method
from lab.server.l2tp_steps import DialIn
from lab.server.steps import remote_access

pytestmark = pytest.mark.requires("eap")
BY_PASSWORD = pytest.mark.parametrize("method", [Method.MSCHAPV2, Method.PEAP], ids=lambda one: one.name.lower())


@BY_PASSWORD
@pytest.mark.parametrize(("dial_in", "enabled", "code"), [
    (DialIn.DENY, True, 65), (DialIn.POLICY, True, 65), (DialIn.PERMIT, False, 34),
], ids=["denied", "left-to-the-policy", "disabled"])
def test_ikev2_eap_users__an_account_that_may_not_dial_in_is_refused(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire, method: Method, dial_in: DialIn, code: int, *, enabled: bool
) -> None:
    """The password is right; the event tells NPS's reason; once the account is put right the same client gets in."""
    server.provision([*ikev2_eap.steps(first=method, without="local-user remote-access"), ikev2_eap.user_step(dial_in=dial_in, enabled=enabled),
                      remote_access()])

    client.must_be_refused(ikev2_eap.profile(method), by="server", engine=Engine.OWN)
    assert eap_of(wire)[-1] == "failure"
    server.await_event(USER, reason(code))
    assert server.clients == ()
    must_not_reach(client, lan)

    server.provision([ikev2_eap.user_step()])
    must_carry(client.connect(ikev2_eap.profile(method), engine=Engine.OWN), client, server, lan, wire)


@BY_PASSWORD
@pytest.mark.parametrize("domain", ["SERVER", "WIN10VPN", "."])
def test_ikev2_eap_users__a_domain_before_the_name_is_no_part_of_it(
    server: Server, client: Client, ikev2_eap: Ikev2EapPath, method: Method, domain: str
) -> None:
    """MS-CHAPv2 hashes the name without its domain (RFC 2759, 4), and the account is a local one."""
    server.provision(ikev2_eap.steps(first=method))

    tunnel = client.connect(ikev2_eap.profile(method, account=f"{domain}\\{USER}"), engine=ikev2_eap.engine(method))
    assert USER in server.await_client(tunnel.inner_address)


@BY_PASSWORD
@pytest.mark.parametrize("account", [
    f"{USER}@example.test", "somebody", f"{USER} ", "a" * 256, "a" * 257, "vpn-benützer", "Владимир", "日本" * 64,
], ids=["address", "stranger", "space", "256", "257", "non-ascii", "cyrillic", "octets"])
def test_ikev2_eap_users__a_name_that_no_account_has_is_refused(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire, method: Method, account: str
) -> None:
    """Whatever is in it, as for any stranger; nothing breaks, and the right one is let in afterwards."""
    server.provision(ikev2_eap.steps(first=method))

    client.must_be_refused(ikev2_eap.profile(method, account=account), by="server", because="RAS error 691", engine=Engine.OWN)
    assert eap_of(wire)[:2] == ["request 1", "response 1"]
    server.await_event(reason(""))
    must_not_reach(client, lan)
    ikev2_eap.connect(client, method)


@pytest.mark.parametrize(("account", "password"), [("", Secret("x")), (USER, Secret(""))], ids=["no-name", "no-password"])
def test_ikev2_eap_users__an_empty_field_is_refused_before_any_packet(
    server: Server, client: Client, ikev2_eap: Ikev2EapPath, wire: LookAtWire, account: str, password: Secret
) -> None:
    """As the pane does, or macOS which would ask."""
    with pytest.raises(ProfileRefused, match="is empty"):
        client.connect(ikev2_eap.profile(account=account, password=password))
    assert wire().ike == []


def test_ikev2_eap_users__a_certificate_needs_no_account(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire
) -> None:
    """By EAP-TLS the certificate is the proof (inferred: that no account is asked for its name)."""
    server.provision(ikev2_eap.steps(first=Method.TLS, without="local-user"))

    must_carry(ikev2_eap.connect(client, Method.TLS), client, server, lan, wire)
