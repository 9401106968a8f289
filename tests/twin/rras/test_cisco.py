"""What only an inverted twin has: XAUTH in both exchanges, with the machine authentications that the server has."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lab.twin.rras import cisco
from lab.twin.rras.effective import Addresses, VpnServer, effective
from lab.twin.rras.inversions import invert
from lab.twin.rras.l2tp_config import L2tp
from lab.twin.windows.machine import Machine

SETTINGS = L2tp(secret="s3cret", users={"vpnuser": "passw0rd"}, endpoints=2)


@pytest.fixture
def server() -> VpnServer:
    pool = Addresses(own=IPv4Address("192.168.77.200"), first=IPv4Address("192.168.77.201"), last=IPv4Address("192.168.77.209"))
    return replace(effective(Machine.stock()), addresses=pool)


def test_an_ordinary_twin_has_none(server: VpnServer) -> None:
    assert cisco.QUIRK not in server.quirks
    assert cisco.QUIRK in invert(server, ["cisco-xauth-refused"]).quirks


def test_with_a_secret_both_exchanges_are_served(server: VpnServer) -> None:
    made = cisco.cisco_messages(server, SETTINGS)
    connections = {name: one for command, message in made if command == "load_conn" for name, one in message.items() if isinstance(one, dict)}

    assert set(connections) == {"cisco-psk-main", "cisco-psk-aggressive"}
    assert [connections[name]["aggressive"] for name in sorted(connections)] == ["yes", "no"]
    assert all(one["remote-2"] == {"auth": "xauth"} for one in connections.values())
    assert ("load_shared", {"type": "XAUTH", "data": "passw0rd", "owners": ["vpnuser"]}) in made
    assert ("load_pool", {"cisco": {"addrs": "192.168.77.201-192.168.77.209"}}) in made


def test_without_secret_and_certificate_there_is_nothing_to_serve_with(server: VpnServer) -> None:
    assert not [one for one, _ in cisco.cisco_messages(server, replace(SETTINGS, secret=None)) if one == "load_conn"]
