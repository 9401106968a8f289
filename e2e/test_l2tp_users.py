"""Who may dial in by L2TP over IPsec: enabled accounts with dial-in permission (beyond the article; learn.microsoft.com, RAS error codes)."""

from __future__ import annotations

import pytest

from fixtures.l2tp import USER, L2tpPath
from fixtures.planes import LookAtWire, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab.secrets import Secret
from lab.server.l2tp_steps import DialIn
from lab.server.steps import Step, remote_access

pytestmark = pytest.mark.requires("l2tp")
NO_RETRY = "R=0"


def with_user(l2tp: L2tpPath, *, dial_in: DialIn = DialIn.PERMIT, enabled: bool = True) -> list[Step]:
    """Return the path's steps with another kind of user."""
    return [*l2tp.steps(without="local-user remote-access"), l2tp.user_step(dial_in=dial_in, enabled=enabled), remote_access()]


@pytest.mark.claim("l2tp-user-dial-in")
def test_l2tp_dial_in__an_enabled_account_with_permission_is_let_in(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire
) -> None:
    """It fails before there is the account, works with it, and fails again without it."""
    server.provision(l2tp.steps(without="local-user"))
    client.must_be_refused(l2tp.profile(), by="server", because="RAS error 691")
    server.revert()

    server.provision(with_user(l2tp))
    tunnel = client.connect(l2tp.profile())
    must_carry(tunnel, client, server, lan, wire)
    assert server.await_client(tunnel.inner_address).split()[0] == USER

    tunnel.disconnect()
    server.await_no_client()
    server.revert()
    server.provision(l2tp.steps(without="local-user"))
    client.must_be_refused(l2tp.profile(), by="server", because="RAS error 691")


@pytest.mark.counter("l2tp-user-dial-in")
@pytest.mark.parametrize(("dial_in", "enabled", "error"), [
    (DialIn.DENY, True, "649"), (DialIn.POLICY, True, "649"), (DialIn.PERMIT, False, "647"), (DialIn.DENY, False, "647"),
], ids=["denied", "left-to-the-policy", "disabled", "disabled-and-denied"])
def test_l2tp_dial_in__another_account_is_refused_with_its_own_error(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire, dial_in: DialIn, error: str, *, enabled: bool
) -> None:
    """IPsec is up, the password is right, and CHAP fails with the error on the wire; once the account is put right the same client gets in."""
    server.provision(with_user(l2tp, dial_in=dial_in, enabled=enabled))

    refusal = client.must_be_refused(l2tp.profile(), by="server", because=f"RAS error {error}")
    assert refusal.notify == error
    (message,) = wire().values("chap.message", inside="esp")
    assert f"E={error} {NO_RETRY} " in message
    assert server.clients == ()
    must_not_reach(client, lan)

    server.revert()
    server.provision(with_user(l2tp))
    must_carry(client.connect(l2tp.profile()), client, server, lan, wire)


@pytest.mark.counter("l2tp-user-dial-in")
def test_l2tp_dial_in__a_wrong_password_is_told_first(server: Server, client: Client, l2tp: L2tpPath) -> None:
    """Whoever does not know the password does not learn that the account may not dial in (inferred)."""
    server.provision(with_user(l2tp, dial_in=DialIn.DENY))

    client.must_be_refused(l2tp.profile(password=Secret("wrong")), by="server", because="RAS error 691")


def test_l2tp_dial_in__a_changed_account_counts_at_the_next_attempt(server: Server, client: Client, l2tp: L2tpPath) -> None:
    """RemoteAccess runs on: an account is asked for whenever somebody comes, and who is connected stays so."""
    server.provision(l2tp.steps())
    with client.connect(l2tp.profile()) as tunnel:
        server.await_client(tunnel.inner_address)
        server.provision([l2tp.user_step(dial_in=DialIn.DENY)])
        assert server.await_client(tunnel.inner_address)
    server.await_no_client()

    client.must_be_refused(l2tp.profile(), by="server", because="RAS error 649")
    server.provision([l2tp.user_step()])
    client.connect(l2tp.profile())


@pytest.mark.parametrize("account", [f"SERVER\\{USER}", "vpn-benützer", f"{USER} ", "a" * 200], ids=["domain", "non-ascii", "space", "long"])
def test_l2tp_dial_in__a_name_that_no_account_has_is_refused(server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, account: str) -> None:
    """Whatever is in it: 691, as for any stranger; and the right one is let in afterwards."""
    server.provision(l2tp.steps())

    client.must_be_refused(l2tp.profile(account=account), by="server", because="RAS error 691")
    must_not_reach(client, lan)
    client.connect(l2tp.profile())
