"""The twin's network adapters on a real kernel: the server's own interfaces, changed by Windows' cmdlets and by the suite's first steps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from guests import Guest

from fixtures.roles import SCRIPTS
from lab.server import view
from lab.server.lab_steps import lab_adapters, lab_firewall
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.topology import load_topology
from lab.waiting import Deadline

SERVER = load_topology().server
NETWORKS = {name: str(interface) for name, interface in SERVER.addresses.items()}


@pytest.fixture
def session(guest: Guest) -> Iterator[WindowsSession]:
    endpoint = guest.lab.hosts["server"].winrm
    assert endpoint is not None
    with WindowsSession(endpoint) as opened:
        yield opened
    guest.lab.reset()


def say(session: WindowsSession, text: str) -> list[str]:
    done = session.run_powershell(text, Deadline(10))
    assert (done.error, done.exit_code) == ("", 0)
    return done.output.split("\r\n")[:-1]


def held(session: WindowsSession) -> dict[str, tuple[str, ...]]:
    adapters = view.read(session, SCRIPTS).adapters
    assert adapters is not None
    return {name.partition(" ")[2]: addresses for name, addresses in adapters.items()}


def test_the_servers_interfaces_are_its_adapters(session: WindowsSession) -> None:
    assert held(session) == {name: (address,) for name, address in NETWORKS.items()}
    assert set(say(session, "Get-NetAdapter | ForEach-Object { $_.Status }")) == {"Up"}


def test_an_adapter_in_use_is_renamed_and_keeps_its_address(session: WindowsSession) -> None:
    said = say(session, "Rename-NetAdapter lan2 'Ethernet 7'; (Get-NetAdapter 'Ethernet 7').Status; (Get-NetIPAddress 172.20.5.10).InterfaceAlias;"
                        " Rename-NetAdapter 'Ethernet 7' lan2; (Get-NetIPAddress 172.20.5.10).InterfaceAlias")

    assert said == ["Up", "Ethernet 7", "lan2"]


def test_addresses_come_and_go_alone(session: WindowsSession) -> None:
    """The first address of a subnet takes the others with it when it goes, unless the kernel is told otherwise."""
    say(session, "New-NetIPAddress -InterfaceAlias lan2 -IPAddress 192.0.2.1 -PrefixLength 24 | Out-Null;"
                 " New-NetIPAddress -InterfaceAlias lan2 -IPAddress 192.0.2.2 -PrefixLength 24 | Out-Null; Remove-NetIPAddress 192.0.2.1 -Confirm:$false")
    assert held(session)["lan2"] == (NETWORKS["lan2"], "192.0.2.2/24")

    say(session, "Remove-NetIPAddress 192.0.2.2 -Confirm:$false")
    assert held(session)["lan2"] == (NETWORKS["lan2"],)


def test_the_first_steps_find_everything_as_they_would_make_it(session: WindowsSession) -> None:
    """The embedded lab's interfaces have names and addresses already: nothing changes, and nothing is taken back."""
    before = view.read(session, SCRIPTS).fingerprint
    macs = dict(zip(say(session, "(Get-NetAdapter).Name"), say(session, "(Get-NetAdapter).MacAddress"), strict=True))
    del macs["mgmt"]
    runner = Provisioner(session, scripts=SCRIPTS)
    runner.apply([lab_adapters(SERVER, macs), lab_firewall(macs)])
    assert held(session) == {name: (address,) for name, address in NETWORKS.items()}

    runner.revert()
    assert view.read(session, SCRIPTS).fingerprint == before


def test_fresh_adapters_are_set_up_and_undone(session: WindowsSession) -> None:
    """As on a virtual machine: names of the kernel's, no addresses."""
    macs = dict(zip(say(session, "(Get-NetAdapter).Name"), say(session, "(Get-NetAdapter).MacAddress"), strict=True))
    wanted = {"lan2": macs["lan2"]}
    say(session, "Remove-NetIPAddress -InterfaceAlias lan2 -AddressFamily IPv4 -Confirm:$false; Rename-NetAdapter lan2 'Ethernet 3'")
    runner = Provisioner(session, scripts=SCRIPTS)

    runner.apply([lab_adapters(SERVER, wanted)])
    assert held(session)["lan2"] == (NETWORKS["lan2"],)
    runner.revert()
    assert held(session)["Ethernet 3"] == ()

    Provisioner(session, scripts=SCRIPTS).apply([lab_adapters(SERVER, wanted)])
    assert held(session) == {name: (address,) for name, address in NETWORKS.items()}


def test_the_embedded_lab_s_clock_is_nobody_s_to_set(session: WindowsSession) -> None:
    done = session.run_powershell("Set-Date -Date (Get-Date)", Deadline(10))

    assert done.exit_code == 1
    assert "not supported by the twin: Set-Date here" in done.error


def test_rras_without_its_adapter_fails_and_says_why(session: WindowsSession) -> None:
    start = ("Rename-NetAdapter lan lan-gone; netsh ras set type ipv4rtrtype=lananddd ipv6rtrtype=none rastype=ipv4 | Out-Null;"
                  " netsh ras set conf confstate=enabled | Out-Null; netsh ras set wanports 'device=WAN Miniport (IKEv2)' rasinonly=enabled | Out-Null;"
                  " Set-Service RemoteAccess -StartupType Manual; try { Start-Service RemoteAccess -ErrorAction Stop } catch { $_.Exception.Message };"
                  " (Get-Service RemoteAccess).Status")
    said = say(session, start)
    say(session, "Rename-NetAdapter lan-gone lan")

    assert said[-1] == "Stopped"
    assert "there is no adapter named lan (the step lab-adapters names it)" in "\n".join(said)
