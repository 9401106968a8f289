"""Programs compiled once for all tests of the EAP host, and certificates of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eaphost_papers import USERS, Papers, principal
from eaphost_process import MSCHAPV2, PEAP, PRIMITIVES, SOURCES, TLS, Host, mcs
from policy_front import Opened, Server

from lab.pki import Authority
from lab.pki.authority import CLIENT_USAGES, SERVER_USAGES
from lab.twin.windows.eaphost import EapHost


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Linux face."""
    return mcs(tmp_path_factory.mktemp("eaphost") / "eaphost.exe", SOURCES / "core", SOURCES / "linux")


@pytest.fixture(scope="session")
def primitives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The core's pure parts by lines."""
    return mcs(tmp_path_factory.mktemp("primitives") / "primitives.exe", SOURCES / "core", PRIMITIVES)


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    authority = Authority("Lab root")
    folder = tmp_path_factory.mktemp("papers")
    server = authority.issue("vpn.example.test", usages=SERVER_USAGES)
    made = Papers(folder, authority, server, authority.issue("alice", usages=CLIENT_USAGES, names=[principal("alice@example.test")]))
    made.roots.write_text(authority.certificate_pem)
    made.write("server", server)
    made.write("alice", made.alice)
    (folder / "users").write_text("".join(f"{name}\t{password}\n" for name, password in USERS.items()), encoding="utf-8")
    return made


@pytest.fixture(scope="session")
def options(papers: Papers) -> tuple[str, ...]:
    """What a host with everything is started with."""
    return (f"users={papers.folder}/users", f"certificate={papers.folder}/server.pem", f"key={papers.folder}/server.key", f"roots={papers.roots}", "server=vpn")


@pytest.fixture(scope="module")
def host(program: Path, options: tuple[str, ...]) -> Iterator[Host]:
    """A host that all tests of a module share."""
    with Host(program, *options) as running:
        yield running


@pytest.fixture(scope="module")
def deferring(program: Path, options: tuple[str, ...]) -> Iterator[Host]:
    """A host that leaves passwords to its caller."""
    with Host(program, *options[1:]) as running:
        yield running


@pytest.fixture
def start(program: Path) -> Iterator[Callable[..., Host]]:
    """Start hosts with other options."""
    running: list[Host] = []

    def one(*given: str) -> Host:
        running.append(Host(program, *given))
        return running[-1]

    yield one
    for each in running:
        each.__exit__(None, None, None)


@pytest.fixture
def policy_server(tmp_path: Path, program: Path, papers: Papers) -> Server:
    host = EapHost(program="C:\\eaphost.exe", build=program, methods=(MSCHAPV2, PEAP, TLS), passwords="lsa", certificate="")
    return Server(tmp_path, host, papers)


@pytest.fixture
def opened(policy_server: Server) -> Iterator[Callable[[], Opened]]:
    made: list[Opened] = []

    def make() -> Opened:
        made.append(policy_server.open())
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def past_the_socket(policy_server: Server) -> Iterator[Opened]:
    """The front without its thread: a test calls it."""
    made = policy_server.open(socket=False)
    yield made
    made.close()
