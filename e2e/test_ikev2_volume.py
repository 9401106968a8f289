"""What happens after so many bytes: saDataSize ([MS-RRASM] 2.2.3.4.2.3)."""

from __future__ import annotations

from fixtures.ikev2 import Ikev2Path
from fixtures.planes import LookAtWire
from fixtures.roles import SERVICE_PORT, Client, LanHost, Server
from lab.client.connection import Tunnel
from lab.errors import UserCheckFailed
from lab.server import steps

SMALLEST = 1024
"""Kilobytes."""
DATAGRAM = 32 * 1024
"""Bytes each way of one question to a service."""


def carry(client: Client, lan: LanHost, tunnel: Tunnel, *, kilobytes: int) -> None:
    """Carry so many kilobytes through a tunnel, in each direction. Raises UserCheckFailed when one gets lost."""
    for _ in range(kilobytes * 1024 // DATAGRAM):
        answer = client.probe.ask_service("udp", lan.address, SERVICE_PORT, bytes(DATAGRAM), source=str(tunnel.inner_address), timeout=2.0)
        if answer is None:
            raise UserCheckFailed(f"a datagram of {DATAGRAM} bytes to {lan.address} is not answered through the tunnel")


def test_ikev2_volume__the_server_rekeys_its_child_after_sadatasize(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire
) -> None:
    """Not before; then by a request of its own, without loss, and the connection goes on."""
    server.provision(ikev2.steps(steps.ikev2_parameters(saDataSize=SMALLEST)))
    tunnel = client.connect(ikev2.profile())
    first = tunnel.sa().children[0]
    server.await_client(tunnel.inner_address)
    carry(client, lan, tunnel, kilobytes=SMALLEST * 3 // 8)  # both directions together are less, too
    assert tunnel.sa().children[0].spi_out == first.spi_out

    carry(client, lan, tunnel, kilobytes=SMALLEST * 3 // 4)
    tunnel.await_other_child(first.spi_out)
    carry(client, lan, tunnel, kilobytes=SMALLEST // 16)
    (request,) = wire().requests("CREATE_CHILD_SA")  # one look: a thousand packets take tshark a moment
    assert request.source == server.address
    assert "REKEY_SA" in [notify.name for notify in request.notifies]
    assert server.await_client(tunnel.inner_address)


def test_ikev2_volume__a_stock_server_carries_more(server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path) -> None:
    """Its saDataSize is a hundred times as much; a value out of range is replaced by that, and logged."""
    server.provision(ikev2.steps(steps.ikev2_parameters(saDataSize=SMALLEST - 1)))
    tunnel = client.connect(ikev2.profile())
    first = tunnel.sa().children[0]
    server.await_client(tunnel.inner_address)

    carry(client, lan, tunnel, kilobytes=SMALLEST * 9 // 8)
    assert [child.spi_out for child in tunnel.children()] == [first.spi_out]
    assert server.news.count(20101) == 1
