"""The twin's side of EAP in a guest, beyond what e2e shows: what charon answers, the program's life, both bits at a time, one limit for both ways."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from fixtures import facts
from fixtures.roles import Client, Server
from fixtures.session import LabSession
from lab.client.engine import Engine
from lab.client.profile import Certificate, IKEv2, NoEAP, Username
from lab.pki import Identity
from lab.secrets import Secret
from lab.server import steps
from lab.server.eap_steps import Method, Passwords, eaphost, ias_policy
from lab.server.l2tp_steps import local_user
from lab.server.steps import Step
from lab.server.view import newer
from lab.topology import load_topology
from lab.twin.rras.eap.policy_engine import Reason
from lab.waiting import Deadline, stretched, wait_until

ALICE, PASSWORD = "alice", Secret("Pa55 w0rd")
IN_ORDER = (Method.MSCHAPV2, Method.PEAP, Method.TLS)
PEAP_FIRST = (Method.PEAP, Method.MSCHAPV2, Method.TLS)
REFUSED = 20255
LAN = str(load_topology().host("lan").address("lan"))
PROGRAM = "[m]ono .*eaphost.exe"
WARM_S = 0.6
"""A connection by EAP-MSCHAPv2 where the program runs: 0.1 s measured, and one in 20 takes twice that."""


@dataclass
class Path:
    """Steps and profiles, with what a test wants otherwise."""

    session: LabSession
    server: Server

    def steps(self, *, bits: int = steps.EAP, program: Step | None = None, without: str = "") -> list[Step]:
        pki, pool = self.session.pki, self.session.topology.vpn.pool
        every = [
            steps.trusted_root(pki.authority.certificate), steps.machine_certificate(pki.server), steps.incoming_connections(), local_user(ALICE, PASSWORD),
            steps.server_flags(bits), ias_policy(peap=True), program or eaphost(methods=IN_ORDER), *steps.static_pool(pool.first, pool.last)]
        return [*(step for step in every if step.name not in without.split()), steps.remote_access()]

    def profile(self, authentication: Username | Certificate | NoEAP) -> IKEv2:
        return IKEv2(server_address=self.server.address, remote_id=self.session.pki.server_name, authentication=authentication)

    def user(self, name: str = ALICE, password: Secret = PASSWORD) -> IKEv2:
        return self.profile(Username(account=name, password=password))

    def certificate(self, shown: Identity | None = None) -> IKEv2:
        return self.profile(Certificate(certificate=shown or self.session.pki.client))

    def without_eap(self) -> IKEv2:
        return self.profile(NoEAP(certificate=self.session.pki.client))

    def twin(self, command: str) -> str:
        """Run a command where the twin runs; return what it prints, whatever its exit code."""
        entered = f"nsenter --all --target $(pgrep -f lab/twin/launch.py | head -1) sh -c {shlex.quote(command)}"
        return str(facts.of_linux(self.session.probe("observer")).run(entered).stdout).strip()

    @property
    def processes(self) -> list[str]:
        return self.twin(f"pgrep -f '{PROGRAM}'").split()

    @property
    def refusals(self) -> list[str]:
        return [event.message for event in newer(self.server.view().events, self.server.before.events) if event.identifier == REFUSED]

    def reason(self) -> int:
        """Return the reason of the latest refusal."""
        return int(self.refusals[0].partition("Reason code ")[2].partition(":")[0])

    def answers(self) -> list[str]:
        """Return what charon has answered to each IKE_AUTH so far."""
        log = self.twin("grep -h 'generating IKE_AUTH response' /run/lab/log/charon.log")
        return [line.partition("[ ")[2].rpartition(" ]")[0] for line in log.splitlines()]


@pytest.fixture
def path(session: LabSession, server: Server) -> Iterator[Path]:
    made = Path(session, server)
    yield made
    server.revert()
    assert made.processes == [], "the program outlives the service"
    assert made.twin("ls /run/lab/eap 2>/dev/null") == "", "a file outlives the program's start"


Profile = Callable[[Path], IKEv2]
BY_USER: Profile = lambda path: path.user()  # noqa: E731 - a name for the tables below
BY_CERTIFICATE: Profile = lambda path: path.certificate()  # noqa: E731


# -- ways in ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("methods", "engine"), [(IN_ORDER, Engine.CHARON), (PEAP_FIRST, Engine.OWN)], ids=["MSCHAPv2", "PEAP"])
def test_the_policy_engine_checks_passwords_where_the_program_leaves_them_to_it(
    path: Path, client: Client, methods: tuple[Method, ...], engine: Engine
) -> None:
    path.server.provision(path.steps(program=eaphost(methods=methods, passwords=Passwords.CALLER)))
    with client.connect(path.user(), engine=engine) as tunnel:
        path.server.await_client(tunnel.inner_address)
        assert [line.split()[0] for line in path.server.clients] == [ALICE]
        assert client.probe.ping(LAN, source=str(tunnel.inner_address)) is not None
    client.must_be_refused(path.user(password=Secret("wrong")), by="server", because="RAS error 691", engine=engine)


@pytest.mark.parametrize(("bits", "working"), [
    (steps.EAP, {"user", "certificate"}), (steps.CERT, {"none"}), (steps.EAP | steps.CERT, {"user", "certificate", "none"}),
], ids=["EAP", "CERT", "both"])
def test_each_bit_opens_its_own_way(path: Path, client: Client, bits: int, working: set[str]) -> None:
    path.server.provision(path.steps(bits=bits))
    for name, profile in (("user", path.user()), ("certificate", path.certificate()), ("none", path.without_eap())):
        if name in working:
            with client.connect(profile, engine=Engine.OWN):
                pass
        else:
            assert client.must_be_refused(profile, by="server", engine=Engine.OWN).notify == "AUTHENTICATION_FAILED"


def test_a_name_is_known_in_any_case(path: Path, client: Client) -> None:
    path.server.provision(path.steps())
    with client.connect(path.user(ALICE.upper()), engine=Engine.OWN):
        assert path.server.clients != ()


# -- refusals ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "profile", "reason"), [
    ({}, lambda path: path.user(password=Secret("wrong")), Reason.CREDENTIALS),
    ({}, lambda path: path.certificate(path.session.pki.client_of_other_authority), Reason.EAP_ERROR),
    ({"without": "ias-policy"}, BY_USER, Reason.METHOD_NOT_ENABLED),
    ({"program": eaphost(methods=(Method.MSCHAPV2,))}, BY_CERTIFICATE, Reason.NO_COMMON_EAP_TYPE),
], ids=["password", "stranger", "no policy", "no method in common"])
def test_who_may_not_come_in_is_refused_by_eap_and_the_log_says_why(
    path: Path, client: Client, change: dict[str, object], profile: Profile, reason: Reason
) -> None:
    path.server.provision(path.steps(**change))  # type: ignore[arg-type]
    before = len(path.answers())
    client.must_be_refused(profile(path), by="server", engine=Engine.OWN)

    assert path.reason() == reason
    assert path.server.clients == ()
    assert path.answers()[-1] == "EAP/FAIL"
    assert [one for one in path.answers()[before:] if "EAP/REQ/ID" in one] != [], "it was asked who it is"


@pytest.mark.parametrize("profile", [lambda path: path.user(password=Secret("wrong")), lambda path: path.certificate(path.session.pki.client_of_other_authority)])
def test_a_client_that_ends_it_after_the_refusal_itself_leaves_nothing(path: Path, client: Client, profile: Profile) -> None:
    """charon does; nobody learns of it at the server, which forgets the attempt after a while."""
    path.server.provision(path.steps())
    client.must_be_refused(profile(path), by="server", engine=Engine.CHARON)

    assert path.server.clients == ()
    with client.connect(path.user(), engine=Engine.CHARON):
        pass


@pytest.mark.parametrize(("without", "told"), [("eaphost", True), ("server-flags", False)])
@pytest.mark.parametrize("engine", list(Engine))
def test_where_nothing_answers_for_eap_the_first_answer_refuses(path: Path, client: Client, without: str, told: bool, engine: Engine) -> None:
    path.server.provision(path.steps(without=without))
    before = len(path.answers())
    assert client.must_be_refused(path.user(), by="server", engine=engine).notify == "AUTHENTICATION_FAILED"

    assert path.answers()[before:] == ["N(AUTH_FAILED)"]
    wait_until(lambda: ["eapahost.dll" in one for one in path.refusals] == [True] * told, Deadline(2.0), lambda: AssertionError(path.refusals))


# -- the program --------------------------------------------------------------------------------------------------------------


def test_it_runs_for_its_clients_is_started_again_when_it_dies_and_ends_with_the_service(path: Path, client: Client) -> None:
    path.server.provision(path.steps())
    assert path.processes == []
    with client.connect(path.user(), engine=Engine.OWN):
        (first,) = path.processes
    path.twin(f"kill -9 {first}")
    with client.connect(path.user(), engine=Engine.OWN):
        (second,) = path.processes
    assert first != second
    path.server.revert()
    assert path.processes == []


def test_one_that_hangs_is_given_up_and_the_next_client_gets_another(path: Path, client: Client) -> None:
    path.server.provision(path.steps())
    with client.connect(path.user(), engine=Engine.OWN):
        (hanging,) = path.processes
    path.twin(f"kill -STOP {hanging}")
    client.must_be_refused(path.user(), by="server", engine=Engine.OWN)
    assert path.reason() == Reason.EAP_ERROR

    with client.connect(path.user(), engine=Engine.OWN):
        assert path.processes != [hanging]


def test_accounts_are_asked_at_every_attempt(path: Path, client: Client) -> None:
    path.server.provision(path.steps())
    with client.connect(path.user(), engine=Engine.OWN):
        pass
    with path.server.provisioned(local_user("bob", Secret("another"))), client.connect(path.user("bob", Secret("another")), engine=Engine.OWN):
        pass
    client.must_be_refused(path.user("bob", Secret("another")), by="server", engine=Engine.OWN)


def test_it_serves_again_after_charon_was_started_anew(path: Path, client: Client) -> None:
    path.server.provision(path.steps())
    path.server.host.run("Restart-Service IKEEXT")
    with client.connect(path.user(), engine=Engine.CHARON):
        assert path.server.clients != ()


def test_one_book_of_addresses_and_one_limit_for_both_ways(path: Path, session: LabSession, client: Client) -> None:
    path.server.provision(path.steps(bits=steps.EAP | steps.CERT))
    others = [Client(session.topology.host(name), session.probe(name), session.pki) for name in ("client2", "client3")]
    try:
        first, second = client.connect(path.user(), engine=Engine.CHARON), others[0].connect(path.without_eap(), engine=Engine.CHARON)
        assert first.inner_address != second.inner_address
        wait_until(lambda: len(path.server.clients) == 2, Deadline(3.0), lambda: AssertionError(path.server.clients))
        others[1].must_be_refused(path.user(), by="server", because="INTERNAL_ADDRESS_FAILURE", engine=Engine.OWN)
        second.disconnect()
        wait_until(lambda: len(path.server.clients) == 1, Deadline(3.0), lambda: AssertionError(path.server.clients))
        with others[1].connect(path.certificate(), engine=Engine.OWN):
            pass
    finally:
        for one in others:
            one.close()


def test_a_warm_connection_is_fast(path: Path, client: Client) -> None:
    path.server.provision(path.steps())
    took = []
    for _ in range(4):
        began = time.monotonic()
        with client.connect(path.user(), engine=Engine.OWN):
            took.append(time.monotonic() - began)
    assert min(took[1:]) <= stretched(WARM_S), took


def test_the_front_listens_on_loopback_alone_and_while_the_service_runs(path: Path, server: Server) -> None:
    path.server.provision(path.steps())
    assert [line.split()[1] for line in path.twin("grep ':0714 00000000:0000 ' /proc/net/udp").splitlines()] == ["0100007F:0714"], "and charon's, which are connected to it"
    server.revert()
    assert path.twin("grep ':0714 00000000:0000 ' /proc/net/udp") == ""
