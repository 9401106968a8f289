"""What is objected to before anything is touched: each bad machine by one sentence with a remedy, and none of a good one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Interface
from pathlib import Path

import pytest
from fake_lab import FakeLab
from fake_nics import FakeNics
from twin_process import twin_in_this_process

from lab import budgets
from lab.backends.base import Host, Machine, SSHEndpoint, WinRMEndpoint
from lab.backends.machines import ExistingServer
from lab.errors import ConfigError
from lab.prepare.preflight import LOOK, addresses_of, objection_to_linux, objection_to_server, preflight
from lab.secrets import Secret
from lab.server.machine import Adapter, Kind, WindowsMachine
from lab.server.session import WindowsSession
from lab.server.steps import SCRIPTS
from lab.topology import load_topology

WAY = Host(name="server", winrm=WinRMEndpoint(address="192.0.2.10", http_port=5985, https_port=None, user="labadmin", password=Secret("x"),
                                              ca_file=None))
SERVER = ExistingServer(name="server", way=WAY, hosts=("server",), also_used_by_people=False, adapters={"wan": "52:54:cb:00:71:0a"})
WAN = Adapter(name="Ethernet 2", mac="52-54-CB-00-71-0A", addresses=())
IN = Adapter(name="Ethernet", mac="08-00-27-00-00-01", addresses=(IPv4Interface("192.0.2.10/24"),))
GOOD = WindowsMachine(computer_name="WIN10VPN", build="19045", kind=Kind.WINDOWS, boot_id="A", time_utc=datetime.now(UTC), domain_joined=False,
                      domain="WORKGROUP", interactive_user=None, is_elevated=True, pending_reboot=False, evaluation_minutes=None, adapters=(IN, WAN))
DOMAIN = {"domain_joined": True, "domain": "corp.example"}
USER = {"interactive_user": r"WIN10VPN\ann"}


@pytest.mark.parametrize(
    ("found", "shared", "message", "hint"),
    [
        ({"is_elevated": False}, True, "no administrator's token", "LocalAccountTokenFilterPolicy"),
        (DOMAIN, False, "is a member of the domain corp.example", "also_used_by_people: true"),
        (USER, False, r"has WIN10VPN\ann logged on at its console", "also_used_by_people: true"),
        ({"pending_reboot": True}, True, "waits for a restart", "Restart-Computer"),
        ({"evaluation_minutes": 0}, True, "an evaluation that has expired", "slmgr /rearm"),
        ({"adapters": (IN,)}, True, "no adapter 52:54:cb:00:71:0a, wanted for the network wan; it has 08-00-27-00-00-01 (Ethernet)",
         "machines.server.adapters.wan"),
        ({"adapters": (replace(IN, mac="52-54-CB-00-71-0A"),)}, True, "has the address 192.0.2.10, by which we reach it", "a further adapter"),
    ],
    ids=["not elevated", "domain", "somebody works there", "restart pending", "evaluation expired", "no such adapter", "the way in"],
)
def test_a_server_that_is_refused(found: dict[str, object], shared: bool, message: str, hint: str) -> None:
    objection = objection_to_server(replace(SERVER, also_used_by_people=shared), replace(GOOD, **found))

    assert objection is not None
    assert message in objection.message
    assert "\n" not in objection.message
    assert hint in objection.hint


@pytest.mark.parametrize(("found", "shared"), [({}, False), ({"evaluation_minutes": 1}, False), (DOMAIN | USER, True)],
                         ids=["a machine of its own", "evaluation that runs", "its owner agrees"])
def test_a_server_that_is_taken(found: dict[str, object], shared: bool) -> None:
    assert objection_to_server(replace(SERVER, also_used_by_people=shared), replace(GOOD, **found)) is None


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_name_is_as_good_as_an_address(name: str) -> None:
    assert "127.0.0.1" in addresses_of(name)


def test_a_name_that_nobody_knows_is_told() -> None:
    with pytest.raises(ConfigError, match=r"nobody knows the address of nowhere\.invalid"):
        addresses_of("nowhere.invalid")


# -- Linux ------------------------------------------------------------------------------------------------------------

LINUX = Machine(name="client", way=Host(name="client-machine", ssh=SSHEndpoint(address="192.0.2.20", port=22, user="debian", key_file=Path("key"),
                                                                              host_key="")),
                hosts=("client",), adapters={"wan": "52:54:CB:00:71:14"})
MACS = "lo 00:00:00:00:00:00\neth0 08:00:27:00:00:02\neth1 52:54:cb:00:71:14\n"
CAME = "192.0.2.1 40000 192.0.2.20 22\n"
ADDRESSES = "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever\n2: eth0    inet 192.0.2.20/24 brd 192.0.2.255 scope global eth0\n"


def test_a_linux_machine_that_is_taken() -> None:
    assert objection_to_linux(LINUX, f"{MACS}\n{CAME}\n{ADDRESSES}", "") is None


@pytest.mark.parametrize(
    ("said", "complaint", "message", "hint"),
    [
        (f"{MACS.replace('eth1 52:54', 'eth1 52:55')}\n{CAME}\n{ADDRESSES}", "",
         "client has no adapter 52:54:CB:00:71:14, wanted for the network wan; it has 00:00:00:00:00:00 (lo), 08:00:27:00:00:02 (eth0), 52:55",
         "machines.client.adapters.wan"),
        (f"{MACS}\n{CAME}\n{ADDRESSES.replace('eth0', 'eth1')}", "",
         "the adapter 52:54:CB:00:71:14 (eth1) of client, wanted for the network wan, has the address 192.0.2.20", "a further adapter"),
        (f"{MACS}\n{CAME}\n", "sh: 1: ip: not found", "client did not tell its adapters: sh: 1: ip: not found", "apt install iproute2"),
        ("Please change your password.", "", "client did not tell its adapters: Please change", "only Debian"),
        (f"{MACS}\n\n\n{ADDRESSES}", "", "client did not tell its adapters", "only Debian"),
    ],
    ids=["no such adapter", "the way in", "no iproute2", "something else answers", "no SSH_CONNECTION"],
)
def test_a_linux_machine_that_is_refused(said: str, complaint: str, message: str, hint: str) -> None:
    objection = objection_to_linux(LINUX, said, complaint)

    assert objection is not None
    assert message in objection.message
    assert hint in objection.hint


@pytest.mark.skipif(shutil.which("ip") is None, reason="this machine has no iproute2, which Debian has")
@pytest.mark.parametrize(("came", "refused"), [("192.0.2.1 4 192.0.2.254 22", False), ("192.0.2.1 4 127.0.0.1 22", True)])
def test_what_a_real_shell_says_is_understood(came: str, refused: bool) -> None:
    done = subprocess.run(["sh", "-c", LOOK], env={**os.environ, "SSH_CONNECTION": came}, capture_output=True, text=True, check=True)
    loopback = replace(LINUX, adapters={"wan": "00:00:00:00:00:00"})

    objection = objection_to_linux(loopback, done.stdout, done.stderr)

    assert (objection is not None) == refused
    assert objection is None or "00:00:00:00:00:00 (lo) of client" in objection.message


# -- on a server ------------------------------------------------------------------------------------------------------


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WindowsSession]:
    monkeypatch.setattr(budgets, "READY_PAUSE", 0.01)
    with twin_in_this_process(tmp_path, nics=FakeNics()) as endpoint, WindowsSession(endpoint) as opened:
        yield opened


def server_at(session: WindowsSession, **adapters: str) -> ExistingServer:
    return replace(SERVER, way=Host(name="server", winrm=session.endpoint), adapters=load_topology().adapters("server") | adapters)


def test_looking_changes_nothing(session: WindowsSession) -> None:
    preflight(FakeLab([server_at(session)]), session, scripts=SCRIPTS, progress=lambda _: None)  # type: ignore[arg-type]

    calls = [str(entry["call"]) for entry in session.transcript.entries]
    assert calls == ["machine"]


def test_a_real_server_is_refused(session: WindowsSession) -> None:
    with pytest.raises(ConfigError, match="wanted for the network lan2"):
        preflight(FakeLab([server_at(session, lan2="02:00:00:00:00:09")]), session, scripts=SCRIPTS, progress=lambda _: None)  # type: ignore[arg-type]


def test_a_lab_that_makes_its_own_machines_is_not_looked_at(session: WindowsSession) -> None:
    own = Machine(name="server", way=WAY, hosts=("server",), adapters={"wan": "02:00:00:00:00:09"})

    preflight(FakeLab([own]), session, scripts=SCRIPTS, progress=lambda _: None)  # type: ignore[arg-type]

    assert session.transcript.entries == []
