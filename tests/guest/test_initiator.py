"""Our own initiator against an independent responder, the charon behind the twin: what comes up carries traffic, what is refused leaves nothing,
and the payloads are a Mac's, in a Mac's order, as charon parsed them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.ikev2 import Ikev2Path
from fixtures.roles import LanHost, Server, new_token
from fixtures.session import LabSession
from lab.client.connection import Refused
from lab.client.initiator import InitiatorMac
from lab.evidence.residue import difference
from lab.hosts.wires import bridge_of
from lab.ike.bodies import Notify, notifies, read_key_exchange
from lab.ike.channel import NO_SPI
from lab.ike.payloads import Exchange, Kind, decode_chain, decode_header, required
from lab.ike.proposals import decode_proposals
from lab.probe.probe import Packet
from lab.server.steps import Step, server_fragmentation
from lab.topology import load_topology
from lab.waiting import Deadline, wait_until
from lab.wire.packets import udp_payload

SERVICE = 7007
EXCHANGE = 18
"""Where the type of exchange is in a message."""
INIT = "SA KE No N(REDIR_SUP) N(NATD_S_IP) N(NATD_D_IP) N(FRAG_SUP)"
AUTH = ("IDi N(INIT_CONTACT) N(MOBIKE_SUP) IDr AUTH CERT CPRQ(ADDR DHCP DNS MASK ADDR6 DHCP6 DNS6 DOMAIN) N(ESP_TFC_PAD_N) N(NON_FIRST_FRAG) "
        "SA TSi TSr")
"""As logs of servers show a Mac's (lab/ike/macos.py), in strongSwan's words."""


@pytest.fixture
def path(session: LabSession) -> Ikev2Path:
    return Ikev2Path(topology=session.topology, pki=session.pki)


@pytest.fixture
def mac(session: LabSession) -> Iterator[InitiatorMac]:
    probe = session.probe("client")
    before = probe.facts()
    made = InitiatorMac(probe, str(session.topology.host("client").address("wan")), roots=[session.pki.authority.certificate])
    yield made
    made.clear()
    assert difference(before, probe.facts()) == []


@pytest.fixture
def lan(session: LabSession) -> Iterator[LanHost]:
    role = LanHost(session.topology.host("lan"), session.probe("lan"), "lan")
    yield role
    role.close()


def parsed_by_charon(session: LabSession, exchange: str) -> list[str]:
    """Return the payloads of each request of an exchange, as the server's charon wrote them down."""
    _, text, _ = session.probe("observer").run(f"grep -h 'parsed {exchange} request' /proc/[0-9]*/root/run/lab/log/charon.log | sort -u")
    return [line.partition("[ ")[2].rpartition(" ]")[0] for line in text.decode().splitlines()]


def answers(mac: InitiatorMac, lan: LanHost, source: str) -> bool:
    token = new_token()
    answer = mac.probe.ask_service("tcp", lan.address, SERVICE, token, source=source, timeout=1.0)
    return answer is not None and token in answer


def test_a_certificate_connects_and_carries_traffic_and_goodbye_ends_it(
    path: Ikev2Path, server: Server, mac: InitiatorMac, lan: LanHost
) -> None:
    assert not answers(mac, lan, mac_address(mac))
    server.provision(path.steps())
    tunnel = mac.connect(path.profile())
    server.await_client(tunnel.inner_address)

    assert answers(mac, lan, str(tunnel.inner_address))
    assert lan.reaches(tunnel.inner_address)
    states = mac.probe.facts()["xfrm_states"]
    assert isinstance(states, list)
    assert {state["spi"] for state in states if isinstance(state, dict)} == {tunnel.agreement.spi_in, tunnel.agreement.spi_out}
    assert tunnel.is_up

    tunnel.disconnect()
    server.await_no_client()
    assert not answers(mac, lan, mac_address(mac))


def mac_address(mac: InitiatorMac) -> str:
    return str(load_topology().host(mac.probe.host).address("wan"))


def test_invalid_ke_is_answered_with_the_group_that_the_server_named_and_the_proposals_keep_their_order(
    session: LabSession, path: Ikev2Path, server: Server, mac: InitiatorMac
) -> None:
    server.provision(path.steps())
    seen: list[Packet] = []
    with session.probe("observer").capture(bridge_of("wan"), seen.append) as capture:
        with mac.connect(path.profile()) as tunnel:
            assert tunnel.agreement.groups == (14, 2)
        capture.sync()

    datagrams = [udp_payload(packet.data[14:], source_port=500, destination_port=500) for packet in seen if packet.data[23:24] == b"\x11"]
    first = [one for one in datagrams if one and one[EXCHANGE] == Exchange.IKE_SA_INIT]
    requests = [decode_chain(decode_header(one)[1], one[28:]) for one in first if not decode_header(one)[0].is_response]
    refusals = [decode_chain(decode_header(one)[1], one[28:]) for one in first if decode_header(one)[0].is_response]
    assert [read_key_exchange(required(one, Kind.KE))[0] for one in requests] == [14, 2]
    assert dict(notifies(refusals[0]))[Notify.INVALID_KE_PAYLOAD] == (2).to_bytes(2, "big")
    assert decode_proposals(required(requests[0], Kind.SA)) == decode_proposals(required(requests[1], Kind.SA))
    assert [decode_header(one)[0].spi_r == NO_SPI for one in first if not decode_header(one)[0].is_response] == [True, True]


def test_the_payloads_are_a_macs_in_its_order(session: LabSession, path: Ikev2Path, server: Server, mac: InitiatorMac) -> None:
    server.provision(path.steps())
    with mac.connect(path.profile()):
        pass

    assert parsed_by_charon(session, "IKE_SA_INIT")[-1] == INIT
    assert parsed_by_charon(session, "IKE_AUTH")[-1] == AUTH


@pytest.mark.parametrize("more", [(), (server_fragmentation(),)], ids=["fragments of IP", "fragments of IKE"])
def test_certificates_that_do_not_fit_into_a_packet(path: Ikev2Path, server: Server, mac: InitiatorMac, more: tuple[Step, ...]) -> None:
    server.provision(path.steps(*more, server=path.pki.server_large))
    with mac.connect(path.profile(certificate=path.pki.client_large)) as tunnel:
        server.await_client(tunnel.inner_address)


def test_a_stranger_is_refused_by_the_server(path: Ikev2Path, server: Server, mac: InitiatorMac) -> None:
    server.provision(path.steps())
    with pytest.raises(Refused, match="AUTHENTICATION_FAILED") as refusal:
        mac.connect(path.profile(certificate=path.pki.client_of_other_authority))
    assert (refusal.value.by, refusal.value.notify) == ("server", "AUTHENTICATION_FAILED")


def test_a_server_of_another_root_and_one_of_another_name_are_refused_by_the_client(path: Ikev2Path, server: Server, mac: InitiatorMac) -> None:
    server.provision(path.steps(server=path.pki.server_other_name))
    with pytest.raises(Refused, match="SSLHostname") as refusal:
        mac.connect(path.profile())
    assert refusal.value.by == "client"
    server.await_no_client()

    mac = InitiatorMac(mac.probe, mac_address(mac), roots=[path.pki.other_authority.certificate])
    with pytest.raises(Refused, match="MissingIntermediate") as refusal:
        mac.connect(path.profile())
    assert refusal.value.by == "client"
    server.await_no_client()


def test_without_a_server_that_serves_it_is_refused(path: Ikev2Path, server: Server, mac: InitiatorMac) -> None:
    with pytest.raises(Refused, match="NO_PROPOSAL_CHOSEN") as refusal:
        mac.connect(path.profile())
    assert refusal.value.by == "server"


def test_the_server_can_end_it(path: Ikev2Path, server: Server, mac: InitiatorMac) -> None:
    server.provision(path.steps())
    with mac.connect(path.profile()) as tunnel:
        server.revert()
        wait_until(lambda: not tunnel.is_up, Deadline(3.0), lambda: AssertionError("it is still up after the server has stopped"))
