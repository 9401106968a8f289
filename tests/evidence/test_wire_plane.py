"""The wire plane: what a test may ask of packets, the files that they are kept in, and the recorder that fills them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.backends.base import CapturePoint
from lab.errors import WireCheckFailed
from lab.evidence.dissect import Frame
from lab.evidence.keys import KeyRing, read_keys
from lab.evidence.pcap import HEADER, PcapWriter
from lab.evidence.recorder import CHARON_LOG, KEY_LOG, OWN_KEY_LOG, Recorder
from lab.evidence.wire import Wire
from lab.probe.probe import JSON, Packet
from lab.wire import packets

DATA = Path(__file__).parent / "data"
TOKEN = b"token-0f831251150a47c6c0c84151"


def read(file: Path) -> list[Packet]:
    """Read a capture file again, independently of its writer."""
    data, position, found = file.read_bytes(), 24, []
    while position < len(data):
        seconds, nanoseconds, length, _ = struct.unpack_from("<IIII", data, position)
        found.append(Packet(at_ns=seconds * 1_000_000_000 + nanoseconds, data=data[position + 16 : position + 16 + length]))
        position += 16 + length
    return found


@pytest.fixture
def captures(tmp_path: Path) -> Iterator[dict[str, PcapWriter]]:
    made = {network: PcapWriter(tmp_path / f"{network}.pcap") for network in ("wan", "lan", "mgmt")}
    yield made
    for capture in made.values():
        capture.close()


@pytest.fixture
def replayed(captures: dict[str, PcapWriter]) -> Wire:
    for packet in read(DATA / "rekey.pcap"):
        captures["wan"].add(packet)
    return Wire(captures, lambda: read_keys((DATA / "rekey.charon.log").read_text()))


def without_keys(captures: dict[str, PcapWriter]) -> Wire:
    return Wire(captures, KeyRing)


def frame(data: bytes, at_ns: int = 1) -> Packet:
    return Packet(at_ns=at_ns, data=data)


# -- files ----------------------------------------------------------------------------------------------------------------


def test_a_capture_is_written_as_it_was_read(captures: dict[str, PcapWriter]) -> None:
    original = read(DATA / "rekey.pcap")
    for packet in original:
        captures["wan"].add(packet)
    captures["wan"].close()

    assert captures["wan"].packets == original
    assert captures["wan"].path.read_bytes() == (DATA / "rekey.pcap").read_bytes()


def test_the_header_says_nanoseconds_and_ethernet() -> None:
    assert HEADER.hex() == "4d3cb2a1" "0200" "0400" "00000000" "00000000" "00000400" "01000000"


def test_a_packet_after_the_end_is_kept_but_not_written(captures: dict[str, PcapWriter]) -> None:
    captures["lan"].close()
    captures["lan"].add(frame(b"late"))
    captures["lan"].flush()

    assert len(captures["lan"].packets) == 1
    assert captures["lan"].path.read_bytes() == HEADER


# -- in clear -------------------------------------------------------------------------------------------------------------


def test_a_token_is_seen_on_its_network_alone(captures: dict[str, PcapWriter]) -> None:
    captures["lan"].add(frame(b"before" + TOKEN + b"after"))
    wire = without_keys(captures)

    assert wire.count("lan", TOKEN) == 1
    wire.must_show("lan", TOKEN)
    wire.must_not_show("wan", TOKEN)
    with pytest.raises(WireCheckFailed, match=r"^lan: the token '.*' was seen in clear in 1 packets; see .*lan\.pcap"):
        wire.must_not_show("lan", TOKEN)
    with pytest.raises(WireCheckFailed, match=r"^wan: expected the token '.*' in clear, it was never seen; see .*wan\.pcap"):
        wire.must_show("wan", TOKEN)


def test_a_wire_ends_at_its_moment(captures: dict[str, PcapWriter]) -> None:
    wire = without_keys(captures)
    captures["wan"].add(frame(TOKEN))
    captures["wan"].add(frame(ip(50, b"\xc0\0\0\1" + bytes(40))))

    assert wire.count("wan", TOKEN) == 0
    assert wire.esp_packets() == 0
    assert without_keys(captures).count("wan", TOKEN) == without_keys(captures).esp_packets() == 1


def ip(protocol: int, payload: bytes, *, options: bytes = b"") -> bytes:
    header = bytes([0x45 + len(options) // 4]) + bytes(8) + bytes([protocol]) + bytes(10) + options
    return bytes(12) + b"\x08\x00" + header + payload


def udp(source: int, destination: int, payload: bytes) -> bytes:
    return ip(17, struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload)


@pytest.mark.parametrize(("data", "is_esp"), [
    (ip(50, b"\xc0\0\0\1" + bytes(40)), True),
    (udp(4500, 4500, b"\xc0\0\0\1" + bytes(40)), True),
    (udp(31000, 4500, b"\xc0\0\0\1" + bytes(40)), True),
    (ip(17, struct.pack("!HHHH", 4500, 4500, 52, 0) + b"\xc0\0\0\1" + bytes(40), options=bytes(8)), True),
    (udp(4500, 4500, bytes(4) + b"IKE" + bytes(40)), False),
    (udp(4500, 4500, b"\xff"), False),
    (udp(4500, 4500, b"\xff") + bytes(17), False),
    (udp(500, 500, b"\xc0\0\0\1" + bytes(40)), False),
    (ip(6, struct.pack("!HH", 4500, 4500) + bytes(40)), False),
    (bytes(12) + b"\x86\xdd" + bytes(60), False),
    (b"short", False),
])
def test_esp_is_recognised_with_and_without_udp(data: bytes, is_esp: bool, captures: dict[str, PcapWriter]) -> None:
    captures["wan"].add(frame(data))

    assert without_keys(captures).esp_packets() == is_esp


def test_arp_requests_are_counted_by_the_address_that_they_ask_for(captures: dict[str, PcapWriter]) -> None:
    mac = bytes.fromhex("020000000001")
    for wanted in ("192.168.77.201", "192.168.77.201", "192.168.77.202"):
        captures["lan"].add(frame(packets.arp_request(mac, "192.168.77.30", wanted)))
    captures["lan"].add(frame(bytes.fromhex("020000000001 020000000002 0806 0001080006040002 020000000002 c0a84dc9 020000000001 c0a84dc9")))

    wire = without_keys(captures)
    captures["lan"].add(frame(packets.arp_request(mac, "192.168.77.30", "192.168.77.201")))  # after the wire's moment

    assert wire.arp_requests_for("lan", "192.168.77.201") == 2


# -- decrypted ------------------------------------------------------------------------------------------------------------


def test_a_tunnel_hides_a_token_and_its_keys_show_it_and_every_exchange(replayed: Wire) -> None:
    replayed.must_not_show("wan", TOKEN)

    assert replayed.esp_packets() == 12
    assert replayed.decrypted_shows(TOKEN)
    assert not replayed.decrypted_shows(b"token-of-another-test")
    assert len(replayed.exchange("IKE_AUTH")) == 2
    assert [message.is_response for message in replayed.responses("CREATE_CHILD_SA")] == [True]
    assert replayed.requests("IKE_SESSION_RESUME") == []
    assert replayed.errors == []


def test_a_retransmission_is_one_request_and_another_group_is_another(captures: dict[str, PcapWriter]) -> None:
    original = read(DATA / "fallback.pcap")
    for packet in (original[0], *original):
        captures["wan"].add(packet)

    wire = without_keys(captures)
    assert len(wire.exchange("IKE_SA_INIT")) == 5
    assert [message.ke_group for message in wire.requests("IKE_SA_INIT")] == ["MODP_2048", "MODP_1024"]
    assert wire.errors == ["INVALID_KE_PAYLOAD"]


# -- the recorder ---------------------------------------------------------------------------------------------------------


class FakeStream:
    def __init__(self, dropped: int = 0) -> None:
        self.dropped, self.syncs, self.stopped = dropped, 0, False

    def sync(self) -> None:
        self.syncs += 1

    def stop(self) -> dict[str, int]:
        self.stopped = True
        return {"seen": 1, "dropped": self.dropped}


class FakeProbe:
    """Hands out streams and keeps who listens to them."""

    def __init__(self) -> None:
        self.listeners: dict[str, Callable[..., None]] = {}
        self.streams: dict[str, FakeStream] = {}

    def capture(self, interface: str, act: Callable[[Packet], None]) -> FakeStream:
        self.listeners[interface], self.streams[interface] = act, FakeStream(dropped=3 if interface == "br-lan" else 0)
        return self.streams[interface]

    def follow(self, path: str, act: Callable[[str], None]) -> FakeStream:
        self.listeners[path], self.streams[path] = act, FakeStream()
        return self.streams[path]


@pytest.fixture
def probe() -> FakeProbe:
    return FakeProbe()


@pytest.fixture
def recorder(probe: FakeProbe, tmp_path: Path) -> Recorder:
    points = [CapturePoint(network=network, host="observer", interface=f"br-{network}") for network in ("wan", "lan")]
    return Recorder(tmp_path / "evidence", points, {"observer": probe}.__getitem__)  # type: ignore[arg-type]


def test_the_recorder_asks_every_stream_before_it_shows_the_wire(recorder: Recorder, probe: FakeProbe) -> None:
    for packet in read(DATA / "rekey.pcap"):
        probe.listeners["br-wan"](packet)
    recorder.follow_client("client", probe)  # type: ignore[arg-type]
    recorder.follow_client("client", probe)  # type: ignore[arg-type]  # twice is once
    log = (DATA / "rekey.charon.log").read_text()
    probe.listeners[KEY_LOG](log[:1000])
    probe.listeners[KEY_LOG](log[1000:])
    probe.listeners[CHARON_LOG]("words\n")

    wire = recorder.wire()

    assert wire.esp_packets() == 12
    assert wire.keys == read_keys(log)
    assert {name: stream.syncs for name, stream in probe.streams.items()} == {"br-wan": 1, "br-lan": 1, KEY_LOG: 1, OWN_KEY_LOG: 1, CHARON_LOG: 0}
    recorder.close()
    assert (recorder.folder / "client.keys").read_text() == log
    assert (recorder.folder / "client.charon.log").read_text() == "words\n"
    assert (recorder.folder / "client.keys").stat().st_mode & 0o777 == 0o600


def test_dropped_packets_are_told_by_network(recorder: Recorder, probe: FakeProbe) -> None:
    assert recorder.close() == {"lan": 3}
    assert all(stream.stopped for stream in probe.streams.values())


def test_facts_are_kept_as_json(recorder: Recorder) -> None:
    recorder.note("client.before", {"b": 1, "a": Path("/x")})
    recorder.close()

    assert json.loads((recorder.folder / "client.before.json").read_text()) == {"a": "/x", "b": 1}


@pytest.mark.parametrize("field", ["tcp.payload", "udp.payload", "data.data"])
def test_a_token_is_found_whatever_protocol_its_port_is_registered_for(captures: dict[str, PcapWriter], field: str) -> None:
    wire = Wire(captures, KeyRing)
    layers: dict[str, JSON] = {"esp": {}, "inner": {field: TOKEN.hex(":")}, "irc": {}}
    wire._frames["wan"] = [Frame(number=1, layers=layers)]

    assert wire.decrypted_shows(TOKEN)
    assert not wire.decrypted_shows(b"another token")


def test_fields_are_told_by_the_layer_that_they_lie_in(replayed: Wire, captures: dict[str, PcapWriter]) -> None:
    assert replayed.values("tcp.dstport", inside="esp")[0] == "7007"
    assert replayed.values("tcp.dstport", inside="isakmp") == replayed.values("no.such.field") == []
    assert without_keys(captures).values("tcp.dstport") == []
