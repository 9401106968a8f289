"""The firewall as the kernel's packet filter: rules and profiles become one table for iptables-legacy-restore. Pure.

What clients send to the server itself arrives on the VPN's interface: in a tunnel of IPsec (IKEv2), or on a PPP interface (L2TP). Its network is
Public, and nothing is let in that no rule for Public allows (observed by the article's author). Changed to Private, it is still judged by the
profile that packets are received to, which stays Public (observed: FWPM_CONDITION_ORIGINAL_PROFILE_ID; why, nobody has explained). What is
forwarded is not filtered: profiles belong to layers where a local program is at one end (learn.microsoft.com, Filtering Conditions Available
at Each Filtering Layer). A rule that blocks goes before all that allow, whatever is under way already (NetSecurity, New-NetFirewallRule).

On the adapters only rules that block are carried out: what else Windows lets in there is its built-in rules' and not documented as a whole.
Of a UDP port where nobody listens nothing is said (stealth mode of Windows' firewall).

Each drop is told before it is made, to the NFLOG group, with the filter's number as prefix.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import product

from lab.twin.windows.firewall import DEFAULT_BLOCK, Firewall, FirewallRule, Profile
from lab.twin.windows.network import VPN_INTERFACE, Adapter, Category

GROUP = 1
"""NFLOG group that drops are told to."""
VPN_TRAFFIC = ("-i ppp+", "-m policy --dir in --pol ipsec --mode tunnel")
"""How packets that come through a tunnel are known. Not by transport mode: that is L2TP's own, which xl2tpd has to see."""
PROFILES = {Category.PUBLIC: Profile.PUBLIC, Category.PRIVATE: Profile.PRIVATE}
PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "ICMPv4": "icmp"}


def table(firewall: Firewall, adapters: Sequence[Adapter], vpn: Category, quirks: Collection[str] = ()) -> str:
    """Return the filter table.

    Args:
        firewall: the rules.
        adapters: of the machine; the VPN's interface is none of them.
        vpn: what the VPN's network is taken for.
        quirks: inverted behaviours.
    """
    lines = ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":VPN - [0:0]"]
    inbound = [rule for rule in firewall.rules() if rule.enabled and rule.direction == "Inbound"]
    blocking = [] if "firewall-block-wins" in quirks else [rule for rule in inbound if rule.action == "Block"]
    lines += [f"-A INPUT {traffic} -j VPN" for traffic in VPN_TRAFFIC]
    for rule in blocking:
        for interface in _interfaces(rule, adapters):
            lines += _drops(f"-A INPUT {interface}", rule, firewall.filter_of(rule))
    if "firewall-stealth" not in quirks:
        lines.append("-A OUTPUT -p icmp --icmp-type port-unreachable -j DROP")
    lines += _vpn_chain(firewall, inbound, blocking, PROFILES[vpn] if "firewall-original-profile" in quirks else Profile.PUBLIC, quirks)
    return "\n".join([*lines, "COMMIT", ""])


def _vpn_chain(
    firewall: Firewall, inbound: Sequence[FirewallRule], blocking: Sequence[FirewallRule], profile: Profile, quirks: Collection[str]
) -> Iterator[str]:
    """Yield the rules for what comes through a tunnel; it ends there, one way or the other."""
    def held(rule: FirewallRule) -> bool:
        return profile in rule.profiles and rule.is_for(VPN_INTERFACE)

    for rule in filter(held, blocking):
        yield from _drops("-A VPN", rule, firewall.filter_of(rule))
    yield "-A VPN -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
    for rule in filter(held, inbound):
        if rule.action == "Allow":
            yield from (f"-A VPN {one} -j ACCEPT" for one in matches(rule))
    if "firewall-public-default" in quirks:
        yield "-A VPN -j ACCEPT"
    else:
        yield from (f"-A VPN {end}" for end in _told_and_dropped(DEFAULT_BLOCK))


def _interfaces(rule: FirewallRule, adapters: Sequence[Adapter]) -> list[str]:
    """Return how the interfaces are named on which a rule holds; an empty name: all of them."""
    if not rule.adapters and rule.profile == "Any":
        return [""]
    return [f"-i {one.nic.name}" for one in adapters if rule.is_for(one.name) and PROFILES[one.category] in rule.profiles]


def _drops(beginning: str, rule: FirewallRule, number: int) -> Iterator[str]:
    for one, end in product(matches(rule), _told_and_dropped(number)):
        yield f"{beginning} {one} {end}"


def _told_and_dropped(number: int) -> tuple[str, str]:
    return f'-j NFLOG --nflog-group {GROUP} --nflog-prefix "{number}"', "-j DROP"


def matches(rule: FirewallRule) -> list[str]:
    """Return a rule's conditions as iptables has them: one for each address and each ICMP type."""
    protocol = "" if rule.protocol == "Any" else f"-p {PROTOCOLS.get(rule.protocol, rule.protocol)}"
    kinds = [""]
    if rule.local_ports:
        kinds = [f"-m multiport --dports {','.join(port.replace('-', ':') for port in rule.local_ports)}"]
    elif rule.icmp_types:
        kinds = [f"--icmp-type {one}" for one in rule.icmp_types]
    sources = [f"-s {one}" for one in rule.remote_addresses] or [""]
    return [" ".join(part for part in (source, protocol, kind) if part) for source, kind in product(sources, kinds)]
