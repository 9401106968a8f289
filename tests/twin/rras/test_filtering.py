"""The firewall's rules as the kernel's packet filter, and what the kernel says of packets that it dropped. Real packets: tests/guest."""

from __future__ import annotations

import errno
import struct
import subprocess
from dataclasses import replace

import pytest
from fake_nics import FRESH

from lab.twin.rras import packet_filter
from lab.twin.rras.filtering import matches, table
from lab.twin.rras.packet_filter import PacketFilter, drop_of
from lab.twin.windows.firewall import DEFAULT_BLOCK, Firewall, FirewallRule, Profile
from lab.twin.windows.machine import Machine
from lab.twin.windows.network import VPN_INTERFACE, Adapter, Category
from lab.wire import iptables
from lab.wire.netlink.message import HEADER, attribute
from lab.wire.netlink.nflog import GENERIC, IN_DEVICE, PACKET, PAYLOAD, PREFIX, packets_of

ECHO = FirewallRule(name="echo", display_name="Echo", direction="Inbound", action="Allow", protocol="ICMPv4", icmp_types=("8",))
IKE = FirewallRule(name="ike", display_name="IKE", direction="Inbound", action="Block", protocol="UDP", local_ports=("500", "4500-4510"))
ADAPTERS = [Adapter(name=nic.name, nic=nic, dhcp=False, category=Category.PRIVATE if nic.index == 4 else Category.PUBLIC) for nic in FRESH]
FIRST = DEFAULT_BLOCK + 1


def lines(*rules: FirewallRule, vpn: Category = Category.PUBLIC, quirks: tuple[str, ...] = ()) -> list[str]:
    firewall = Firewall()
    for rule in rules:
        assert firewall.add(rule)
    return table(firewall, ADAPTERS, vpn, quirks).splitlines()


def vpn(*rules: FirewallRule, category: Category = Category.PUBLIC, quirks: tuple[str, ...] = ()) -> list[str]:
    """Return the VPN's chain without what every one has: the established before, the default block after."""
    chain = [line.removeprefix("-A VPN ") for line in lines(*rules, vpn=category, quirks=quirks) if line.startswith("-A VPN ")]
    return [line for line in chain if "ESTABLISHED" not in line and str(DEFAULT_BLOCK) not in line and line != "-j DROP"]


def test_by_default_what_comes_through_a_tunnel_is_told_and_dropped_and_nothing_else_is() -> None:
    assert lines() == [
        "*filter", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":VPN - [0:0]", "-A INPUT -i ppp+ -j VPN",
        "-A INPUT -m policy --dir in --pol ipsec --mode tunnel -j VPN", "-A OUTPUT -p icmp --icmp-type port-unreachable -j DROP",
        "-A VPN -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", '-A VPN -j NFLOG --nflog-group 1 --nflog-prefix "65536"', "-A VPN -j DROP", "COMMIT"]


@pytest.mark.parametrize(("changed", "opens"), [
    ({}, True), ({"profile": "Public"}, True), ({"profile": "Private, Public"}, True), ({"profile": "Private"}, False), ({"profile": "Domain"}, False),
    ({"enabled": False}, False), ({"direction": "Outbound"}, False), ({"adapters": (VPN_INTERFACE.upper(),)}, True), ({"adapters": ("eth1",)}, False),
])
@pytest.mark.parametrize("category", list(Category))
def test_a_rule_opens_the_vpn_if_it_is_for_public_whatever_its_network_is_now(changed: dict[str, object], opens: bool, category: Category) -> None:
    assert vpn(replace(ECHO, **changed), category=category) == (["-p icmp --icmp-type 8 -j ACCEPT"] if opens else [])


def test_inverted_the_profile_that_it_has_now_decides() -> None:
    private = replace(ECHO, profile="Private")

    assert [len(vpn(private, category=category, quirks=("firewall-original-profile",))) for category in Category] == [0, 1]


def test_a_rule_that_blocks_goes_before_all_that_allow_and_before_what_is_established() -> None:
    chain = [line for line in lines(replace(IKE, name="open", action="Allow"), IKE) if line.startswith("-A VPN")]

    assert [line.split()[-1].strip('"') for line in chain] == [str(FIRST + 1), "DROP", "ACCEPT", "ACCEPT", str(DEFAULT_BLOCK), "DROP"]
    assert "ESTABLISHED" in chain[2]


@pytest.mark.parametrize(("changed", "beginnings"), [
    ({}, [""]), ({"profile": "Private"}, ["-i eth2 "]), ({"profile": "Public"}, ["-i eth0 ", "-i eth1 ", "-i eth3 "]),
    ({"adapters": ("ETH1",)}, ["-i eth1 "]), ({"adapters": ("eth1",), "profile": "Private"}, []), ({"adapters": (VPN_INTERFACE,)}, []),
])
def test_on_adapters_a_rule_blocks_where_its_profile_is(changed: dict[str, object], beginnings: list[str]) -> None:
    found = [line for line in lines(replace(IKE, **changed)) if line.startswith("-A INPUT") and "--dports" in line]

    ends = [f'-j NFLOG --nflog-group 1 --nflog-prefix "{FIRST}"', "-j DROP"]
    assert [" ".join(line.split()) for line in found] == [
        f"-A INPUT {beginning}-p udp -m multiport --dports 500,4500:4510 {end}" for beginning in beginnings for end in ends]


def test_a_rule_that_allows_changes_nothing_on_the_adapters() -> None:
    """What else is let in there is not documented as a whole: all of it is."""
    assert [line for line in lines(ECHO) if line.startswith("-A INPUT")] == [line for line in lines() if line.startswith("-A INPUT")]


@pytest.mark.parametrize(("changed", "expected"), [
    ({"protocol": "Any", "icmp_types": ()}, [""]), ({"protocol": "47", "icmp_types": ()}, ["-p 47"]), ({"icmp_types": ("8", "13")}, ["-p icmp --icmp-type 8", "-p icmp --icmp-type 13"]),
    ({"remote_addresses": ("192.168.77.0/24", "10.0.0.1/32")}, ["-s 192.168.77.0/24 -p icmp --icmp-type 8", "-s 10.0.0.1/32 -p icmp --icmp-type 8"]),
])
def test_conditions(changed: dict[str, object], expected: list[str]) -> None:
    assert matches(replace(ECHO, **changed)) == expected


def test_the_number_of_a_removed_rule_is_not_given_again() -> None:
    firewall = Firewall()
    firewall.add(ECHO)
    firewall.remove(ECHO)
    firewall.add(IKE)

    assert firewall.filter_of(IKE) == FIRST + 1


# -- what the kernel is told, and says --------------------------------------------------------------------------------------


class Restore:
    """iptables-legacy-restore, which is asked and may refuse."""

    def __init__(self) -> None:
        self.tables: list[str] = []
        self.code = 0

    def run(self, command: list[str], *, input: bytes, **_: object) -> subprocess.CompletedProcess[bytes]:  # noqa: A002 - subprocess's name
        assert command[0].endswith("iptables-legacy-restore")
        self.tables.append(input.decode())
        return subprocess.CompletedProcess(command, self.code, b"", b"iptables-restore: line 3 failed\n")


@pytest.fixture
def restore(monkeypatch: pytest.MonkeyPatch) -> Restore:
    asked = Restore()
    monkeypatch.setattr(subprocess, "run", asked.run)
    monkeypatch.setattr(PacketFilter, "_hear", lambda *_: None)
    monkeypatch.setattr(packet_filter, "NflogMonitor", lambda _: None)
    return asked


def test_only_what_the_kernel_would_notice_is_told(restore: Restore) -> None:
    machine = Machine.stock()
    chosen = PacketFilter(machine)
    chosen.apply()
    machine.firewall.add(replace(ECHO, profile="Private"))
    chosen.apply()
    assert len(restore.tables) == 1

    machine.firewall.add(IKE)
    chosen.apply()
    chosen.apply({"firewall-stealth"})
    chosen.apply()
    assert len(restore.tables) == 3


def test_a_refusal_is_told_and_the_table_is_not_taken_for_being_in_force(restore: Restore) -> None:
    chosen = PacketFilter(Machine.stock())
    restore.code = 1
    with pytest.raises(OSError, match=r"refused the firewall's rules: iptables-restore: line 3 failed"):
        chosen.apply()

    restore.code = 0
    chosen.apply()
    assert len(restore.tables) == 2


def test_a_machine_without_iptables_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iptables, "RESTORE", "/nonexistent/iptables-legacy-restore")

    with pytest.raises(FileNotFoundError) as raised:
        PacketFilter(Machine.stock()).apply()
    assert raised.value.errno == errno.ENOENT


def told(*parts: tuple[int, bytes | str]) -> bytes:
    body = GENERIC.pack(2, 0, 1) + b"".join(attribute(kind, value) for kind, value in parts)
    return HEADER.pack(HEADER.size + len(body), PACKET, 0, 0, 0) + body


IPV4 = bytes.fromhex("45000028000040004006000008080808c0a84dc8")
"""From 8.8.8.8 to 192.168.77.200, TCP."""


def test_what_the_kernel_tells_is_read() -> None:
    data = told((PREFIX, "65536"), (IN_DEVICE, struct.pack("!I", 7)), (PAYLOAD, IPV4 + bytes(8))) + told((PREFIX, "x"))

    assert list(packets_of(data)) == [("65536", 7, IPV4 + bytes(8)), ("x", 0, b"")]
    assert list(packets_of(data[:10])) == []


@pytest.mark.parametrize(("protocol", "ports", "expected"), [
    (6, "c00000870000", (135, 0xC000)), (17, "11941194", (4500, 4500)), (1, "08000000", (8, 0)), (50, "00000001", (0, 0)),
])
def test_a_drop_is_told_with_ports_or_icmp_type(protocol: int, ports: str, expected: tuple[int, int]) -> None:
    packet = IPV4[:9] + bytes([protocol]) + IPV4[10:] + bytes.fromhex(ports).ljust(8, b"\0")
    drop = drop_of(DEFAULT_BLOCK, packet, Profile.PUBLIC, Profile.PRIVATE)

    assert (drop.local_port, drop.remote_port) == expected
    assert (drop.remote, drop.local, drop.protocol) == ("8.8.8.8", "192.168.77.200", protocol)
