"""Netsh wfp show netevents | filters with file=- (standard output), and Get-NetUDPEndpoint: what the firewall dropped, by which filter, who listens.

Source: learn.microsoft.com, netsh wfp; elements as published in MicrosoftDocs/windows-itpro-docs (Troubleshooting UWP App Connectivity Issues,
Quarantine behavior): FWPM_NET_EVENT_CLASSIFY_DROP and FWPM_FILTER as XML. Of both only what the twin knows is there. The name "Query User" of
the filter that drops by default is from notes of others, who found it with FWPM_CONDITION_ORIGINAL_PROFILE_ID = 1.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from lab.twin.commands.cim import CIM_INSTANCE
from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.numbers import UInt16
from lab.twin.powershell.registry import Call, NativeResult, cmdlet
from lab.twin.powershell.values import PSObject
from lab.twin.windows.firewall import DEFAULT_BLOCK, Drop, FirewallRule, Profile
from lab.twin.windows.machine import Machine
from lab.twin.windows.sockets import UDP, udp_endpoints

ALE_AUTH_RECV_ACCEPT_V4 = 44
"""Number of the layer FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4, as published netevents have it."""
NUMBERS = {"TCP": 6, "UDP": 17, "ICMPv4": 1, "ICMPv6": 58}
EVENT_FILTERS = {"protocol", "localaddr", "remoteaddr", "localport", "remoteport", "timewindow"}


def wfp(machine: Machine, words: Sequence[str]) -> NativeResult:
    """Carry out netsh wfp with these words."""
    options = {name.lower(): value for name, _, value in (word.partition("=") for word in words[2:])}
    verb = " ".join(words[:2]).lower()
    if options.pop("file", "") != "-" or verb not in ("show netevents", "show filters"):
        raise NotSupportedByTwin(f"netsh wfp {' '.join(words)} (show netevents and show filters, with file=-)")
    if set(options) - (EVENT_FILTERS if verb == "show netevents" else set()):
        raise NotSupportedByTwin(f"netsh wfp {' '.join(words)}")
    if verb == "show netevents":
        return NativeResult(output=_document("netEvents", [_event(one) for one in machine.firewall.drops if _is_meant(one, options)]))
    return NativeResult(output=_document("filters", [_default_filter(), *(_filter(machine, one) for one in machine.firewall.rules() if one.enabled)]))


def _is_meant(drop: Drop, options: dict[str, str]) -> bool:
    """Whether a drop is among those that were asked for."""
    facts = {"protocol": str(drop.protocol), "localaddr": drop.local, "remoteaddr": drop.remote, "localport": str(drop.local_port),
             "remoteport": str(drop.remote_port)}
    recent = "timewindow" not in options or time.time() - drop.at <= float(options["timewindow"])
    return recent and all(facts[name] == value for name, value in options.items() if name in facts)


def _document(name: str, items: Sequence[str]) -> str:
    inside = "\r\n".join(items)
    return f'<?xml version="1.0" encoding="utf-8"?>\r\n<{name} numItems="{len(items)}">\r\n{inside}\r\n</{name}>\r\n'


def _event(drop: Drop) -> str:
    at = dt.datetime.fromtimestamp(drop.at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return (f"<item><header><timeStamp>{at}</timeStamp><ipVersion>FWP_IP_VERSION_V4</ipVersion><ipProtocol>{drop.protocol}</ipProtocol>"
            f"<localAddrV4>{drop.local}</localAddrV4><remoteAddrV4>{drop.remote}</remoteAddrV4><localPort>{drop.local_port}</localPort>"
            f"<remotePort>{drop.remote_port}</remotePort></header><type>FWPM_NET_EVENT_TYPE_CLASSIFY_DROP</type><classifyDrop>"
            f"<filterId>{drop.filter_id}</filterId><layerId>{ALE_AUTH_RECV_ACCEPT_V4}</layerId><reauthReason>0</reauthReason>"
            f"<originalProfile>{int(drop.original)}</originalProfile><currentProfile>{int(drop.current)}</currentProfile>"
            "<msFwpDirection>MS_FWP_DIRECTION_IN</msFwpDirection><isLoopback>false</isLoopback></classifyDrop></item>")


def _default_filter() -> str:
    return _filter_item("Query User", DEFAULT_BLOCK, "BLOCK", [_profile_condition(Profile.PUBLIC)])


def _filter(machine: Machine, rule: FirewallRule) -> str:
    conditions = list(_conditions(rule))
    return _filter_item(rule.display_name, machine.firewall.filter_of(rule), "PERMIT" if rule.action == "Allow" else "BLOCK", conditions)


def _filter_item(name: str, number: int, action: str, conditions: Sequence[str]) -> str:
    return (f"<item><filterKey>{{00000000-0000-0000-0000-{number:012x}}}</filterKey><displayData><name>{escape(name)}</name></displayData>"
            f'<layerKey>FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4</layerKey><filterCondition numItems="{len(conditions)}">{"".join(conditions)}'
            f"</filterCondition><action><type>FWP_ACTION_{action}</type></action><filterId>{number}</filterId></item>")


def _conditions(rule: FirewallRule) -> Iterator[str]:
    """Yield the conditions of a rule's filter. A condition that stands several times holds if one of them does (FWPM_FILTER0)."""
    protocol = NUMBERS.get(rule.protocol, rule.protocol)
    if protocol != "Any":
        yield _condition("IP_PROTOCOL", "uint8", protocol)
    for port in rule.local_ports:
        yield _condition("IP_LOCAL_PORT", "uint16", port)
    if rule.profile != "Any":
        yield from (_profile_condition(one) for one in sorted(rule.profiles))


def _profile_condition(profile: Profile) -> str:
    return _condition("ORIGINAL_PROFILE_ID", "uint32", int(profile))


def _condition(name: str, kind: str, value: object) -> str:
    return (f"<item><fieldKey>FWPM_CONDITION_{name}</fieldKey><matchType>FWP_MATCH_EQUAL</matchType><conditionValue>"
            f"<type>FWP_{kind.upper()}</type><{kind}>{value}</{kind}></conditionValue></item>")


# -- who listens --------------------------------------------------------------------------------------------------------


@cmdlet("Get-NetUDPEndpoint")
def get_net_udp_endpoint(call: Call) -> Iterator[object]:
    """All UDP sockets. One of a port is refused: whether none is an error there depends on the version."""
    for one in udp_endpoints(UDP.read_text()):
        yield PSObject([("LocalAddress", one.address), ("LocalPort", UInt16(one.port))], type_name=f"{CIM_INSTANCE}#ROOT/StandardCimv2/MSFT_NetUDPEndpoint",
                       view=("LocalAddress", "LocalPort"))
