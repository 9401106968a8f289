"""The exchange between probe and agent, with an agent of ours at the other end of the channel."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from queue import SimpleQueue

import paramiko
import pytest

from lab.backends.base import Host, SSHEndpoint
from lab.embedded.runs import free_ports
from lab.errors import CommandFailed, ConfigError, LinkLost, RemoteTimeout
from lab.probe.channel import connect
from lab.probe.probe import ArpAnswer, Packet, Probe

Answer = Callable[[Mapping[str, object]], Iterable[bytes]]


class FakeChannel:
    """Calls `answer` with every request and delivers what it returns; None ends the stream."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[Mapping[str, object]] = []
        self._answer, self._lines = answer, SimpleQueue[bytes | None]()

    def send(self, line: bytes) -> None:
        assert line.endswith(b"\n")
        request = json.loads(line)
        self.requests.append(request)
        for answer in self._answer(request):
            self._lines.put(answer)

    def hang_up(self) -> None:
        self._lines.put(None)

    def lines(self) -> Iterable[bytes]:
        return iter(self._lines.get, None)

    def close(self) -> None:
        self.hang_up()


def line(request: Mapping[str, object], **content: object) -> bytes:
    return json.dumps({"id": request["id"]} | content).encode() + b"\n"


def answering(ok: object) -> Answer:
    return lambda request: [line(request, ok=ok)]


def test_a_question_is_one_line_with_its_own_number() -> None:
    channel = FakeChannel(answering(1.25))
    probe = Probe("client", channel)

    assert probe.ping("192.0.2.1", size=8) == 1.25
    assert probe.ping("192.0.2.1") == 1.25

    assert channel.requests == [
        {"id": 1, "op": "ping", "args": {"destination": "192.0.2.1", "source": None, "timeout": 1.0, "size": 8}},
        {"id": 2, "op": "ping", "args": {"destination": "192.0.2.1", "source": None, "timeout": 1.0, "size": 56}}]


def test_answers_of_others_are_passed_over() -> None:
    probe = Probe("client", FakeChannel(lambda request: [line({"id": 99}, ok="other"), line(request, ok="mine")]))

    assert probe.ask("hello") == "mine"


def test_a_typed_question_gives_a_typed_answer() -> None:
    probe = Probe("lan", FakeChannel(answering([{"address": "192.0.2.7", "mac": "02:00:00:00:00:01"}])))

    assert probe.arp("lan", "192.0.2.7", source="192.0.2.1") == [ArpAnswer(address="192.0.2.7", mac="02:00:00:00:00:01")]


def test_no_answer_is_a_timeout_with_host_operation_and_budget() -> None:
    probe = Probe("client", FakeChannel(lambda _: []))

    with pytest.raises(RemoteTimeout, match="client: no answer to facts within 0 s"):
        probe.ask("facts", budget=0.01)


def test_a_late_answer_does_not_reach_the_next_question() -> None:
    late: list[bytes] = []

    def answer(request: Mapping[str, object]) -> list[bytes]:
        if request["id"] == 1:
            late.append(line(request, ok="late"))
            return []
        return [*late, line(request, ok="right")]

    probe = Probe("client", FakeChannel(answer))
    with pytest.raises(RemoteTimeout):
        probe.ask("facts", budget=0.01)

    assert probe.ask("facts") == "right"


def test_an_end_of_the_stream_wakes_who_waits() -> None:
    channel = FakeChannel(lambda _: [])
    probe = Probe("client", channel)
    channel._answer = lambda _: channel.hang_up() or []

    with pytest.raises(LinkLost, match="client: the probe is gone"):
        probe.ask("facts", budget=30)
    with pytest.raises(LinkLost):  # also who asks later, though the channel still takes the question
        probe.ask("facts", budget=30)


@pytest.mark.parametrize("noise", [b"Traceback (most recent call last):\n", b"{}\n", b"[1]\n", b"7\n"])
def test_what_is_no_answer_is_a_lost_link_that_shows_it(noise: bytes) -> None:
    probe = Probe("client", FakeChannel(lambda _: [noise]))

    with pytest.raises(LinkLost, match="client: the probe is gone: it said") as lost:
        probe.ask("facts", budget=30)
    assert noise.strip().decode() in lost.value.message


def test_an_error_is_a_failed_command_with_host_operation_and_type() -> None:
    probe = Probe("client", FakeChannel(lambda request: [line(request, error="File exists", type="NetlinkError")]))

    with pytest.raises(CommandFailed, match=r"^client: route failed: NetlinkError: File exists$"):
        probe.add_route("0.0.0.0/1", interface="wan", source="192.0.2.1")


def test_an_answer_of_another_shape_is_refused() -> None:
    with pytest.raises(CommandFailed, match="answered 'text' where an object was expected"):
        Probe("client", FakeChannel(answering("text"))).facts()


def test_captured_packets_are_unpacked_from_their_batches() -> None:
    packets = [Packet(at_ns=1_795_574_024_000_000_001, data=b"\x01" * 60), Packet(at_ns=2, data=b""), Packet(at_ns=3, data=b"last")]
    batches = [packets[:2], packets[2:]]

    def answer(request: Mapping[str, object]) -> list[bytes]:
        if request["op"] != "capture":
            return [line({"id": 1}, event={"packets": "AAAA"}), line(request, ok={"seen": 3, "dropped": 0})]
        events = [base64.b64encode(b"".join(struct.pack("=QI", one.at_ns, len(one.data)) + one.data for one in batch)).decode() for batch in batches]
        return [line(request, ok=None), *[line(request, event={"packets": event}) for event in events]]

    seen: list[Packet] = []
    channel = FakeChannel(answer)
    stream = Probe("observer", channel).capture("wan", seen.append)
    channel._answer = lambda request: [line(request, ok={"seen": 3, "dropped": 0})]

    assert stream.stop() == {"seen": 3, "dropped": 0}
    assert seen == packets


def test_charons_word_is_data() -> None:
    probe = Probe("client", FakeChannel(answering({"error": "establishing failed", "log": ["one", "two"]})))

    control = probe.vici_control("initiate", {"child": "net"})

    assert (control.error, control.log) == ("establishing failed", ("one", "two"))


def test_a_command_without_a_message_answers_with_nothing() -> None:
    assert Probe("client", FakeChannel(answering([None, {"a": "b"}]))).vici("clear_creds") == [{}, {"a": "b"}]


def test_a_host_without_ssh_has_no_probe() -> None:
    with pytest.raises(ConfigError, match="server is not reached over SSH"):
        Probe.open(Host(name="server"))


def test_a_host_that_cannot_be_reached_is_a_lost_link_with_its_address(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    key = paramiko.ECDSAKey.generate()
    key.write_private_key_file(str(tmp_path / "key"))
    endpoint = SSHEndpoint(address="127.0.0.1", port=port, user="root", key_file=tmp_path / "key", host_key=f"{key.get_name()} {key.get_base64()}")

    with pytest.raises(LinkLost, match=f"client: SSH to 127.0.0.1:{port} failed"):
        connect(endpoint, "client")
