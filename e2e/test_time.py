"""What happens after minutes: rekey of the IKE SA, blackout, idleness. Time is moved where the lab can do that (docs/writing-tests.md)."""

from __future__ import annotations

import datetime as dt

import pytest

from fixtures.clock import Clock
from fixtures.ikev2 import Ikev2Path
from fixtures.planes import LookAtWire
from fixtures.roles import Client, Server
from lab import budgets
from lab.client.connection import Tunnel
from lab.client.profile import SecurityAssociationParameters as Parameters
from lab.errors import WireCheckFailed
from lab.evidence.ike import IkeMessage
from lab.server import steps
from lab.server.firewall import ECHO, Profile, firewall_rule
from lab.waiting import Deadline, wait_until

pytestmark = pytest.mark.slow

SHORTEST_IDLE, SHORTEST_BLACKOUT, SHORTEST_LIFETIME, LONG = 300, 120, 300, 3600
OPEN_TO_PINGS = firewall_rule(ECHO, Profile.PUBLIC)
STEP = dt.timedelta(seconds=2)
"""Shorter than any two retransmissions lie apart."""
LATE = 20
"""Seconds by which a request may be given up late: each of its retransmissions waits for a step."""


def after(seconds: float, began: dt.datetime) -> dt.datetime:
    """Return the moment so many seconds after another."""
    return began + dt.timedelta(seconds=seconds)


def await_request_of(server: Server, wire: LookAtWire) -> IkeMessage:
    """Return the server's own CREATE_CHILD_SA request once it is on the wire."""

    def asked() -> list[IkeMessage]:
        return [message for message in wire().requests("CREATE_CHILD_SA") if message.source == server.address]

    return wait_until(asked, Deadline(budgets.APPEAR), lambda: WireCheckFailed("wan: the server asks for no CREATE_CHILD_SA"))[0]


def must_lose_nothing(client: Client, tunnel: Tunnel, ikev2: Ikev2Path) -> None:
    """Check that every one of some packets through the tunnel is answered."""
    assert all(client.pings(ikev2.topology.vpn.pool.first, tunnel) for _ in range(5))


@pytest.mark.claim("ikev2-rekey-eight-minutes")
def test_ikev2_rekey__after_eight_minutes_without_loss(server: Server, client: Client, clock: Clock, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """The client rekeys its IKE SA at eight minutes, not before, with a key exchange of its own; the child SA and its traffic go on."""
    server.provision(ikev2.steps(OPEN_TO_PINGS))
    tunnel = client.connect(ikev2.profile())
    began, first = clock.now, tunnel.sa()
    for seconds in (200, 400, 470):  # traffic, or a stock server's idleTimeout (300 s) would end the connection
        must_lose_nothing(client, tunnel, ikev2)
        clock.advance_to(after(seconds, began))
    must_lose_nothing(client, tunnel, ikev2)
    assert tunnel.sa().spi == first.spi

    clock.advance_to(after(481, began))
    must_lose_nothing(client, tunnel, ikev2)
    second = tunnel.await_other_ike(first.spi)
    must_lose_nothing(client, tunnel, ikev2)

    assert second.children[0].spi_out == first.children[0].spi_out
    assert server.await_client(tunnel.inner_address)
    request = wire().requests("CREATE_CHILD_SA")[-1]
    assert (request.source, request.ke_group) == (client.address, first.group)
    assert "TSi" not in request.payloads


@pytest.mark.counter("ikev2-rekey-eight-minutes")
def test_ikev2_rekey__a_configuration_profile_has_a_day(server: Server, client: Client, clock: Clock, ikev2: Ikev2Path, wire: LookAtWire) -> None:
    """With IKESecurityAssociationParameters the lifetime is LifeTimeInMinutes, by default a day: nothing happens at eight minutes."""
    server.provision(ikev2.steps(OPEN_TO_PINGS, steps.ikev2_parameters(idleTimeout=LONG)))
    parameters = Parameters(encryption_algorithm="AES-128", integrity_algorithm="SHA1-96", diffie_hellman_group=2)
    tunnel = client.connect(ikev2.profile(ike=parameters))
    spi = tunnel.sa().spi

    clock.advance(dt.timedelta(minutes=9))
    must_lose_nothing(client, tunnel, ikev2)
    assert tunnel.sa().spi == spi
    assert not wire().requests("CREATE_CHILD_SA")


def test_ikev2_rekey__of_the_child_by_the_server_at_salifetime(
    server: Server, client: Client, clock: Clock, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """Not before; by a request of the server's own, without loss, and the IKE SA stays."""
    server.provision(ikev2.steps(OPEN_TO_PINGS, steps.ikev2_parameters(idleTimeout=LONG, saLifeTime=SHORTEST_LIFETIME)))
    tunnel = client.connect(ikev2.profile())
    began, first = clock.now, tunnel.sa()
    clock.advance_to(after(SHORTEST_LIFETIME - 10, began))
    must_lose_nothing(client, tunnel, ikev2)
    assert tunnel.sa().children[0].spi_out == first.children[0].spi_out

    clock.advance_to(after(SHORTEST_LIFETIME + 1, began))
    request = await_request_of(server, wire)
    tunnel.await_other_child(first.children[0].spi_out)
    must_lose_nothing(client, tunnel, ikev2)
    assert "REKEY_SA" in [notify.name for notify in request.notifies]
    assert tunnel.sa().spi == first.spi


@pytest.mark.claim("liveness-blackout")
def test_liveness_blackout__a_request_without_answer_ends_the_connection(
    server: Server, client: Client, client2: Client, clock: Clock, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """The server's rekey at saLifeTime stays unanswered; after networkBlackoutTime, not before, connection and address are free."""
    times = steps.ikev2_parameters(idleTimeout=LONG, networkBlackoutTime=SHORTEST_BLACKOUT, saLifeTime=SHORTEST_LIFETIME)
    server.provision([*ikev2.steps_with_pool(2)[:-1], times, steps.remote_access()])
    tunnel = client.connect(ikev2.profile())
    began = clock.now
    clock.advance_to(after(SHORTEST_LIFETIME - 10, began))
    server.await_client(tunnel.inner_address)
    with client.unheard():
        clock.advance_to(after(SHORTEST_LIFETIME + 1, began))
        await_request_of(server, wire)
        asked = clock.now
        client2.must_be_refused(ikev2.profile_of("second.example.test"), by="server", because="INTERNAL_ADDRESS_FAILURE")
        clock.advance_until(lambda: not server.clients, within=dt.timedelta(seconds=SHORTEST_BLACKOUT + LATE), step=STEP)
        gone = (clock.now - asked).total_seconds()

    assert SHORTEST_BLACKOUT - 2 <= gone <= SHORTEST_BLACKOUT + LATE
    assert client2.connect(ikev2.profile_of("second.example.test")).inner_address == tunnel.inner_address


@pytest.mark.counter("liveness-blackout")
def test_liveness_blackout__an_answer_within_the_time_keeps_it(
    server: Server, client: Client, clock: Clock, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """Unheard for a minute, then heard again: the rekey is answered, and the connection outlives the time."""
    times = steps.ikev2_parameters(idleTimeout=LONG, networkBlackoutTime=SHORTEST_BLACKOUT, saLifeTime=SHORTEST_LIFETIME)
    server.provision(ikev2.steps(OPEN_TO_PINGS, times))
    tunnel = client.connect(ikev2.profile())
    began, before = clock.now, tunnel.sa().children[0].spi_out
    clock.advance_to(after(SHORTEST_LIFETIME - 10, began))
    with client.unheard():
        clock.advance_to(after(SHORTEST_LIFETIME + 1, began))
        await_request_of(server, wire)
        asked = clock.now
        clock.advance_until(lambda: server.clients and clock.now >= after(60, asked), within=dt.timedelta(seconds=70), step=STEP)
    clock.advance_until(lambda: [child.spi_out for child in tunnel.children()] not in ([before], []), within=dt.timedelta(seconds=60), step=STEP)
    tunnel.await_other_child(before)

    clock.advance_to(after(SHORTEST_BLACKOUT + LATE, asked))
    must_lose_nothing(client, tunnel, ikev2)
    assert server.await_client(tunnel.inner_address)


@pytest.mark.claim("liveness-blackout")
def test_liveness_blackout__idleness_ends_the_connection(
    server: Server, client: Client, client2: Client, clock: Clock, ikev2: Ikev2Path
) -> None:
    """Without traffic the connection is there until idleTimeout, then it is gone and its address free."""
    times = steps.ikev2_parameters(idleTimeout=SHORTEST_IDLE)
    server.provision([*ikev2.steps_with_pool(2)[:-1], times, steps.remote_access()])
    tunnel = client.connect(ikev2.profile())
    began = clock.now
    clock.advance_to(after(SHORTEST_IDLE - 10, began))
    server.await_client(tunnel.inner_address)

    clock.advance_to(after(SHORTEST_IDLE + 1, began))
    server.await_no_client()
    assert client2.connect(ikev2.profile_of("second.example.test")).inner_address == tunnel.inner_address


@pytest.mark.counter("liveness-blackout")
def test_liveness_blackout__traffic_within_the_time_keeps_it(server: Server, client: Client, clock: Clock, ikev2: Ikev2Path) -> None:
    """Traffic at half of idleTimeout puts the end off by as much."""
    server.provision(ikev2.steps(OPEN_TO_PINGS, steps.ikev2_parameters(idleTimeout=SHORTEST_IDLE)))
    tunnel = client.connect(ikev2.profile())
    began = clock.now
    clock.advance_to(after(SHORTEST_IDLE / 2, began))
    must_lose_nothing(client, tunnel, ikev2)
    sent = clock.now

    clock.advance_to(after(SHORTEST_IDLE + 1, began))
    server.await_client(tunnel.inner_address)
    clock.advance_to(after(SHORTEST_IDLE - 10, sent))
    server.await_client(tunnel.inner_address)
    clock.advance_to(after(SHORTEST_IDLE + 2, sent))
    server.await_no_client()
