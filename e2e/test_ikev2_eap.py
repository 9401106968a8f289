"""IKEv2 with EAP: macOS' "Username" and "Certificate" (article: EAP).

The interface's eleven methods one by one, wrong lengths, replay, unknown and abandoned sessions: tests/eaphost/test_eap_verbs.py, test_eap_session.py and
test_eap_fuzz.py, which drive the same core without IKE around it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from fixtures.eap import Ikev2EapPath, conversation, eap_of, reason
from fixtures.ikev2 import Ikev2Path
from fixtures.l2tp import USER
from fixtures.path import Path
from fixtures.planes import LookAtWire, must_be_seen_in_clear, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab.client.engine import Engine
from lab.client.initiator import InitiatorTunnel
from lab.faults import Toward, every_nth_lost
from lab.secrets import new_secret
from lab.server import steps
from lab.server.eap_steps import Method

pytestmark = pytest.mark.requires("eap")
SHARED_KEY = "2"
"""Authentication method "Shared Key Message Integrity Code" (RFC 7296, 3.8), which with EAP means by the MSK (2.16)."""
CLAIMS = {Method.MSCHAPV2: "eap-username-is-mschapv2-or-peap", Method.PEAP: "eap-username-is-mschapv2-or-peap", Method.TLS: "eap-certificate-is-tls"}
MACS_ORDER = ["IDi", "N", "N", "IDr", "CP", "N", "N", "SA", "TSi", "TSr"]
"""Payloads of a Mac's first IKE_AUTH with EAP, inside SK (log: strongX509/docker issue 7; lab/ike/macos.py)."""
CREDENTIALS = 16
"""NPS's reason code: name or password is wrong (learn.microsoft.com, NPS Reason Codes)."""


def claimed(mark: str) -> list[object]:
    """Return the three methods, each with its own claim."""
    return [pytest.param(method, marks=getattr(pytest.mark, mark)(claim), id=method.name.lower()) for method, claim in CLAIMS.items()]


EVERY_METHOD = pytest.mark.parametrize("method", list(Method), ids=lambda one: one.name.lower())


@pytest.mark.claim("eap-serverflags", "eap-ias-authentication-type", "eap-ias-allowed-type")
@pytest.mark.parametrize("method", claimed("claim"))
def test_ikev2_eap__works_on_all_planes(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire, method: Method
) -> None:
    """It fails before, works after provisioning, and fails again when torn down."""
    must_be_seen_in_clear(client, server, wire)
    must_not_reach(client, lan)
    ikev2_eap.must_be_refused(client, method)

    server.provision(ikev2_eap.steps(first=method))
    tunnel = ikev2_eap.connect(client, method)
    must_carry(tunnel, client, server, lan, wire)

    tunnel.disconnect()
    server.await_no_client()
    must_not_reach(client, lan)
    server.revert()
    ikev2_eap.must_be_refused(client, method)


@pytest.mark.claim("eap-no-auth-in-first-message")
@pytest.mark.parametrize("method", claimed("claim"))
def test_ikev2_eap__the_method_and_the_same_key_at_both_ends(
    server: Server, client: Client, ikev2_eap: Ikev2EapPath, wire: LookAtWire, method: Method
) -> None:
    """No AUTH and no CERT in the first request; the server proves itself by certificate and asks who it is; after the method's success both ends
    prove its key by AUTH, and accept it."""
    server.provision(ikev2_eap.steps(first=method))
    tunnel = ikev2_eap.connect(client, method)
    asked, answered, *_, own_proof, accepted = conversation(wire, tunnel.sa().spi)

    assert {"AUTH", "CERT", "EAP"}.isdisjoint(asked.payloads)
    assert {"IDi", "IDr", "SA", "TSi", "TSr"} <= set(asked.payloads)
    assert asked.identities == [ikev2_eap.pki.server_name], "IDr is a name, IDi the client's address"
    assert {"IDr", "CERT", "AUTH", "EAP"} <= set(answered.payloads)
    assert answered.eap == ["request 1"]
    said = eap_of(wire, tunnel.sa().spi)
    assert said[:2] == ["request 1", "response 1"]
    assert set(said[2:-1]) == {f"request {method:d}", f"response {method:d}"}
    assert said[-1] == "success"
    assert (own_proof.auth_method, accepted.auth_method) == (SHARED_KEY, SHARED_KEY)
    if isinstance(tunnel, InitiatorTunnel):
        assert tunnel.agreement.eap == (Method.PEAP, Method.MSCHAPV2)
        assert asked.payloads[1:] == MACS_ORDER


@pytest.mark.counter("eap-no-auth-in-first-message")
def test_ikev2_eap__with_auth_in_the_first_message_no_eap_follows(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, ikev2_eap: Ikev2EapPath, wire: LookAtWire
) -> None:
    """On a server that serves both, "None" with a certificate is let in by its signature alone."""
    server.provision(ikev2_eap.steps(steps.server_flags(steps.CERT)))
    tunnel = client.connect(ikev2.profile())

    said = conversation(wire, tunnel.sa().spi)
    assert [("AUTH" in message.payloads, "EAP" in message.payloads) for message in said] == [(True, False), (True, False)]
    must_carry(tunnel, client, server, lan, wire)


@pytest.mark.parametrize("engine", list(Engine))
@pytest.mark.parametrize("method", [Method.MSCHAPV2, Method.TLS], ids=lambda one: one.name.lower())
def test_ikev2_eap__either_engine_is_let_in(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire, method: Method, engine: Engine
) -> None:
    """StrongSwan's client and our own initiator, which does what a Mac does, agree with the server on the key."""
    server.provision(ikev2_eap.steps(first=method))

    must_carry(client.connect(ikev2_eap.profile(method), engine=engine), client, server, lan, wire)


@pytest.mark.counter("eap-username-is-mschapv2-or-peap")
@pytest.mark.parametrize(("method", "engine"), [
    (Method.MSCHAPV2, Engine.CHARON), (Method.MSCHAPV2, Engine.OWN), (Method.PEAP, Engine.OWN)], ids=lambda one: one.name.lower())
def test_ikev2_eap__a_wrong_password_is_refused(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire, method: Method, engine: Engine
) -> None:
    """RAS error 691, inside the method; the right one is let in afterwards."""
    server.provision(ikev2_eap.steps(first=method))

    client.must_be_refused(ikev2_eap.profile(method, password=new_secret()), by="server", because="RAS error 691", engine=engine)
    assert f"response {method:d}" in eap_of(wire)
    assert "success" not in eap_of(wire)
    assert server.clients == ()
    must_not_reach(client, lan)
    if engine is Engine.OWN:  # charon goes without the answer after which the server takes note of it
        server.await_event(USER, reason(CREDENTIALS))

    client.connect(ikev2_eap.profile(method), engine=engine)


@pytest.mark.counter("eap-certificate-is-tls")
@pytest.mark.parametrize("engine", list(Engine))
@pytest.mark.parametrize("certificate", ["client_of_other_authority", "client_expired"])
def test_ikev2_eap__a_wrong_certificate_is_refused(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire, certificate: str, engine: Engine
) -> None:
    """An expired certificate, or one of another CA: TLS fails, and so does EAP."""
    server.provision(ikev2_eap.steps(first=Method.TLS))

    wrong = ikev2_eap.profile(Method.TLS, certificate=getattr(ikev2_eap.pki, certificate))
    client.must_be_refused(wrong, by="server", because="TLS: ", engine=engine)
    assert "response 13" in eap_of(wire)
    assert server.clients == ()
    must_not_reach(client, lan)

    client.connect(ikev2_eap.profile(Method.TLS), engine=engine)


@pytest.mark.claim("eap-replacement-complete")
@pytest.mark.parametrize(("offered", "wanted", "engine"), [
    (Method.MSCHAPV2, Method.TLS, Engine.CHARON), (Method.MSCHAPV2, Method.TLS, Engine.OWN), (Method.TLS, Method.MSCHAPV2, Engine.OWN),
    (Method.PEAP, Method.MSCHAPV2, Engine.CHARON), (Method.TLS, Method.PEAP, Engine.OWN),
], ids=lambda one: one.name.lower())
def test_ikev2_eap__a_nak_leads_to_the_method_that_the_client_wants(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire, offered: Method, wanted: Method, engine: Engine
) -> None:
    """The server offers another method first; the client asks for one of its own (a Mac with a password for EAP-MSCHAPv2 before PEAP)."""
    server.provision(ikev2_eap.steps(first=offered))
    tunnel = client.connect(ikev2_eap.profile(wanted), engine=engine)

    said = eap_of(wire, tunnel.sa().spi)
    used = Method.MSCHAPV2 if wanted is Method.PEAP else wanted
    assert said[2:5] == [f"request {offered:d}", "response 3", f"request {used:d}"]
    must_carry(tunnel, client, server, lan, wire)


@pytest.mark.counter("eap-username-is-mschapv2-or-peap", "eap-certificate-is-tls")
@pytest.mark.parametrize(("offered", "wanted"), [(Method.TLS, Method.MSCHAPV2), (Method.MSCHAPV2, Method.TLS)], ids=lambda one: one.name.lower())
def test_ikev2_eap__a_nak_for_what_the_server_lacks_is_refused(
    server: Server, client: Client, ikev2_eap: Ikev2EapPath, wire: LookAtWire, offered: Method, wanted: Method
) -> None:
    """The server offers one method only, and the client knows another."""
    server.provision(ikev2_eap.steps(first=offered, only=True))

    client.must_be_refused(ikev2_eap.profile(wanted), by="server", because="EAP failure")
    assert eap_of(wire)[-2:] == ["response 3", "failure"]


@pytest.mark.claim("eap-replacement-complete")
@pytest.mark.parametrize("method", [Method.PEAP, Method.TLS], ids=lambda one: one.name.lower())
def test_ikev2_eap__certificates_that_need_fragments_of_eap_both_ways(
    server: Server, client: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire, method: Method
) -> None:
    """Both ends' certificates are larger than a packet of EAP: fragments, each acknowledged, from the server, and with EAP-TLS from the client too."""
    server.provision(ikev2_eap.steps(first=method, server=ikev2_eap.pki.server_large))
    tunnel = client.connect(ikev2_eap.profile(method, certificate=ikev2_eap.pki.client_large), engine=Engine.OWN)

    more = [str(message.is_response) for message in conversation(wire, tunnel.sa().spi) if message.more_fragments]
    assert ("True" in more, "False" in more) == (True, method is Method.TLS)
    must_carry(tunnel, client, server, lan, wire)


@EVERY_METHOD
def test_ikev2_eap__no_packet_of_eap_leaves_for_a_server_of_another_name(
    server: Server, client: Client, ikev2_eap: Ikev2EapPath, wire: LookAtWire, method: Method
) -> None:
    """Remote ID is not in the server's certificate: the client ends it before it says who it is."""
    server.provision(ikev2_eap.steps(first=method, server=ikev2_eap.pki.server_other_name))

    refusal = ikev2_eap.must_be_refused(client, method, by="client")
    assert ["EAP" in message.payloads for message in wire().requests("IKE_AUTH")] == [False]
    assert refusal.notify == ""


@EVERY_METHOD
def test_ikev2_eap__local_id_is_no_user_name(
    server: Server, client: Client, ikev2_eap: Ikev2EapPath, wire: LookAtWire, method: Method
) -> None:
    """IDi says what Local ID says, EAP who the user is; the server reports the user."""
    server.provision(ikev2_eap.steps(first=method))
    tunnel = client.connect(ikev2_eap.profile(method, local_id="somebody.example.test"), engine=ikev2_eap.engine(method))

    asked, *_ = conversation(wire, tunnel.sa().spi)
    assert asked.identities == ["somebody.example.test", ikev2_eap.pki.server_name]
    line = server.await_client(tunnel.inner_address)
    assert (tunnel.user in line, "somebody" in line) == (True, False)


@pytest.mark.claim("eap-replacement-complete")
def test_ikev2_eap__two_clients_at_the_same_time(
    server: Server, client: Client, client2: Client, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire
) -> None:
    """Their conversations interleave, by different methods, and both come up."""
    server.provision(ikev2_eap.steps())

    with ThreadPoolExecutor() as pool:
        attempts = [pool.submit(ikev2_eap.connect, client, Method.MSCHAPV2), pool.submit(ikev2_eap.connect, client2, Method.TLS)]
        tunnels = [attempt.result() for attempt in attempts]
    assert len({tunnel.inner_address for tunnel in tunnels}) == 2
    for tunnel, mac in zip(tunnels, (client, client2), strict=True):
        must_carry(tunnel, mac, server, lan, wire)


@pytest.mark.requires("nat")
@pytest.mark.claim("eap-replacement-complete")
def test_ikev2_eap__lost_packets_are_repeated_and_nat_is_no_hindrance(
    server: Server, home: Client, path: Path, lan: LanHost, ikev2_eap: Ikev2EapPath, wire: LookAtWire
) -> None:
    """A request in the middle of EAP is lost, and sent again: the method goes on where it was."""
    server.provision(ikev2_eap.steps())

    with path.suffers(every_nth_lost(7, toward=Toward.SERVER)) as suffering:  # the first packet, and one in the middle of EAP
        tunnel = home.connect(ikev2_eap.profile())
        assert suffering.hits
    must_carry(tunnel, home, server, lan, wire)
