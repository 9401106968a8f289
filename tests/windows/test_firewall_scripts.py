"""The steps of the firewall on the twin's engine: what they leave, what they refuse; and how silence is explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_nics import FakeNics
from steps_on_engine import SCRIPTS, Server

from lab.errors import StepFailed
from lab.server import firewall
from lab.server.firewall import ECHO, ENDPOINT_MAPPER, IKE, ORIGINAL_PROFILE, Profile, firewall_rule, stopped_service, vpn_network
from lab.server.session import WindowsSession
from lab.server.steps import Step
from lab.twin.commands import wfp
from lab.twin.windows.firewall import DEFAULT_BLOCK, Drop
from lab.twin.windows.firewall import Profile as Number
from lab.twin.windows.machine import Connection
from lab.twin.windows.network import Category, Network
from lab.twin.windows.sockets import UdpEndpoint, udp_endpoints

UDP = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
   12: 00000000:1194 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 31 2 0000000000000000 0
   11: 0A7100CB:01F4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 30 2 0000000000000000 0
"""


@pytest.fixture
def server() -> Server:
    made = Server()
    made.machine.network = Network(FakeNics())
    return made


@pytest.fixture
def connected(server: Server) -> Server:
    server.machine.ras.connections.append(Connection(user="u", client="203.0.113.20", address="192.168.77.201"))
    return server


def put(server: Server, *steps: Step) -> None:
    for step in steps:
        server.act("inspect", step)
        server.act("apply", step)
        assert server.act("verify", step) == [True]


# -- rules --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", list(Profile))
def test_a_rule_is_made_made_again_and_gone(server: Server, profile: Profile) -> None:
    step = firewall_rule(ENDPOINT_MAPPER, profile)
    before = server.state()
    put(server, step)
    server.act("apply", step)

    (rule,) = server.machine.firewall.rules()
    assert (rule.action, rule.profile, rule.protocol, rule.local_ports) == ("Allow", profile.value, "TCP", ("135",))
    server.act("revert", step)
    assert server.state() == before


def test_rules_of_one_service_stand_side_by_side_and_go_each_alone(server: Server) -> None:
    steps = [firewall_rule(ECHO, Profile.PUBLIC), firewall_rule(ECHO, Profile.PRIVATE), firewall_rule(ECHO, Profile.ANY, action="Block")]
    put(server, *steps)
    assert len(server.machine.firewall.rules()) == 3

    server.act("revert", steps[0])
    assert [rule.profile for rule in server.machine.firewall.rules()] == ["Private", "Any"]


def test_what_was_there_before_stays(server: Server) -> None:
    step = firewall_rule(ECHO, Profile.PUBLIC)
    put(server, step)
    again = Server(machine=server.machine)
    put(again, step)
    again.act("revert", step)

    assert len(server.machine.firewall.rules()) == 1


def test_a_rule_that_was_changed_is_noticed(server: Server) -> None:
    step = firewall_rule(IKE, Profile.ANY, action="Block")
    put(server, step)
    server.machine.firewall.replace(server.machine.firewall.rules()[0].__class__(
        name=server.machine.firewall.rules()[0].name, display_name="x", direction="Inbound", action="Allow"))

    assert "lacks the rule" in str(server.act("verify", step)[0])


# -- the VPN's network ----------------------------------------------------------------------------------------------------


def test_the_vpns_network_is_taken_for_private_and_put_back(connected: Server) -> None:
    step = vpn_network(Profile.PRIVATE)
    put(connected, step)
    assert connected.machine.network.vpn_category is Category.PRIVATE
    assert {one.category for one in connected.machine.network.adapters()} == {Category.PUBLIC}

    connected.act("revert", step)
    assert connected.machine.network.vpn_category is Category.PUBLIC


def test_without_a_client_it_has_no_profile_and_nothing_to_put_back(server: Server) -> None:
    step = vpn_network(Profile.PRIVATE)
    with pytest.raises(StepFailed, match="a profile while a client is connected"):
        server.act("inspect", step)

    server.found[step.name] = {"category": "Public"}
    server.act("revert", step)


def test_a_service_is_stopped_and_started_again(server: Server) -> None:
    step = stopped_service("IKEEXT")
    before = server.state()
    put(server, step)
    assert server.state() != before

    server.act("revert", step)
    assert server.state() == before


# -- why there is silence -------------------------------------------------------------------------------------------------


class Session(WindowsSession):
    """Runs scripts on the twin's engine, as the session would over WinRM."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def run_script(self, name, script, parameters, deadline):
        return self._server.script(name, parameters)


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "udp").write_text(UDP)
    monkeypatch.setattr(wfp, "UDP", tmp_path / "udp")


def test_drops_are_told_with_their_filter_and_who_listens(server: Server, listening: None) -> None:
    put(server, firewall_rule(IKE, Profile.ANY, action="Block"))
    number = server.machine.firewall.filter_of(server.machine.firewall.rules()[0])
    server.machine.firewall.drops.append(Drop(filter_id=number, protocol=17, local="203.0.113.10", remote="203.0.113.20", local_port=500, remote_port=500))
    server.machine.firewall.drops.append(Drop(filter_id=DEFAULT_BLOCK, protocol=6, local="192.168.77.200", remote="192.168.77.201", local_port=135,
                                              current=Number.PRIVATE))

    seen = firewall.read(Session(server), SCRIPTS, 500, seconds=5)
    (drop,) = seen.drops
    assert (drop.remote, drop.local_port, drop.filter.name) == ("203.0.113.20", 500, "incoming-connections-lab ike")
    assert drop.filter.conditions["FWPM_CONDITION_IP_PROTOCOL"] == "17"
    assert seen.listening == {500, 4500}

    (drop,) = firewall.read(Session(server), SCRIPTS, 135, seconds=5).drops
    assert (drop.original_profile, drop.current_profile, drop.filter.conditions) == ("1", "2", {ORIGINAL_PROFILE: "1"})


def test_what_was_dropped_before_is_not_told(server: Server, listening: None) -> None:
    drop = Drop(filter_id=DEFAULT_BLOCK, protocol=6, local="192.168.77.200", remote="192.168.77.201", local_port=135)
    server.machine.firewall.drops.append(Drop(filter_id=DEFAULT_BLOCK, protocol=6, local=drop.local, remote=drop.remote, local_port=135, at=drop.at - 5.5))

    assert firewall.read(Session(server), SCRIPTS, 135, seconds=5).drops == ()
    assert len(firewall.read(Session(server), SCRIPTS, 135, seconds=7).drops) == 1


def test_the_filter_of_a_rule_that_is_gone_is_unknown(server: Server, listening: None) -> None:
    server.machine.firewall.drops.append(Drop(filter_id=4711, protocol=1, local="192.168.77.200", remote="192.168.77.201", local_port=8))

    assert firewall.read(Session(server), SCRIPTS, 8, seconds=5).drops[0].filter.conditions == {}


def test_the_kernels_table_of_sockets_is_read() -> None:
    assert udp_endpoints(UDP) == [UdpEndpoint(address="203.0.113.10", port=500), UdpEndpoint(address="0.0.0.0", port=4500)]
    assert udp_endpoints("   sl\n") == []
