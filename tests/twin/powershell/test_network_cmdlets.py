"""Cmdlets for adapters, addresses and connection profiles on a machine that is not there. Source of texts and identifiers: lab/twin/commands/cim.py."""

from __future__ import annotations

import errno

import pytest
from fake_nics import FakeNics
from twin_scripts import refusal, run

from lab.twin.windows.machine import Machine
from lab.twin.windows.network import Network, kernel_name, shown_name

IPV4 = " -AddressFamily IPv4"
WAN = "New-NetIPAddress -InterfaceIndex 3 -IPAddress 203.0.113.10 -PrefixLength 24 | Out-Null; "
ERROR = " -ErrorAction Stop } catch { $_.FullyQualifiedErrorId; $_.CategoryInfo.Category; $_.Exception.Message }"


def server(nics: FakeNics | None = None) -> Machine:
    machine = Machine.stock()
    machine.network = Network(nics or FakeNics())
    return machine


@pytest.mark.parametrize(("script", "expected"), [
    ("Get-NetAdapter | ForEach-Object Name", ["Ethernet", "Ethernet 2", "Ethernet 3", "Ethernet 4"]),
    ("Get-NetAdapter 'ethernet ?' | ForEach-Object ifIndex", ["3", "4", "5"]),
    ("$a = Get-NetAdapter -InterfaceIndex 3; $a.MacAddress; $a.Status; $a.InterfaceIndex.GetType().Name", ["52-54-CB-00-71-0A", "Up", "UInt32"]),
    ("(Get-NetAdapter | Where-Object MacAddress -eq '52-54-AC-14-05-0A').Status", ["Disconnected"]),
    ("@(Get-NetAdapter none*).Count", ["0"]),
    ("Rename-NetAdapter -Name 'Ethernet 2' -NewName wan; (Get-NetAdapter wan).ifIndex", ["3"]),
    ("Get-NetAdapter 'Ethernet 2' | Rename-NetAdapter -NewName wan -PassThru | ForEach-Object Name", ["wan"]),
    ("Rename-NetAdapter 'Ethernet 2' wan; Rename-NetAdapter wan 'Ethernet 2'; (Get-NetAdapter -InterfaceIndex 3).Name", ["Ethernet 2"]),
    ("Rename-NetAdapter 'Ethernet 2' 'ETHERNET 2'; (Get-NetAdapter -InterfaceIndex 3).Name", ["Ethernet 2"]),
    (WAN + "$i = Get-NetIPAddress -IPAddress 203.0.113.10; $i.InterfaceAlias; $i.PrefixLength; $i.PrefixOrigin; $i.AddressState",
     ["Ethernet 2", "24", "Manual", "Preferred"]),
    ("(Get-NetIPAddress -InterfaceAlias Ethernet -AddressFamily IPv4).PrefixOrigin", ["Dhcp"]),
    (f"(Get-NetIPAddress{IPV4}).IPAddress -join ' '", ["127.0.0.1 10.0.2.10"]),
    ("@(New-NetIPAddress -InterfaceAlias 'Ethernet 2' -IPAddress 203.0.113.10 -PrefixLength 24).Count", ["2"]),
    (WAN + f"Remove-NetIPAddress -InterfaceIndex 3{IPV4} -Confirm:$false; @(Get-NetIPAddress{IPV4}).Count", ["2"]),
    (WAN + f"Get-NetIPAddress -IPAddress 203.0.113.10 | Remove-NetIPAddress -Confirm:$false; @(Get-NetIPAddress{IPV4}).Count", ["2"]),
    (f"(Get-NetIPInterface 'Ethernet 2'{IPV4}).Dhcp; {WAN}(Get-NetIPInterface 'Ethernet 2'{IPV4}).Dhcp", ["Enabled", "Disabled"]),
    (WAN + "Remove-NetIPAddress 203.0.113.10 -Confirm:$false; " + f"(Get-NetIPInterface -InterfaceIndex 3{IPV4}).Dhcp;"
     f" Set-NetIPInterface -InterfaceIndex 3{IPV4} -Dhcp Enabled; (Get-NetIPInterface -InterfaceIndex 3{IPV4}).Dhcp", ["Disabled", "Enabled"]),
    ("$r = Get-NetRoute 0.0.0.0/0; $r.NextHop; $r.InterfaceAlias; (Get-NetRoute -DestinationPrefix 0.0.0.0/0 -InterfaceIndex 2).ifIndex", ["10.0.2.2", "Ethernet", "2"]),
    ("Get-NetConnectionProfile | ForEach-Object { \"$($_.InterfaceAlias) $($_.NetworkCategory)\" }", ["Ethernet Public", "Ethernet 2 Public", "Ethernet 3 Public"]),
    ("Set-NetConnectionProfile -InterfaceIndex 3 -NetworkCategory Private; (Get-NetConnectionProfile -InterfaceIndex 3).NetworkCategory", ["Private"]),
    ("Get-NetConnectionProfile | Set-NetConnectionProfile -NetworkCategory private; (Get-NetConnectionProfile).NetworkCategory -join ' '",
     ["Private Private Private"]),
])
def test_adapters_and_addresses(script: str, expected: list[str]) -> None:
    assert run(script, server()) == expected


@pytest.mark.parametrize(("script", "identifier", "category", "text"), [
    ("Get-NetAdapter wan", "CmdletizationQuery_NotFound_Name,Get-NetAdapter", "ObjectNotFound", "No MSFT_NetAdapter objects found with property 'Name' equal to 'wan'."),
    ("Get-NetAdapter -InterfaceIndex 9", "CmdletizationQuery_NotFound_InterfaceIndex,Get-NetAdapter", "ObjectNotFound", "equal to '9'"),
    ("Rename-NetAdapter 'Ethernet 2' ethernet", "Windows System Error 698,Rename-NetAdapter", "ResourceExists", "{Object Exists} An attempt"),
    ("Rename-NetAdapter wan lan", "CmdletizationQuery_NotFound_Name,Rename-NetAdapter", "ObjectNotFound", "'wan'"),
    (WAN + "New-NetIPAddress -InterfaceIndex 3 -IPAddress 203.0.113.10 -PrefixLength 25", "Windows System Error 87,New-NetIPAddress", "InvalidArgument",
     "Instance MSFT_NetIPAddress already exists"),
    ("New-NetIPAddress -InterfaceIndex 9 -IPAddress 203.0.113.10 -PrefixLength 24", "Windows System Error 1168,New-NetIPAddress", "ObjectNotFound", "Element not found."),
    ("New-NetIPAddress -InterfaceIndex 3 -IPAddress 203.0.113.10 -PrefixLength 33", "Windows System Error 87,New-NetIPAddress", "InvalidArgument", "parameter is incorrect"),
    ("Get-NetIPAddress 203.0.113.10", "CmdletizationQuery_NotFound_IPAddress,Get-NetIPAddress", "ObjectNotFound", "'203.0.113.10'"),
    (f"Get-NetIPAddress -InterfaceIndex 3{IPV4}", "CmdletizationQuery_NotFound,Get-NetIPAddress", "ObjectNotFound", "No matching MSFT_NetIPAddress objects"),
    ("Remove-NetIPAddress 203.0.113.10 -Confirm:$false", "CmdletizationQuery_NotFound_IPAddress,Remove-NetIPAddress", "ObjectNotFound", "'203.0.113.10'"),
    (f"Get-NetIPInterface wan{IPV4}", "CmdletizationQuery_NotFound_InterfaceAlias,Get-NetIPInterface", "ObjectNotFound", "MSFT_NetIPInterface"),
    ("Get-NetRoute -InterfaceIndex 3 -DestinationPrefix 0.0.0.0/0", "CmdletizationQuery_NotFound,Get-NetRoute", "ObjectNotFound", "No matching MSFT_NetRoute objects"),
    ("Get-NetConnectionProfile -InterfaceIndex 5", "CmdletizationQuery_NotFound_InterfaceIndex,Get-NetConnectionProfile", "ObjectNotFound", "equal to '5'"),
    ("Set-NetConnectionProfile -InterfaceIndex 3 -NetworkCategory Secret", "CannotConvertArgumentNoMessage,Set-NetConnectionProfile", "InvalidArgument", "Public, Private"),
])
def test_errors_as_windows_words_them(script: str, identifier: str, category: str, text: str) -> None:
    setup, _, failing = script.rpartition("; ")
    said = run(f"{setup}; try {{ {failing}{ERROR}", server())

    assert said[:2] == [identifier, category]
    assert text in said[2]


@pytest.mark.parametrize(("script", "named"), [
    ("Get-NetAdapter -IncludeHidden", "-IncludeHidden"), ("(Get-NetAdapter Ethernet).LinkSpeed", "LinkSpeed"), ("Get-NetIPAddress", "IPv6"),
    ("Get-NetIPAddress -AddressFamily IPv6", "IPv6"), ("Get-NetIPAddress fe80::1", "fe80::1"), ("Remove-NetIPAddress 10.0.2.10", "-Confirm:$false"),
    (f"Remove-NetIPAddress{IPV4} -Confirm:$false", "every address"), ("Remove-NetIPAddress 10.0.2.10 -Confirm:$false", "DHCP"),
    ("Remove-NetIPAddress 127.0.0.1 -Confirm:$false", "loopback"), ("New-NetIPAddress -InterfaceIndex 3 10.0.2.10 -PrefixLength 24", "two adapters"),
    ("New-NetIPAddress -InterfaceIndex 3 192.0.2.1 -PrefixLength 24 -DefaultGateway 192.0.2.2", "-DefaultGateway"),
    ("New-NetIPAddress -InterfaceIndex 2 192.0.2.1 -PrefixLength 24", "DHCP off"), (f"Set-NetIPInterface Ethernet{IPV4} -Dhcp Disabled", "DHCP off"),
    (WAN + f"Set-NetIPInterface -InterfaceIndex 3{IPV4} -Dhcp Enabled", "DHCP on"), ("Rename-NetAdapter Ethernet 'a b'", "'a b'"),
    ("Rename-NetAdapter Ethernet eth7", "'eth7'"), ("Rename-NetAdapter Ethernet sixteen-letters-", "sixteen"),
    ("Get-Service RasMan | Rename-NetAdapter -NewName a", "another cmdlet"), ("Get-NetAdapter | Rename-NetAdapter -Name a -NewName b", "-Name and -InputObject"),
    ("Set-NetConnectionProfile -NetworkCategory Private", "no selector"), ("Get-NetRoute 10.0.2.0/24", "other routes"), ("\"$(Get-NetAdapter Ethernet)\"", "as text"),
])
def test_refused(script: str, named: str) -> None:
    assert named.lower() in refusal(script, server()).lower()


def test_without_attached_interfaces_there_are_no_adapters() -> None:
    assert run("@(Get-NetAdapter).Count", Machine.stock()) == ["0"]


def test_what_the_machine_refuses_is_no_success() -> None:
    nics = FakeNics()
    nics.refusal = PermissionError(errno.EPERM, "Operation not permitted")

    assert "Operation not permitted" in refusal("Rename-NetAdapter Ethernet wan", server(nics))


def test_a_reset_leaves_the_machine_alone_and_forgets_what_windows_knew() -> None:
    machine = server()
    run(WAN + "Rename-NetAdapter 'Ethernet 2' wan; Set-NetConnectionProfile -InterfaceAlias wan -NetworkCategory Private", machine)
    machine.reset()

    assert run("(Get-NetIPAddress 203.0.113.10).InterfaceAlias; (Get-NetConnectionProfile -InterfaceAlias wan).NetworkCategory", machine) == ["wan", "Public"]


@pytest.mark.parametrize(("kernel", "shown"), [("eth0", "Ethernet"), ("eth1", "Ethernet 2"), ("eth11", "Ethernet 12"), ("wan", "wan"), ("enp1s0", "enp1s0")])
def test_names_there_and_back(kernel: str, shown: str) -> None:
    assert shown_name(kernel) == shown
    assert kernel_name(shown) == kernel
