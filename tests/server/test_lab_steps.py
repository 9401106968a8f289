"""The suite's own first steps, over real WinRM, on a twin whose machine has the adapters of a fresh server."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import time
from collections.abc import Iterator
from ipaddress import IPv4Interface
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_nics import FRESH, FakeClock, FakeNics
from twin_process import twin_in_this_process

from lab.errors import ConfigError, StepFailed
from lab.server import machine, view
from lab.server.lab_steps import RULES, lab_adapters, lab_clock, lab_firewall
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.server.steps import SCRIPTS, Step
from lab.topology import load_topology
from lab.twin.commands import clock as twin_clock
from lab.twin.powershell import core
from lab.twin.windows.network import Address, Nic
from lab.waiting import Deadline

SERVER = load_topology().server
MACS = {"wan": "52:54:cb:00:71:0a", "lan": "52:54:c0:a8:4d:0a", "lan2": "52:54:ac:14:05:0a"}
MANUAL = Address(interface=IPv4Interface("192.0.2.9/28"))


@pytest.fixture
def nics() -> FakeNics:
    return FakeNics()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def session(tmp_path: Path, nics: FakeNics, clock: FakeClock) -> Iterator[WindowsSession]:
    with twin_in_this_process(tmp_path, nics=nics, clock=clock) as endpoint, WindowsSession(endpoint) as opened:
        yield opened


def provisioner(session: WindowsSession) -> Provisioner:
    return Provisioner(session, scripts=SCRIPTS)


def changed(index: int, **values: object) -> Nic:
    return dataclasses.replace(next(nic for nic in FRESH if nic.index == index), **values)


def held(nics: FakeNics) -> dict[str, list[str]]:
    return {nic.name: [str(one.interface) for one in nic.addresses] for nic in nics.nics()}


# -- adapters -----------------------------------------------------------------------------------------------------------

DONE = {"eth0": ["10.0.2.10/24"], "wan": ["203.0.113.10/24"], "lan": ["192.168.77.10/24"], "lan2": ["172.20.5.10/24"]}


def test_adapters_get_names_and_addresses_and_everything_back(session: WindowsSession, nics: FakeNics) -> None:
    before = view.read(session, SCRIPTS).fingerprint
    runner = provisioner(session)

    runner.apply([lab_adapters(SERVER, MACS)])
    assert held(nics) == DONE
    assert view.read(session, SCRIPTS).adapters == {
        "08-00-27-00-00-01 Ethernet": (), "52-54-AC-14-05-0A lan2": ("172.20.5.10/24",), "52-54-C0-A8-4D-0A lan": ("192.168.77.10/24",),
        "52-54-CB-00-71-0A wan": ("203.0.113.10/24",)}

    runner.revert()
    assert tuple(nics.nics()) == FRESH
    assert view.read(session, SCRIPTS).fingerprint == before


def test_applying_twice_changes_nothing_more(session: WindowsSession, nics: FakeNics) -> None:
    first, second = provisioner(session), provisioner(session)
    first.apply([lab_adapters(SERVER, MACS)])
    nics.refusal = PermissionError("no further change is wanted")

    second.apply([lab_adapters(SERVER, MACS)])
    second.revert()
    assert held(nics) == DONE


@pytest.mark.parametrize("fresh", [
    {3: changed(3, addresses=(MANUAL,))},
    {3: changed(3, name="wan", addresses=(Address(interface=IPv4Interface("203.0.113.10/16")), MANUAL))},
    {3: changed(3, name="lan"), 4: changed(4, name="wan")},
    {3: changed(3, name="lan", addresses=(Address(interface=IPv4Interface("192.168.77.10/24")),)),
     4: changed(4, name="wan", addresses=(Address(interface=IPv4Interface("203.0.113.10/24")),))},
], ids=["another address", "another length", "names exchanged", "names and addresses exchanged"])
def test_what_an_earlier_owner_set_gives_way_and_comes_back(session: WindowsSession, nics: FakeNics, fresh: dict[int, Nic]) -> None:
    nics.by_index.update(fresh)
    before = {nic.index: (nic.name, set(nic.addresses)) for nic in nics.nics()}
    runner = provisioner(session)

    runner.apply([lab_adapters(SERVER, MACS)])
    assert held(nics) == DONE

    runner.revert()
    assert {nic.index: (nic.name, set(nic.addresses)) for nic in nics.nics()} == before


@pytest.mark.parametrize(("fresh", "macs", "complaint"), [
    ({}, {"wan": "52:54:00:00:00:99"}, r"MAC address 52-54-00-00-00-99, found 0; there are 08-00-27-00-00-01 \(Ethernet\), 52-54-CB-00-71-0A"),
    ({4: changed(4, mac=MACS["wan"])}, {"wan": MACS["wan"]}, "MAC address 52-54-CB-00-71-0A, found 2"),
    ({}, {"wan": "08:00:27:00:00:01"}, r"08-00-27-00-00-01 \(Ethernet\) has a default route"),
    ({2: changed(2, addresses=(Address(interface=IPv4Interface("203.0.113.10/24")),))}, {"wan": MACS["wan"]},
     "address 203.0.113.10 for 52-54-CB-00-71-0A is in use by the adapter 'Ethernet'"),
], ids=["missing", "ambiguous", "the way in", "address taken"])
def test_refused_before_anything_is_changed(
    session: WindowsSession, nics: FakeNics, fresh: dict[int, Nic], macs: dict[str, str], complaint: str
) -> None:
    nics.by_index.update(fresh)
    before = nics.nics()

    with pytest.raises(StepFailed, match=f"lab-adapters could not inspect: .*{complaint}"):
        provisioner(session).apply([lab_adapters(SERVER, macs)])
    assert nics.nics() == before


@pytest.mark.parametrize(("meanwhile", "complaint"), [
    ("Rename-NetAdapter wan WAN", "named 'WAN', expected 'wan'"),
    ("New-NetIPAddress -InterfaceAlias lan -IPAddress 192.0.2.1 -PrefixLength 24", "adapter lan has the addresses '192.168.77.10/24, 192.0.2.1/24'"),
    ("Remove-NetIPAddress 203.0.113.10 -Confirm:$false", "adapter wan has the addresses '', expected 203.0.113.10/24"),
])
def test_verify_notices_what_is_no_longer_so(session: WindowsSession, meanwhile: str, complaint: str) -> None:
    runner = provisioner(session)
    applied = runner.apply([lab_adapters(SERVER, MACS)])
    runner.verify(applied)
    assert session.run_powershell(meanwhile, Deadline(10)).error == ""

    with pytest.raises(StepFailed, match=complaint):
        runner.verify(applied)


@pytest.mark.parametrize(("macs", "complaint"), [({"wan": MACS["wan"], "lan": "52-54-CB-00-71-0A"}, "the same MAC address"), ({"dmz": MACS["wan"]}, "'dmz'")])
def test_what_no_topology_says_is_no_step(macs: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        lab_adapters(SERVER, macs)


# -- firewall -----------------------------------------------------------------------------------------------------------

NAMES = tuple(f"{RULES}-{name}" for name in ("echo", "gre", "ike", "l2tp", "pptp", "sstp"))


def test_the_firewall_lets_in_what_is_served_and_no_other_rule_goes(session: WindowsSession) -> None:
    session.run_powershell("New-NetFirewallRule -Name other -DisplayName other | Out-Null", Deadline(10))
    first, second = provisioner(session), provisioner(session)

    first.apply([lab_adapters(SERVER, MACS), lab_firewall(MACS)])
    assert view.read(session, SCRIPTS).firewall == NAMES
    second.apply([lab_firewall(MACS)])
    second.revert()
    assert view.read(session, SCRIPTS).firewall == NAMES

    first.revert()
    assert view.read(session, SCRIPTS).firewall == ()
    assert session.run_powershell("(Get-NetFirewallRule -Name other).Enabled", Deadline(10)).output.strip() == "True"


def test_verify_notices_a_missing_rule(session: WindowsSession) -> None:
    runner = provisioner(session)
    applied = runner.apply([lab_adapters(SERVER, MACS), lab_firewall(MACS)])
    session.run_powershell(f"Remove-NetFirewallRule -Name {RULES}-gre", Deadline(10))

    with pytest.raises(StepFailed, match=f"lacks {RULES}-gre"):
        runner.verify(applied)


# -- clock --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> list[float]:
    """How many seconds the twin's clock is ahead; setting it counts."""
    offset = [0.0]

    class Skewed(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime.now(tz) + dt.timedelta(seconds=offset[0])

    def set_clock(moment: dt.datetime) -> None:
        clock.moments.append(moment)
        offset[0] = (moment - dt.datetime.now(dt.UTC)).total_seconds()

    monkeypatch.setattr(core, "dt", SimpleNamespace(datetime=Skewed, UTC=dt.UTC))
    monkeypatch.setattr(clock, "set", set_clock)
    return offset


def clock_step(*, ago: float = 0.0, way: float = 60.0) -> Step:
    """A step that was made some seconds ago: so long the way to the server took."""
    return lab_clock(dt.datetime.now(dt.UTC) - dt.timedelta(seconds=ago), way=way)


@pytest.mark.parametrize("seconds", [-86400 * 400.0, -10.0, 3600.0])
def test_a_wrong_clock_is_set_once_and_stays_right(session: WindowsSession, clock: FakeClock, ahead: list[float], seconds: float) -> None:
    ahead[0] = seconds
    runner = provisioner(session)

    [applied] = runner.apply([lab_clock()])
    assert abs(ahead[0]) < 1
    assert isinstance(applied.found, dict)
    assert abs(int(str(applied.found["ahead_ms"])) / 1000 - seconds) < 1

    runner.apply([lab_clock()])
    runner.revert()
    assert len(clock.moments) == 1
    assert abs(ahead[0]) < 1


@pytest.mark.parametrize(("seconds", "ago"), [(-1.0, 0.0), (0.0, 0.0), (1.0, 0.0), (0.0, 20.0), (30.0, 20.0)])
def test_a_clock_that_the_way_may_explain_is_left_alone(
    session: WindowsSession, clock: FakeClock, ahead: list[float], seconds: float, ago: float
) -> None:
    ahead[0] = seconds
    provisioner(session).apply([clock_step(ago=ago)])

    assert clock.moments == []


@pytest.mark.parametrize(("seconds", "ago", "way"), [(-3600.0, 20.0, 60.0), (90.0, 20.0, 60.0), (0.0, 20.0, 10.0)])
def test_a_clock_that_no_way_explains_is_set_late_by_the_way(
    session: WindowsSession, ahead: list[float], seconds: float, ago: float, way: float
) -> None:
    ahead[0] = seconds
    provisioner(session).apply([clock_step(ago=ago, way=way)])

    assert abs(ahead[0] + ago) < 1


@pytest.mark.parametrize(("timer", "in_force"), [(30.0, True), (0.0, False)], ids=["time passed", "the clock alone went on"])
def test_the_time_that_passes_between_two_actions_counts(
    session: WindowsSession, ahead: list[float], monkeypatch: pytest.MonkeyPatch, timer: float, in_force: bool
) -> None:
    """Compared with the time when the step was made, a right clock would seem to go ahead."""
    runner = provisioner(session)
    applied = runner.apply([clock_step(way=5)])

    ahead[0] += 30.0
    monkeypatch.setattr(twin_clock, "time", SimpleNamespace(monotonic_ns=lambda: time.monotonic_ns() + int(timer * 1e9)))

    with contextlib.nullcontext() if in_force else pytest.raises(StepFailed, match="clock is 30 s ahead, expected from -2 to 5 s"):
        runner.verify(applied)


def test_a_clock_that_cannot_be_set_is_no_success(session: WindowsSession, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.refusal = PermissionError()
    step: Step = lab_clock(dt.datetime(2030, 1, 1, tzinfo=dt.UTC))

    with pytest.raises(StepFailed, match="A required privilege is not held by the client"):
        provisioner(session).apply([step])


# -- what the server is -------------------------------------------------------------------------------------------------


def test_a_twin_says_that_it_is_one(session: WindowsSession) -> None:
    read = machine.read(session, SCRIPTS)

    assert machine.kind(session) is read.kind is machine.Kind.TWIN
    assert (read.computer_name, read.domain_joined, read.interactive_user, read.is_elevated) == ("WIN10VPN", False, None, True)
    assert (read.pending_reboot, read.evaluation_minutes) == (False, None)
    assert abs((read.time_utc - dt.datetime.now(dt.UTC)).total_seconds()) < 5
    assert read.adapters[0] == machine.Adapter(name="Ethernet", mac="08-00-27-00-00-01", addresses=(IPv4Interface("10.0.2.10/24"),))
    assert read.adapter_with(MACS["lan"]) == read.adapters[2]
    assert read.adapter_with("52:54:00:00:00:99") is None


def test_without_its_key_nothing_is_taken_for_a_twin(session: WindowsSession) -> None:
    session.run_powershell(f"Remove-Item -LiteralPath {machine.TWIN}", Deadline(10))

    assert machine.kind(session) is machine.read(session, SCRIPTS).kind is machine.Kind.WINDOWS


@pytest.mark.parametrize(("key", "pending"), [
    (r"HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending", True),
    (r"HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired", True),
    (r"HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update", False),
])
def test_a_pending_reboot_is_seen(session: WindowsSession, key: str, pending: bool) -> None:
    session.run_powershell(f"New-Item -Path '{key}' -Force | Out-Null", Deadline(10))

    assert machine.read(session, SCRIPTS).pending_reboot is pending


@pytest.mark.parametrize(("change", "flags"), [
    (r"Remove-ItemProperty -LiteralPath HKLM:\SYSTEM\CurrentControlSet\Services\RemoteAccess\Parameters -Name ServerFlags", 0),
    (r"Remove-Item -LiteralPath HKLM:\SYSTEM\CurrentControlSet\Services\RemoteAccess\Parameters -Recurse", 0), ("", 0x00802602),
], ids=["no value", "no key", "stock"])
def test_flags_that_are_absent_are_none(session: WindowsSession, change: str, flags: int) -> None:
    assert session.run_powershell(change, Deadline(10)).error == ""

    assert view.read(session, SCRIPTS).server_flags == flags


def test_a_light_view_leaves_the_machine_out(session: WindowsSession) -> None:
    light, whole = view.read(session, SCRIPTS, machine=False), view.read(session, SCRIPTS)

    assert (light.adapters, light.firewall) == (None, None)
    assert light.clients == whole.clients
    assert not {"events", "booted"} & whole.fingerprint.keys()
