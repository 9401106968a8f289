"""Netlink: attributes there and back, requests byte by byte, and what the kernel may answer. Golden bytes follow the structures of
linux/netlink.h, rtnetlink.h, neighbour.h, pkt_sched.h and xfrm.h on a little-endian machine."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.wire.netlink import Netlink, NetlinkError, addresses, links, message, neighbours, qdiscs, routes, tunnels, xfrm
from lab.wire.netlink.message import HEADER, NLMSG_DONE, NLMSG_ERROR, attribute, attributes


class Wire:
    """A socket that keeps what is sent and answers with what it was given."""

    def __init__(self, *answers: bytes) -> None:
        self.sent: list[bytes] = []
        self.answers = list(answers)

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def recv(self, _: int) -> bytes:
        return self.answers.pop(0)

    def close(self) -> None:
        pass


def one(kind: int, content: bytes, *, sequence: int = 1) -> bytes:
    """One message of the kernel."""
    return HEADER.pack(HEADER.size + len(content), kind, 2, sequence, 7) + content + bytes(-len(content) % 4)


def acknowledged(code: int = 0, *, sequence: int = 1) -> bytes:
    return one(NLMSG_ERROR, struct.pack("=i", -code) + bytes(16), sequence=sequence)


def netlink(*answers: bytes) -> tuple[Netlink, Wire]:
    opened = Netlink.__new__(Netlink)
    wire = Wire(*answers)
    opened._socket, opened._sequence = wire, 0  # type: ignore[assignment]
    return opened, wire


# -- attributes -------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, message.NLA_TYPE_MASK), st.binary(max_size=70))))
def test_attributes_come_back_as_they_were_packed(values: list[tuple[int, bytes]]) -> None:
    packed = b"".join(attribute(kind, value) for kind, value in values)

    assert len(packed) % 4 == 0
    assert list(attributes(packed)) == values


@pytest.mark.parametrize(("value", "packed"), [
    (0x01020304, "0800 0500 04030201"), ("lan", "0800 0500 6c616e00"), ("wan0", "0900 0500 77616e3000 000000"), (b"\x01", "0500 0500 01 000000"),
    (b"", "0400 0500"),
])
def test_an_attribute_byte_by_byte(value: int | str | bytes, packed: str) -> None:
    assert attribute(5, value) == bytes.fromhex(packed)


def test_flags_in_a_type_are_not_part_of_it() -> None:
    assert list(attributes(bytes.fromhex("0800 1280 01000000"))) == [(0x12, b"\x01\0\0\0")]  # NLA_F_NESTED


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=64))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    assert len(list(attributes(data))) <= 16


# -- requests ---------------------------------------------------------------------------------------------------------

REPLACE, ONLY_NEW, ACK = 0x0505, 0x0605, 0x0005
"""Flags: request and acknowledge, with create and replace, with create and exclusive, alone."""
REQUESTS = {
    "add_address": (lambda nl: addresses.add(nl, 3, "192.0.2.1/24"), 20, REPLACE, "02 18 00 00 03000000" "0800 0200 c0000201" "0800 0100 c0000201"),
    "add_address_without_length": (lambda nl: addresses.add(nl, 3, "192.0.2.1"), 20, REPLACE, "02 20 00 00 03000000" "0800 0200 c0000201" "0800 0100 c0000201"),
    "delete_address": (lambda nl: addresses.delete(nl, 3, "192.0.2.1/24"), 21, ACK, "02 18 00 00 03000000" "0800 0200 c0000201" "0800 0100 c0000201"),
    "route_by_gateway": (
        lambda nl: routes.add(nl, "198.51.100.0/24", gateway="192.0.2.1"), 24, REPLACE,
        "02 18 00 00 fe 04 00 01 00000000" "0800 0100 c6336400" "0800 0500 c0000201"),
    "default_route_by_interface": (
        lambda nl: routes.add(nl, "0.0.0.0/0", index=2, source="192.0.2.9", metric=5), 24, REPLACE,
        "02 00 00 00 fe 04 fd 01 00000000" "0800 0400 02000000" "0800 0700 c0000209" "0800 0600 05000000"),
    "delete_route": (lambda nl: routes.delete(nl, "198.51.100.0/24", index=2), 25, ACK, "02 18 00 00 fe 04 fd 01 00000000" "0800 0100 c6336400" "0800 0400 02000000"),
    "proxy": (lambda nl: neighbours.add_proxy(nl, 4, "192.0.2.7"), 28, REPLACE, "02 000000 04000000 8000 08 00" "0800 0100 c0000207"),
    "no_proxy": (lambda nl: neighbours.delete_proxy(nl, 4, "192.0.2.7"), 29, ACK, "02 000000 04000000 8000 08 00" "0800 0100 c0000207"),
    "forget": (lambda nl: neighbours.delete(nl, 4, "192.0.2.7"), 29, ACK, "02 000000 04000000 0000 00 00" "0800 0100 c0000207"),
    "add_bridge": (
        lambda nl: links.add(nl, "br", "bridge"), 16, ONLY_NEW,
        "00 00 0000 00000000 00000000 00000000" "0700 0300 627200 00" "1000 1200" "0b00 0100 62726964676500 00"),
    "link_up": (lambda nl: links.set_state(nl, "br", 6, up=True), 16, ACK, "00 00 0000 06000000 01000000 01000000"),
    "link_down": (lambda nl: links.set_state(nl, "br", 6, up=False), 16, ACK, "00 00 0000 06000000 00000000 01000000"),
    "link_promiscuous": (lambda nl: links.set_state(nl, "br", 6, up=True, promiscuous=True), 16, ACK, "00 00 0000 06000000 01010000 01010000"),
    "rename": (lambda nl: links.rename(nl, "eth1", 3, "wan"), 16, ACK, "00 00 0000 03000000 00000000 00000000" "0800 0300 77616e00"),
    "bridge_port": (lambda nl: links.set_master(nl, "p", 6, 9), 16, ACK, "00 00 0000 06000000 01000000 01000000" "0800 0a00 09000000"),
    "delete_link": (lambda nl: links.delete(nl, "br", 6), 17, ACK, "00 00 0000 06000000 00000000 00000000"),
    "delay_of_2_ms": (  # 2 ms are 31,250 ticks of 64 ns
        lambda nl: qdiscs.set_delay(nl, "p", 6, 2.0), 36, REPLACE,
        "00 000000 06000000 00000000 ffffffff 00000000" "0a00 0100 6e6574656d00 0000" "1c00 0200 127a0000 e8030000" + "00" * 16),
    "no_delay": (lambda nl: qdiscs.delete(nl, "p", 6), 37, ACK, "00 000000 06000000 00000000 ffffffff 00000000"),
    "veth": (
        lambda nl: links.add_veth(nl, "a", "b", 77), 16, ONLY_NEW,
        "00 00 0000 00000000 00000000 00000000" "0600 0300 6100 0000"
        "3800 1200" "0900 0100 7665746800 000000" "2800 0200" "2400 0100" "00 00 0000 00000000 00000000 00000000" "0600 0300 6200 0000" "0800 1300 4d000000"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_byte_by_byte(name: str) -> None:
    act, kind, flags, body = REQUESTS[name]
    opened, wire = netlink(acknowledged())

    act(opened)

    expected = bytes.fromhex(body)
    assert wire.sent == [HEADER.pack(16 + len(expected), kind, flags, 1, 0) + expected]


# -- answers ----------------------------------------------------------------------------------------------------------


def test_a_refusal_names_the_operation_and_keeps_the_number() -> None:
    opened, _ = netlink(acknowledged(errno.EEXIST))

    with pytest.raises(NetlinkError, match="add bridge br: File exists") as refusal:
        links.add(opened, "br", "bridge")
    assert refusal.value.errno == errno.EEXIST


def test_what_is_left_of_an_earlier_dump_is_passed_over() -> None:
    opened, wire = netlink(one(24, b"old", sequence=1) + acknowledged(errno.EPERM, sequence=1), acknowledged(sequence=2))
    opened._sequence = 1

    opened.request("anything", 24, b"")

    assert wire.answers == []


def test_a_dump_goes_over_several_reads_to_its_end() -> None:
    opened, wire = netlink(one(20, b"first") + one(20, b"second"), one(20, b"third") + one(NLMSG_DONE, bytes(4)) + one(20, b"beyond"))

    assert list(opened.dump("list", 22, b"")) == [b"first", b"second", b"third"]
    assert struct.unpack_from("=H", wire.sent[0], 6)[0] == 0x0301


def test_a_question_about_one_object_is_answered_with_its_body() -> None:
    opened, _ = netlink(one(16, b"link") + acknowledged())

    assert opened.get("one link", 18, b"") == b"link"


def dumped(bodies: Iterable[bytes]) -> Netlink:
    return netlink(b"".join(one(1000, body) for body in bodies) + one(NLMSG_DONE, bytes(4)))[0]


def test_neighbours_are_told_from_proxies() -> None:
    header = struct.Struct("=BxxxiHBB")
    reachable = header.pack(2, 4, 0x02, 0, 1) + attribute(1, socket.inet_aton("192.0.2.1")) + attribute(2, bytes.fromhex("020000000001"))
    proxy = header.pack(2, 4, 0, 0x08, 0) + attribute(1, socket.inet_aton("192.0.2.7"))

    assert neighbours.list_neighbours(dumped([reachable, proxy])) == [
        {"index": 4, "address": "192.0.2.1", "state": "reachable", "mac": "02:00:00:00:00:01"}]
    assert neighbours.list_neighbours(dumped([reachable, proxy]), proxies=True) == [{"index": 4, "address": "192.0.2.7"}]


def test_links_tell_hardware_from_what_software_makes() -> None:
    def link(index: int, name: str, device: int, flags: int, kind: str) -> bytes:
        made = attribute(18, attribute(1, kind)) if kind else b""  # IFLA_LINKINFO, IFLA_INFO_KIND
        return struct.pack("=BxHiII", 0, device, index, flags, 0) + attribute(3, name) + attribute(1, bytes.fromhex("5254cb00710a")) + made

    up, plugged = 0x1, 0x40
    listed = links.list_links(dumped([link(2, "eth0", 1, up | plugged, ""), link(3, "ras", 1, up | plugged, "dummy"), link(4, "sit0", 776, 0, "sit")]))

    assert [(one["name"], one["kind"], one["ethernet"], one["up"], one["running"]) for one in listed] == [
        ("eth0", "", True, True, True), ("ras", "dummy", True, True, True), ("sit0", "sit", False, False, False)]
    assert listed[0]["mac"] == "52:54:cb:00:71:0a"


def test_packets_of_delays_are_counted_by_link() -> None:
    def qdisc(index: int, parent: int, kind: str, packets: int) -> bytes:
        basic = attribute(qdiscs.TCA_STATS_BASIC, struct.pack("=QI", packets * 84, packets))
        return struct.pack("=BxxxiIII", 0, index, 0x80010000, parent, 0) + attribute(1, kind) + attribute(qdiscs.TCA_STATS2, basic)

    answered = dumped([qdisc(2, 0xFFFFFFFF, "netem", 7), qdisc(3, 0xFFFFFFFF, "noqueue", 9), qdisc(4, 0x10000, "netem", 11)])
    assert qdiscs.delayed(answered) == {2: 7}


def test_addresses_of_a_dhcp_client_are_not_permanent() -> None:
    def address(flags: int) -> bytes:
        return struct.pack("=BBBBi", 2, 24, flags, 0, 3) + attribute(2, socket.inet_aton("192.0.2.1")) + attribute(3, "eth1")

    expected = {"index": 3, "interface": "eth1", "address": "192.0.2.1/24"}
    assert addresses.list_addresses(dumped([address(0x80), address(0)])) == [expected | {"permanent": True}, expected | {"permanent": False}]


def test_routes_of_the_local_table_are_left_out() -> None:
    def route(table: int, kind: int, *values: bytes) -> bytes:
        return struct.pack("=BBBBBBBBI", 2, 24, 0, 0, table, 4, 0, kind, 0) + b"".join(values)

    destination = attribute(1, socket.inet_aton("198.51.100.0"))
    main = route(254, 1, destination, attribute(5, socket.inet_aton("192.0.2.1")), attribute(4, 2), attribute(6, 5), attribute(15, 254))
    beyond_a_byte = route(252, 1, destination, attribute(15, 1000))

    assert routes.list_routes(dumped([route(255, 1, destination), route(254, 3, destination), main, beyond_a_byte])) == [
        {"destination": "198.51.100.0/24", "table": 254, "gateway": "192.0.2.1", "index": 2, "metric": 5},
        {"destination": "198.51.100.0/24", "table": 1000}]


def test_security_associations_and_policies_are_read_from_the_kernels_structures(monkeypatch: pytest.MonkeyPatch) -> None:
    client, server = socket.inet_aton("203.0.113.20"), socket.inet_aton("203.0.113.10")
    selector = struct.pack("=16s16sHHHHHBBBxxxii", client, server, 0, 0, 0, 0, 2, 32, 0, 0, 0, 0)
    identity = struct.pack("!16sIB3x", server, 0xC102F1DD, 50)  # struct xfrm_id: no family, as xfrm_usersa_id has
    lifetimes = bytes(64) + struct.pack("=QQQQ", 1234, 5, 0, 0)
    state = selector + identity + struct.pack("16s", client) + lifetimes + bytes(12) + struct.pack("=IIHBBBxxxxxxx", 0, 1, 2, 1, 32, 0)
    policy = selector + lifetimes + struct.pack("=IIBBBB", 399999, 9, 1, 0, 0, 0) + bytes(4)
    answers = [[state], [policy + attribute(5, bytes(64)), policy, selector + lifetimes + struct.pack("=IIBBBB", 0, 1, 3, 0, 0, 0) + bytes(4)]]
    monkeypatch.setattr(xfrm, "Netlink", lambda _: dumped(answers.pop(0)))

    assert len(selector) == xfrm.SELECTOR
    assert xfrm.list_states() == [
        {"source": "203.0.113.20", "destination": "203.0.113.10", "spi": "c102f1dd", "bytes": 1234, "packets": 5, "mode": "tunnel"}]
    expected = {"source": "203.0.113.10/0", "destination": "203.0.113.20/32", "protocol": 0, "direction": "out", "priority": 399999}
    assert xfrm.list_policies() == [expected | {"protected": True}, expected | {"protected": False}]


class Requests:
    """A netlink socket that keeps what it is asked for, and refuses with an error if it has one."""

    def __init__(self, error: int = 0) -> None:
        self.asked: list[tuple[int, bytes]] = []
        self._error = error

    def __enter__(self) -> Requests:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def request(self, what: str, kind: int, body: bytes) -> None:
        self.asked.append((kind, body))
        if self._error:
            raise NetlinkError(self._error, what)


def test_a_policy_that_blocks_is_what_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = Requests()
    monkeypatch.setattr(xfrm, "Netlink", lambda _: requests)
    xfrm.block("in", source="0.0.0.0/0", destination="192.168.77.10/32")
    xfrm.unblock("in", source="0.0.0.0/0", destination="192.168.77.10/32")
    (update, policy), (delete, identity) = requests.asked

    assert (update, len(policy), delete, len(identity)) == (0x19, 168, 0x14, 64)  # XFRM_MSG_UPDPOLICY, -DELPOLICY, and their structures
    assert struct.unpack_from("=IIBB", policy, xfrm.SELECTOR + xfrm.LIFETIMES) == (1_000_000, 0, 0, 1)  # priority, index, in, block
    assert policy[:xfrm.SELECTOR] == identity[:xfrm.SELECTOR]
    assert struct.unpack_from("=IB", identity, xfrm.SELECTOR) == (0, 0)
    monkeypatch.setattr(xfrm, "Netlink", lambda _: dumped([policy]))
    assert xfrm.list_policies() == [{"source": "0.0.0.0/0", "destination": "192.168.77.10/32", "protocol": 0, "direction": "in", "priority": 1_000_000,
                                     "protected": False}]


def test_a_policy_that_is_gone_already_is_taken_back_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xfrm, "Netlink", lambda _: Requests(errno.ENOENT))
    xfrm.unblock("out", source="192.168.77.10/32", destination="0.0.0.0/0")

    monkeypatch.setattr(xfrm, "Netlink", lambda _: Requests(errno.EPERM))
    with pytest.raises(NetlinkError, match="unblock traffic"):
        xfrm.unblock("out", source="192.168.77.10/32", destination="0.0.0.0/0")


# -- this machine's kernel, which any user may ask ----------------------------------------------------------------------


def test_the_kernel_tells_of_loopback() -> None:
    with Netlink() as opened:
        lo = next(link for link in links.list_links(opened) if link["name"] == "lo")
        listed = addresses.list_addresses(opened)
        table = routes.list_routes(opened)

    assert lo["index"] == links.index_of("lo") == socket.if_nametoindex("lo")
    assert lo["mac"] == "00:00:00:00:00:00"
    assert int(str(lo["mtu"])) >= 1500
    assert (lo["kind"], lo["ethernet"], lo["running"]) == ("", False, True)
    assert {"index": lo["index"], "interface": "lo", "address": "127.0.0.1/8", "permanent": True} in listed
    assert all(route["table"] != routes.RT_TABLE_LOCAL for route in table)


def test_an_association_of_ours_is_what_the_kernel_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tunnels.encode_association("203.0.113.20", "203.0.113.10", b"\xc1\x02\xf1\xdd", {
        "cipher": "cbc(aes)", "cipher_key": bytes(16), "integrity": "hmac(sha1)", "integrity_key": bytes(20), "check_bits": 96})
    monkeypatch.setattr(xfrm, "Netlink", lambda _: dumped([data]))

    assert xfrm.list_states() == [
        {"source": "203.0.113.20", "destination": "203.0.113.10", "spi": "c102f1dd", "bytes": 0, "packets": 0, "mode": "tunnel"}]
    algorithms = dict(attributes(data[224:]))
    assert algorithms[2] == b"cbc(aes)".ljust(64, b"\0") + struct.pack("=I", 128) + bytes(16)
    assert algorithms[20] == b"hmac(sha1)".ljust(64, b"\0") + struct.pack("=II", 160, 96) + bytes(20)


def test_policies_lead_into_a_tunnel_and_are_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    into, out = Requests(), Requests()
    monkeypatch.setattr(tunnels, "Netlink", lambda _: into)
    tunnels.lead_in("192.168.77.201", "0.0.0.0/0", "203.0.113.20", "203.0.113.10")
    monkeypatch.setattr(tunnels, "Netlink", lambda _: out)
    tunnels.lead_out("192.168.77.201", "0.0.0.0/0")

    assert [kind for kind, _ in into.asked] == [0x19] * 3
    assert [kind for kind, _ in out.asked] == [0x14] * 3
    assert [body[:56] for _, body in into.asked] == [body[:56] for _, body in out.asked]
    assert [len(body) for _, body in into.asked] == [168 + 4 + 64] * 3
