"""Get-, New-, Set-, Remove-NetFirewallRule: what they change is in force when they return.

Source: MicrosoftDocs/windows-powershell-docs, module NetSecurity. -Name is the rule's InstanceID, and that is what an error calls it.
Without a selector the removing cmdlet of Windows removes every rule: here that is refused.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Network

from lab.twin.commands.cim import CIM_INSTANCE, carried_out, chosen_value, enumeration, handles, matching, only_one_way, system_error
from lab.twin.commands.network import adapters_of
from lab.twin.commands.services import machine_of
from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.registry import Call, cmdlet
from lab.twin.powershell.values import PSObject
from lab.twin.windows.firewall import ERROR_ALREADY_EXISTS, FirewallRule
from lab.twin.windows.network import VPN_INTERFACE

RULE = "MSFT_NetFirewallRule"
SWITCH, DIRECTIONS = {"True": 1, "False": 2}, {"Inbound": 1, "Outbound": 2}
ACTIONS, PROFILES = {"Allow": 2, "Block": 4}, {"Any": 0, "Domain": 1, "Private": 2, "Public": 4}
PROTOCOLS = ("Any", "TCP", "UDP", "ICMPv4", "ICMPv6")
PORT, TYPE = re.compile(r"\d+(?:-\d+)?"), re.compile(r"\d+")  # 500, 5000-5010; 8
MOST_PORTS = 15
"""What one rule of the kernel takes (iptables-extensions, multiport)."""


def as_object(rule: FirewallRule) -> PSObject:
    """Return a rule as Get-NetFirewallRule shows it: without its ports and addresses, for which Windows has other cmdlets."""
    enabled = "True" if rule.enabled else "False"
    number = sum(PROFILES[one] for one in rule.profile.split(", "))
    return PSObject(
        [("Name", rule.name), ("InstanceID", rule.name), ("DisplayName", rule.display_name),
         ("Enabled", enumeration(enabled, SWITCH[enabled], "NetSecurity.Enabled")),
         ("Direction", enumeration(rule.direction, DIRECTIONS[rule.direction], "NetSecurity.Direction")),
         ("Action", enumeration(rule.action, ACTIONS[rule.action], "NetSecurity.Action")),
         ("Profile", enumeration(rule.profile, number, "NetSecurity.Profile"))],
        type_name=f"{CIM_INSTANCE}#root/standardcimv2/{RULE}", handle=rule, view=("Name", "DisplayName", "Enabled", "Direction"))


def _named(call: Call) -> Iterator[FirewallRule]:
    """Yield the rules of -Name or -DisplayName, both with wildcards."""
    only_one_way(call, "Name", "DisplayName")
    rules = machine_of(call).firewall.rules()
    if call.has("Name"):
        return matching(call, rules, lambda one: one.name, of=RULE, parameter="Name", property_name="InstanceID")
    return matching(call, rules, lambda one: one.display_name, of=RULE, parameter="DisplayName", property_name="DisplayName")


@cmdlet("Get-NetFirewallRule", "[string[]] Name @0, [string[]] DisplayName")
def get_net_firewall_rule(call: Call) -> Iterator[object]:
    """Rules by name. All of them is refused: Windows has hundreds that the twin lacks."""
    yield from (as_object(one) for one in _named(call))


@cmdlet("New-NetFirewallRule", "[string] Name, [string] DisplayName mandatory, [string] Direction, [string] Action, [string] Enabled, [string[]] Profile,"
        " [string] Protocol, [string[]] LocalPort, [string[]] IcmpType, [string[]] RemoteAddress, [string[]] InterfaceAlias")
def new_net_firewall_rule(call: Call) -> Iterator[object]:
    """Make a rule."""
    rule = FirewallRule(
        name=call.text("Name") or f"{{{uuid.uuid4()}}}", display_name=call.text("DisplayName"), protocol=_protocol(call),
        local_ports=_only(call, "LocalPort", PORT, ("TCP", "UDP")), icmp_types=_only(call, "IcmpType", TYPE, ("ICMPv4", "ICMPv6")),
        remote_addresses=_addresses(call), adapters=_adapters(call),
        direction=chosen_value(call, "Direction", DIRECTIONS) if call.has("Direction") else "Inbound",
        action=chosen_value(call, "Action", ACTIONS) if call.has("Action") else "Allow", profile=_profile(call) if call.has("Profile") else "Any",
        enabled=not call.has("Enabled") or chosen_value(call, "Enabled", SWITCH) == "True")
    if not machine_of(call).firewall.add(rule):
        raise system_error(call, ERROR_ALREADY_EXISTS, "Cannot create a file when that file already exists.", of=RULE, category="ResourceExists")
    carried_out(call, machine_of(call).firewall_changed, of=RULE)
    yield as_object(rule)


def _protocol(call: Call) -> str:
    """Return a protocol as it is spelt, or its number."""
    given = call.text("Protocol", "Any")
    found = next((one for one in PROTOCOLS if one.lower() == given.lower()), given)
    if found not in PROTOCOLS and not (found.isdigit() and int(found) < 256):
        raise NotSupportedByTwin(f"{call.name} of the protocol {given!r}")
    return found


def _only(call: Call, parameter: str, form: re.Pattern[str], protocols: tuple[str, ...]) -> tuple[str, ...]:
    """Return ports or types, which only these protocols have. Raises NotSupportedByTwin for words such as RPC and for too many."""
    given = tuple(one for one in call.strings(parameter) if one.lower() != "any")
    if given and _protocol(call) not in protocols:
        raise NotSupportedByTwin(f"{call.name} of the protocol {call.text('Protocol', 'Any')} with -{parameter}")
    if wrong := [one for one in given if not form.fullmatch(one)]:
        raise NotSupportedByTwin(f"{call.name} -{parameter} {wrong[0]}")
    if sum(2 if "-" in one else 1 for one in given) > MOST_PORTS:
        raise NotSupportedByTwin(f"{call.name} with {len(given)} of -{parameter}")
    return given


def _addresses(call: Call) -> tuple[str, ...]:
    """Return addresses and networks. Raises NotSupportedByTwin for words such as LocalSubnet, for ranges and for IPv6."""
    given = [one for one in call.strings("RemoteAddress") if one.lower() != "any"]
    try:
        return tuple(str(IPv4Network(one)) for one in given)
    except ValueError as error:
        raise NotSupportedByTwin(f"{call.name} -RemoteAddress {', '.join(given)} ({error})") from error


def _adapters(call: Call) -> tuple[str, ...]:
    given = tuple(call.strings("InterfaceAlias"))
    known = {one.name.lower() for one in adapters_of(call)} | {VPN_INTERFACE.lower()}
    if missing := [one for one in given if one.lower() not in known]:
        raise NotSupportedByTwin(f"{call.name} for the adapter {missing[0]!r}, which is not there")
    return given


def _profile(call: Call) -> str:
    """Return profiles as they are spelt: one, or several with a comma between."""
    found = [chosen_value(call, "Profile", PROFILES, part.strip()) for one in call.strings("Profile") for part in one.split(",")]
    return "Any" if "Any" in found else ", ".join(one for one in PROFILES if one in found)


@cmdlet("Set-NetFirewallRule", "[string[]] Name @0, [string[]] DisplayName, [object[]] InputObject pipeline, [string] Enabled, [string] Action,"
        " [string[]] Profile")
def set_net_firewall_rule(call: Call) -> Iterable[object]:
    """Change whether rules hold, what they do, and in which profiles."""
    only_one_way(call, "Name", "DisplayName", "InputObject")
    found = handles(call, FirewallRule) if call.has("InputObject") else list(_named(call))
    changed: dict[str, object] = {}
    if call.has("Enabled"):
        changed["enabled"] = chosen_value(call, "Enabled", SWITCH) == "True"
    if call.has("Action"):
        changed["action"] = chosen_value(call, "Action", ACTIONS)
    if call.has("Profile"):
        changed["profile"] = _profile(call)
    for rule in found:
        machine_of(call).firewall.replace(replace(rule, **changed))  # type: ignore[arg-type]
    carried_out(call, machine_of(call).firewall_changed, of=RULE)
    return ()


@cmdlet("Remove-NetFirewallRule", "[string[]] Name @0, [string[]] DisplayName, [object[]] InputObject pipeline")
def remove_net_firewall_rule(call: Call) -> Iterable[object]:
    """Remove rules."""
    only_one_way(call, "Name", "DisplayName", "InputObject")
    for rule in handles(call, FirewallRule) if call.has("InputObject") else list(_named(call)):
        machine_of(call).firewall.remove(rule)
    carried_out(call, machine_of(call).firewall_changed, of=RULE)
    return ()
