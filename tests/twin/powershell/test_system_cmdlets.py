"""Cmdlets for the firewall's rules, the clock, and what the system is. Sources: the modules of lab/twin/commands."""

from __future__ import annotations

import datetime as dt

import pytest
from fake_nics import FakeClock, FakeNics
from twin_scripts import refusal, run

from lab.twin.windows.machine import Machine
from lab.twin.windows.network import Network

RULE = "New-NetFirewallRule -Name a-1 -DisplayName 'A rule' -Direction Inbound -Action Allow -Protocol UDP -LocalPort 500,4500 | Out-Null; "
ERROR = " -ErrorAction Stop } catch { $_.FullyQualifiedErrorId; $_.CategoryInfo.Category; $_.Exception.Message }"
BOOTED = "(Get-CimInstance Win32_OperatingSystem).LastBootUpTime"


def server() -> Machine:
    machine = Machine.stock()
    machine.network, machine.boot_time = Network(FakeNics()), "2026-01-02T03:04:05+00:00"
    return machine


@pytest.mark.parametrize(("script", "expected"), [
    (RULE + "$r = Get-NetFirewallRule -Name A-1; $r.Name; $r.DisplayName; $r.Enabled; $r.Direction; $r.Action; $r.Profile", ["a-1", "A rule", "True", "Inbound", "Allow", "Any"]),
    (RULE + "(Get-NetFirewallRule -DisplayName 'A *').Name", ["a-1"]),
    (RULE + "Remove-NetFirewallRule -Name a-1; @(Get-NetFirewallRule -Name a*).Count", ["0"]),
    (RULE + "New-NetFirewallRule -Name b -DisplayName 'A rule' | Out-Null; Get-NetFirewallRule -Name a* | Remove-NetFirewallRule;"
     " (Get-NetFirewallRule -DisplayName 'A rule').Name", ["b"]),
    ("(New-NetFirewallRule -DisplayName x -Enabled False).Enabled; (Get-NetFirewallRule -DisplayName x).Name.Length", ["False", "38"]),
    ("(New-NetFirewallRule -Name g -DisplayName g -Protocol 47 -InterfaceAlias Ethernet, 'Ethernet 2').Name", ["g"]),
    ("(New-NetFirewallRule -Name e -DisplayName e -Protocol ICMPv4 -IcmpType 8 -Profile public).Profile", ["Public"]),
    ("(New-NetFirewallRule -Name e -DisplayName e -Profile Private, public -RemoteAddress 10.0.0.0/8).Profile", ["Private, Public"]),
    (RULE + "Set-NetFirewallRule -Name a-1 -Enabled False -Action Block -Profile Private; $r = Get-NetFirewallRule a-1; $r.Enabled; $r.Action; $r.Profile",
     ["False", "Block", "Private"]),
    (RULE + "Get-NetFirewallRule a-1 | Set-NetFirewallRule -Profile 'Domain,Any'; (Get-NetFirewallRule a-1).Profile", ["Any"]),
    ("$s = Get-CimInstance Win32_ComputerSystem; $s.Name; $s.PartOfDomain; $s.Domain; $null -eq $s.UserName; $s.Model",
     ["WIN10VPN", "False", "WORKGROUP", "True", "twin of Windows 10"]),
    ("$s = Get-CimInstance -ClassName win32_operatingsystem; $s.BuildNumber; $s.LastBootUpTime.ToString('s'); $s.LocalDateTime -gt $s.LastBootUpTime",
     ["19045", "2026-01-02T03:04:05", "True"]),
    ("$l = Get-CimInstance SoftwareLicensingProduct -Filter \"PartialProductKey IS NOT NULL and LicenseStatus = '1'\"; $l.LicenseStatus;"
     " $l.GracePeriodRemaining", ["1", "0"]),
    ("@(Get-CimInstance SoftwareLicensingProduct -Filter \"Name = 'Office'\").Count", ["0"]),
    ("(New-Object Security.Principal.WindowsPrincipal -ArgumentList ([Security.Principal.WindowsIdentity]::GetCurrent())).IsInRole(544)", ["True"]),
    ("(Get-Item HKLM:\\SOFTWARE\\IncomingConnectionsLab).GetValue('Twin')", ["1"]),
    (f"{BOOTED}.Ticks; {BOOTED}.Ticks.GetType().Name; {BOOTED}.ToUniversalTime().AddSeconds(-5).ToLocalTime().ToString('s')",
     ["639029198450000000", "Int64", "2026-01-02T03:04:00"]),
    ("$w = [System.Diagnostics.Stopwatch]; $w::Frequency; ([System.Diagnostics.Stopwatch]::GetTimestamp()).GetType().Name", ["10000000", "Int64"]),
    ("$a = [Diagnostics.Stopwatch]::GetTimestamp(); [Diagnostics.Stopwatch]::GetTimestamp() -ge $a", ["True"]),
])
def test_right(script: str, expected: list[str]) -> None:
    assert run(script, server()) == expected


@pytest.mark.parametrize(("setup", "failing", "identifier", "category", "text"), [
    ("", "Get-NetFirewallRule -Name a", "CmdletizationQuery_NotFound_InstanceID,Get-NetFirewallRule", "ObjectNotFound",
     "No MSFT_NetFirewallRule objects found with property 'InstanceID' equal to 'a'."),
    ("", "Remove-NetFirewallRule -DisplayName a", "CmdletizationQuery_NotFound_DisplayName,Remove-NetFirewallRule", "ObjectNotFound", "'DisplayName' equal to 'a'"),
    (RULE, "New-NetFirewallRule -Name A-1 -DisplayName b", "Windows System Error 183,New-NetFirewallRule", "ResourceExists", "when that file already exists."),
    ("", "New-NetFirewallRule -DisplayName b -Action Maybe", "CannotConvertArgumentNoMessage,New-NetFirewallRule", "InvalidArgument", "Allow, Block"),
])
def test_errors_as_windows_words_them(setup: str, failing: str, identifier: str, category: str, text: str) -> None:
    said = run(f"{setup}try {{ {failing}{ERROR}", server())

    assert said[:2] == [identifier, category]
    assert text in said[2]


@pytest.mark.parametrize(("script", "named"), [
    ("Get-NetFirewallRule", "no selector"), ("Remove-NetFirewallRule", "no selector"), ("Get-NetFirewallRule -Name a -DisplayName b", "-Name and -DisplayName"),
    ("Get-NetFirewallRule -All", "-All"), ("New-NetFirewallRule -DisplayName a -RemoteAddress LocalSubnet", "-RemoteAddress"),
    ("New-NetFirewallRule -DisplayName a -Protocol TCP -LocalPort RPC", "-LocalPort RPC"), ("New-NetFirewallRule -DisplayName a -Protocol IGMP", "'IGMP'"),
    ("New-NetFirewallRule -DisplayName a -Protocol UDP -LocalPort (1..16)", "16 of -LocalPort"), ("netsh wfp show state file=-", "netsh wfp show state"),
    ("netsh wfp show filters", "file=-"), ("netsh wfp show filters file=- appid=x", "appid=x"), ("netsh wfp show netevents file=x", "file=-"),
    ("New-NetFirewallRule -DisplayName a -LocalPort 80", "protocol Any"), ("New-NetFirewallRule -DisplayName a -Protocol TCP -IcmpType 8", "protocol TCP"),
    ("New-NetFirewallRule -DisplayName a -InterfaceAlias wan", "'wan'"), (RULE + "(Get-NetFirewallRule a-1).Protocol", "Protocol"),
    ("Get-CimInstance Win32_Service", "Win32_Service"), ("Get-CimInstance -Query 'SELECT * FROM Win32_OperatingSystem'", "-Query"),
    ("Get-CimInstance Win32_ComputerSystem -Filter \"Name LIKE 'W%'\"", "LIKE"), ("Get-CimInstance Win32_ComputerSystem -Filter \"Memory = '1'\"", "Memory"),
    ("(Get-CimInstance Win32_ComputerSystem).TotalPhysicalMemory", "TotalPhysicalMemory"),
    ("(New-Object Security.Principal.WindowsPrincipal -ArgumentList 1).IsInRole(545)", "545"), ("Set-Date -Date (Get-Date)", "not the twin's alone"),
    ("Set-Date '2026-01-01'", "no date"), ("Set-Date -Adjust 1", "-Adjust"),
    ("[System.Xml.XmlConvert]::ToDateTime('2026-01-02T03:04:05Z', 'Utc')", "System.Xml.XmlConvert"),
    (f"{BOOTED}.ToLocalTime('x')", "ToLocalTime"), (f"{BOOTED}.Millisecond", "Millisecond"),
])
def test_refused(script: str, named: str) -> None:
    assert named.lower() in refusal(script, server()).lower()


def test_rules_go_with_a_reset_and_count_as_state() -> None:
    machine = server()
    run(RULE, machine)
    assert machine.facts()["firewall"] == ["a-1"]

    machine.reset()
    assert machine.facts()["firewall"] == []


def test_the_clock_is_set_to_the_moment_and_a_refusal_is_an_error() -> None:
    machine, clock = server(), FakeClock()
    machine.clock = clock
    run("Set-Date -Date (Get-Date).AddSeconds(3600) | Out-Null", machine)
    assert abs((clock.moments[0] - dt.datetime.now(dt.UTC)).total_seconds() - 3600) < 5

    clock.refusal = PermissionError()
    assert run("try { Set-Date -Date (Get-Date) } catch { $_.Exception.Message }", machine) == ["A required privilege is not held by the client"]
