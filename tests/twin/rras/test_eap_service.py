"""EAP as a part of RemoteAccess: what charon is told, when somebody answers it, and what a process is started with."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from lab.pki import Authority, RunPki
from lab.twin.rras.eap import front as front_module
from lab.twin.rras.eap import service as service_module
from lab.twin.rras.eap.activation import Launch
from lab.twin.rras.eap.conversations import Refused
from lab.twin.rras.eap.policy_engine import Reason, Refusal
from lab.twin.rras.eap.service import EapService, sentence
from lab.twin.rras.eap.settings import EapSettings
from lab.twin.rras.effective import VpnServer, effective
from lab.twin.windows.certificates import Stored
from lab.twin.windows.eaphost import EapHost
from lab.twin.windows.machine import Machine
from lab.twin.windows.users import Account

HOST = EapHost(program="C:\\eaphost.exe", build=Path("eaphost.exe"), methods=(26,), passwords="lsa", certificate="")
COMPLETE = replace(effective(Machine.stock()), serves=True, eap=EapSettings(allowed=True, host=HOST))


class Charon:
    """Takes commands."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def request(self, command: str) -> None:
        self.commands.append(command)


class Serving:
    """Stands for the socket and its thread."""

    running = 0

    def __init__(self, *_: object) -> None:
        Serving.running += 1

    def stop(self) -> None:
        Serving.running -= 1


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which charon is told."""
    monkeypatch.setattr(service_module, "CHARON", tmp_path / "charon-eap.conf")
    monkeypatch.setattr(front_module, "FrontServer", Serving)
    return tmp_path / "charon-eap.conf"


def secret(told: Path) -> str:
    found = re.search(r"secret = (\w+)", told.read_text())
    assert found
    return found[1]


def test_charon_is_told_once_and_by_each_twin_another_secret(told: Path) -> None:
    charon, service = Charon(), EapService(Machine.stock(), lambda _: None)
    for _ in range(2):
        service.start(COMPLETE, charon, [])  # type: ignore[arg-type]
        assert Serving.running == 1
        service.stop()
        service.stop()
        assert Serving.running == 0
    assert charon.commands == ["reload_settings"]
    assert told.stat().st_mode & 0o777 == 0o600
    assert "address = 127.0.0.1" in told.read_text()

    first = secret(told)
    EapService(Machine.stock(), lambda _: None).start(COMPLETE, charon, [])  # type: ignore[arg-type]
    Serving.running = 0
    assert secret(told) != first
    assert charon.commands == ["reload_settings"] * 2


@pytest.mark.parametrize("server", [replace(COMPLETE, serves=False), replace(COMPLETE, eap=EapSettings(host=HOST)), replace(COMPLETE, eap=EapSettings())])
def test_where_eap_is_off_nobody_answers_and_charon_is_told_nothing(told: Path, server: VpnServer) -> None:
    charon = Charon()
    EapService(Machine.stock(), lambda _: None).start(server, charon, [])  # type: ignore[arg-type]

    assert (Serving.running, charon.commands, told.exists()) == (0, [], False)


def test_a_refusal_is_a_sentence_with_its_reason() -> None:
    refusal = Refusal(reason=Reason.NO_PERMISSION, text="the account has no dial-in permission")

    assert sentence(Refused(user="alice", client="203.0.113.20[500]", refusal=refusal)) == (
        "alice (203.0.113.20[500]) was refused by EAP. Reason code 65: the account has no dial-in permission.")
    assert sentence(Refused(user="", client="x", refusal=refusal)).startswith("A user without a name")


# -- what a process is started with -----------------------------------------------------------------------------------------

Change = Callable[[Machine], object]


@pytest.fixture(scope="module")
def pki() -> RunPki:
    return RunPki("vpn.example.test")


@pytest.fixture
def machine(pki: RunPki, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with a certificate, a root, an account, and a program."""
    made = Machine.stock()
    made.certificates.add("My", Stored(pki.server.certificate, pki.server.key))
    made.certificates.add("Root", Stored(pki.authority.certificate))
    made.accounts.keep(Account(name="alice", password="secret"))
    made.accounts.keep(Account(name="off", password="secret", enabled=False))
    monkeypatch.setattr(service_module, "find_eaphost", lambda _: HOST)
    return made


def launch(machine: Machine, *quirks: str, strangers: tuple[Authority, ...] = ()) -> Launch:
    server = replace(COMPLETE, quirks=frozenset(quirks))
    return service_module._finder(machine, server, [one.certificate_pem.encode() for one in strangers])()


def test_a_process_gets_what_the_machine_has_at_this_moment(machine: Machine, pki: RunPki) -> None:
    found = launch(machine)
    assert found.host == HOST
    assert found.papers.users == "alice\tsecret\n"
    assert x509.load_pem_x509_certificate(found.papers.certificate.encode()) == pki.server.certificate
    assert x509.load_pem_x509_certificates(found.papers.roots.encode()) == [pki.authority.certificate]

    machine.accounts.remove(Account(name="alice"))
    machine.certificates.store("Root").clear()
    assert (launch(machine).papers.users, launch(machine).papers.files()) == ("", {"users": ""})


def test_where_the_caller_checks_passwords_the_process_gets_none(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "find_eaphost", lambda _: replace(HOST, passwords="caller"))

    assert launch(machine).papers.users is None


def test_inverted_twins_take_other_accounts_certificates_roots_or_programs(machine: Machine, pki: RunPki, monkeypatch: pytest.MonkeyPatch) -> None:
    assert launch(machine, "eap-admits-anybody").papers.users == "alice\tsecret\noff\tsecret\n"
    assert x509.load_pem_x509_certificate(launch(machine, "eap-shows-a-stranger").papers.certificate.encode()).subject != pki.server.certificate.subject
    assert launch(machine, "eap-trusts-strangers", strangers=(pki.other_authority,)).papers.roots.count("BEGIN") == 2
    assert launch(machine, strangers=(pki.other_authority,)).papers.roots.count("BEGIN") == 1
    altered = replace(HOST, program="C:\\other.exe")
    monkeypatch.setattr(service_module, "find_eaphost", lambda _: altered)
    assert (launch(machine).host, launch(machine, "eap-program-of-the-start").host) == (altered, HOST)
