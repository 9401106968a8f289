"""New-, Get-, Remove-NetIPsecRule and -NetIPsecPhase1AuthSet, New-NetIPsecAuthProposal: rules as state.

Without a selector Get- means every rule or set, and Remove- removes them all, as Windows documents it (Remove-NetIPsecRule, example 1).
-Name is an alias of -IPsecRuleName, and InstanceID another name of the property. What is not documented is refused: removing a set that a
rule still names, removing netsh's rule by a cmdlet, naming a set that is not there.

Source: MicrosoftDocs/windows-powershell-docs, module NetSecurity.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from enum import StrEnum
from ipaddress import IPv4Network
from typing import TypeVar

from lab.twin.commands.cim import CIM_INSTANCE, chosen_value, enumeration, handles, matching, only_one_way, system_error
from lab.twin.commands.services import machine_of
from lab.twin.powershell.errors import NotSupportedByTwin, failure
from lab.twin.powershell.registry import Call, cmdlet
from lab.twin.powershell.values import PSObject
from lab.twin.windows.firewall import ERROR_ALREADY_EXISTS
from lab.twin.windows.ipsec import AuthProposal, AuthSet, IPsecRule, KeyModule, Method, Mode, Security

Named = TypeVar("Named", IPsecRule, AuthSet)

RULE, SET, PROPOSAL = "MSFT_NetConSecRule", "MSFT_NetIKEP1AuthSet", "MSFT_NetAuthenticationMethod"
SWITCH = {"True": 1, "False": 2}
MODES = {Mode.TUNNEL: 1, Mode.TRANSPORT: 2}
POLICIES = {Security.NONE: 0, Security.REQUEST: 1, Security.REQUIRE: 2}
MODULES = {KeyModule.DEFAULT: 0, KeyModule.IKEV1: 1, KeyModule.AUTHIP: 2, KeyModule.IKEV2: 3}
RULE_SELECTORS, SET_SELECTORS = ("IPsecRuleName", "Name", "DisplayName"), ("Name", "DisplayName")


def new_name() -> str:
    """Return a name as Windows makes them."""
    return f"{{{str(uuid.uuid4()).upper()}}}"


def address(text: str) -> str:
    """Return an address of a rule as it is kept: "Any", or a network. Raises NotSupportedByTwin for ranges, keywords, and IPv6."""
    if text.lower() == "any":
        return "Any"
    try:
        return str(IPv4Network(text))
    except ValueError as error:
        raise NotSupportedByTwin(f"the address {text!r} of an IPsec rule ({error})") from None


def rule_object(rule: IPsecRule) -> PSObject:
    """Return a rule as Get-NetIPsecRule shows it: without its addresses, for which Windows has another cmdlet."""
    enabled = "True" if rule.enabled else "False"
    return PSObject(
        [("Name", rule.name), ("InstanceID", rule.name), ("DisplayName", rule.display_name), ("Description", rule.description or None),
         ("Enabled", enumeration(enabled, SWITCH[enabled], "NetSecurity.Enabled")),
         ("Mode", enumeration(rule.mode, MODES[rule.mode], "NetSecurity.IPsecMode")),
         ("InboundSecurity", enumeration(rule.inbound, POLICIES[rule.inbound], "NetSecurity.SecurityPolicy")),
         ("OutboundSecurity", enumeration(rule.outbound, POLICIES[rule.outbound], "NetSecurity.SecurityPolicy")),
         ("KeyModule", enumeration(rule.key_module, MODULES[rule.key_module], "NetSecurity.KeyModule")),
         ("Phase1AuthSet", rule.auth_set or None)],
        type_name=f"{CIM_INSTANCE}#root/standardcimv2/{RULE}", handle=rule, view=("Name", "DisplayName", "Enabled", "Mode"))


def set_object(one: AuthSet) -> PSObject:
    """Return a set as Get-NetIPsecPhase1AuthSet shows it; what its proposals show is not known, so they are not there to be read."""
    return PSObject([("Name", one.name), ("InstanceID", one.name), ("DisplayName", one.display_name)],
                    type_name=f"{CIM_INSTANCE}#root/standardcimv2/{SET}", handle=one, view=("Name", "DisplayName"))


def _named(call: Call, known: list[Named], selectors: tuple[str, ...], of: str) -> Iterator[Named]:
    """Yield the objects of one selector, with wildcards; without one, or with -All, every object."""
    if not any(call.has(name) for name in selectors):
        yield from known
        return
    only_one_way(call, *selectors, "All")
    chosen = next(name for name in selectors if call.has(name))
    by_display = chosen == "DisplayName"
    yield from matching(call, known, lambda one: one.display_name if by_display else one.name, of=of, parameter=chosen,
                        property_name="DisplayName" if by_display else "InstanceID")


@cmdlet("New-NetIPsecAuthProposal", "[switch] Machine, [switch] Kerberos, [string] PreSharedKey empty")
def new_net_ipsec_auth_proposal(call: Call) -> Iterator[object]:
    """Make a proposal: a secret, or Kerberos. It is stored nowhere."""
    if not call.on("Machine") or call.on("Kerberos") == call.has("PreSharedKey"):
        raise NotSupportedByTwin("New-NetIPsecAuthProposal without -Machine, or without exactly one of -PreSharedKey and -Kerberos")
    if call.has("PreSharedKey") and not call.text("PreSharedKey"):
        raise failure("Cannot bind argument to parameter 'PreSharedKey' because it is an empty string.", category="InvalidData",
                      exception="System.Management.Automation.ParameterBindingException",
                      identifier=f"ParameterArgumentValidationErrorEmptyStringNotAllowed,{call.name}")
    method = Method.KERBEROS if call.on("Kerberos") else Method.PRESHARED_KEY
    yield PSObject([("Method", method.value)], type_name=f"{CIM_INSTANCE}#root/standardcimv2/{PROPOSAL}",
                   handle=AuthProposal(method=method, preshared_key=call.text("PreSharedKey")))


@cmdlet("New-NetIPsecPhase1AuthSet", "[string] Name, [string] DisplayName mandatory, [object[]] Proposal mandatory")
def new_net_ipsec_phase1_auth_set(call: Call) -> Iterator[object]:
    """Store proposals under a name."""
    made = AuthSet(name=call.text("Name") or new_name(), display_name=call.text("DisplayName"),
                   proposals=tuple(handles(call, AuthProposal, "Proposal")))
    if not machine_of(call).ipsec.add_set(made):
        raise system_error(call, ERROR_ALREADY_EXISTS, "Cannot create a file when that file already exists.", of=SET, category="ResourceExists")
    yield set_object(made)


@cmdlet("Get-NetIPsecPhase1AuthSet", "[string[]] Name @0, [string[]] DisplayName, [switch] All")
def get_net_ipsec_phase1_auth_set(call: Call) -> Iterator[object]:
    """Sets by name; all without one."""
    yield from (set_object(one) for one in _named(call, machine_of(call).ipsec.sets(), SET_SELECTORS, SET))


@cmdlet("Remove-NetIPsecPhase1AuthSet", "[string[]] Name @0, [string[]] DisplayName, [switch] All, [object[]] InputObject pipeline")
def remove_net_ipsec_phase1_auth_set(call: Call) -> Iterable[object]:
    """Remove sets; all of them without a selector."""
    ipsec = machine_of(call).ipsec
    for one in handles(call, AuthSet) if call.has("InputObject") else list(_named(call, ipsec.sets(), SET_SELECTORS, SET)):
        if users := ipsec.users_of(one):
            raise NotSupportedByTwin(f"{call.name} of the set {one.display_name!r}, which the rule {users[0].display_name!r} names")
        ipsec.remove_set(one)
    return ()


def _choice(call: Call, parameter: str, allowed: type[StrEnum], default: StrEnum) -> str:
    return chosen_value(call, parameter, {one.value: 0 for one in allowed}) if call.has(parameter) else default.value


def _address(call: Call, parameter: str) -> str:
    given = call.strings(parameter) or ["Any"]
    if len(given) != 1:
        raise NotSupportedByTwin(f"{call.name} -{parameter} with several addresses")
    return address(given[0])


@cmdlet("New-NetIPsecRule", "[string] IPsecRuleName, [string] Name, [string] DisplayName mandatory, [string] Description, [string] Enabled,"
        " [string] Mode, [string] InboundSecurity, [string] OutboundSecurity, [string] KeyModule, [string] Phase1AuthSet,"
        " [string[]] LocalAddress, [string[]] RemoteAddress")
def new_net_ipsec_rule(call: Call) -> Iterator[object]:
    """Make a rule."""
    ipsec = machine_of(call).ipsec
    if call.text("DisplayName").lower() == "all" or (call.has("Name") and call.has("IPsecRuleName")):
        raise NotSupportedByTwin("New-NetIPsecRule with the -DisplayName All, or with a name and its alias")
    rule = IPsecRule(
        name=call.text("IPsecRuleName") or call.text("Name") or new_name(), display_name=call.text("DisplayName"),
        description=call.text("Description"), enabled=not call.has("Enabled") or chosen_value(call, "Enabled", SWITCH) == "True",
        mode=Mode(_choice(call, "Mode", Mode, Mode.TRANSPORT)), inbound=Security(_choice(call, "InboundSecurity", Security, Security.NONE)),
        outbound=Security(_choice(call, "OutboundSecurity", Security, Security.NONE)),
        key_module=KeyModule(_choice(call, "KeyModule", KeyModule, KeyModule.DEFAULT)), auth_set=call.text("Phase1AuthSet"),
        local_address=_address(call, "LocalAddress"), remote_address=_address(call, "RemoteAddress"))
    if rule.auth_set and ipsec.set_of(rule) is None:
        raise NotSupportedByTwin(f"New-NetIPsecRule -Phase1AuthSet {rule.auth_set}, which is not there (it wants the set's Name)")
    if not ipsec.add_rule(rule):
        raise system_error(call, ERROR_ALREADY_EXISTS, "Cannot create a file when that file already exists.", of=RULE, category="ResourceExists")
    yield rule_object(rule)


@cmdlet("Get-NetIPsecRule", "[string[]] IPsecRuleName @0, [string[]] Name, [string[]] DisplayName, [switch] All")
def get_net_ipsec_rule(call: Call) -> Iterator[object]:
    """Rules by name; all without one."""
    yield from (rule_object(one) for one in _named(call, machine_of(call).ipsec.rules(), RULE_SELECTORS, RULE))


@cmdlet("Remove-NetIPsecRule", "[string[]] IPsecRuleName @0, [string[]] Name, [string[]] DisplayName, [switch] All, [object[]] InputObject pipeline")
def remove_net_ipsec_rule(call: Call) -> Iterable[object]:
    """Remove rules; all of them without a selector."""
    ipsec = machine_of(call).ipsec
    for rule in handles(call, IPsecRule) if call.has("InputObject") else list(_named(call, ipsec.rules(), RULE_SELECTORS, RULE)):
        own = ipsec.set_of(rule)
        if own is not None and own.owner == rule.name:
            raise NotSupportedByTwin(f"{call.name} of {rule.display_name!r}, which netsh made (what becomes of its secret is not known)")
        ipsec.remove_rule(rule)
    return ()
