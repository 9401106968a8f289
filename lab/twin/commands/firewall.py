"""Get-, New-, Remove-NetFirewallRule: rules as state, no filtering yet.

Source: MicrosoftDocs/windows-powershell-docs, module NetSecurity. -Name is the rule's InstanceID, and that is what an error calls it.
Without a selector the removing cmdlet of Windows removes every rule: here that is refused.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from lab.twin.commands.cim import CIM_INSTANCE, chosen_value, enumeration, handles, matching, only_one_way, system_error
from lab.twin.commands.network import adapters_of
from lab.twin.commands.services import machine_of
from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.registry import Call, cmdlet
from lab.twin.powershell.values import PSObject
from lab.twin.windows.firewall import ERROR_ALREADY_EXISTS, FirewallRule

RULE = "MSFT_NetFirewallRule"
SWITCH, DIRECTIONS = {"True": 1, "False": 2}, {"Inbound": 1, "Outbound": 2}
ACTIONS, PROFILES = {"Allow": 2, "Block": 4}, {"Any": 0, "Domain": 1, "Private": 2, "Public": 4}


def as_object(rule: FirewallRule) -> PSObject:
    """Return a rule as Get-NetFirewallRule shows it: without its ports and addresses, for which Windows has other cmdlets."""
    enabled = "True" if rule.enabled else "False"
    return PSObject(
        [("Name", rule.name), ("InstanceID", rule.name), ("DisplayName", rule.display_name),
         ("Enabled", enumeration(enabled, SWITCH[enabled], "NetSecurity.Enabled")),
         ("Direction", enumeration(rule.direction, DIRECTIONS[rule.direction], "NetSecurity.Direction")),
         ("Action", enumeration(rule.action, ACTIONS[rule.action], "NetSecurity.Action")),
         ("Profile", enumeration(rule.profile, PROFILES[rule.profile], "NetSecurity.Profile"))],
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


@cmdlet("New-NetFirewallRule", "[string] Name, [string] DisplayName mandatory, [string] Direction, [string] Action, [string] Enabled, [string] Profile,"
        " [string] Protocol, [string[]] LocalPort, [string[]] IcmpType, [string[]] InterfaceAlias")
def new_net_firewall_rule(call: Call) -> Iterator[object]:
    """Make a rule."""
    ports, types = tuple(call.strings("LocalPort")), tuple(call.strings("IcmpType"))
    protocol = call.text("Protocol", "Any")
    if (ports and protocol.upper() not in ("TCP", "UDP")) or (types and protocol.upper() not in ("ICMPV4", "ICMPV6")):
        raise NotSupportedByTwin(f"New-NetFirewallRule of the protocol {protocol} with these ports or types")
    known = {one.name.lower() for one in adapters_of(call)}
    if missing := [one for one in call.strings("InterfaceAlias") if one.lower() not in known]:
        raise NotSupportedByTwin(f"New-NetFirewallRule for the adapter {missing[0]!r}, which is not there")
    rule = FirewallRule(
        name=call.text("Name") or f"{{{uuid.uuid4()}}}", display_name=call.text("DisplayName"), protocol=protocol, local_ports=ports,
        icmp_types=types, adapters=tuple(call.strings("InterfaceAlias")),
        direction=chosen_value(call, "Direction", DIRECTIONS) if call.has("Direction") else "Inbound",
        action=chosen_value(call, "Action", ACTIONS) if call.has("Action") else "Allow",
        profile=chosen_value(call, "Profile", PROFILES) if call.has("Profile") else "Any",
        enabled=not call.has("Enabled") or chosen_value(call, "Enabled", SWITCH) == "True")
    if not machine_of(call).firewall.add(rule):
        raise system_error(call, ERROR_ALREADY_EXISTS, "Cannot create a file when that file already exists.", of=RULE, category="ResourceExists")
    yield as_object(rule)


@cmdlet("Remove-NetFirewallRule", "[string[]] Name @0, [string[]] DisplayName, [object[]] InputObject pipeline")
def remove_net_firewall_rule(call: Call) -> Iterable[object]:
    """Remove rules."""
    only_one_way(call, "Name", "DisplayName", "InputObject")
    for rule in handles(call, FirewallRule) if call.has("InputObject") else list(_named(call)):
        machine_of(call).firewall.remove(rule)
    return ()
