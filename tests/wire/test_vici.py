"""charon's control protocol against a charon of ours that speaks its framing: a length, a type, a name, a message."""

from __future__ import annotations

import base64
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from vici.protocol import Message

from lab.wire.vici import Vici, ViciRefused, to_text

REQUEST, RESPONSE, UNKNOWN, REGISTER, UNREGISTER, CONFIRM, EVENT = 0, 1, 2, 3, 4, 5, 7


class Charon:
    """Answers from tables; keeps what was asked."""

    def __init__(self, path: Path) -> None:
        self.answers: dict[str, dict[str, object]] = {}
        self.events: dict[str, list[tuple[str, dict[str, object]]]] = {}
        """By command: events that are sent before its answer."""
        self.asked: list[tuple[str, bytes]] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection, connection.makefile("rb") as stream:
            while head := stream.read(4):
                packet = stream.read(struct.unpack("!I", head)[0])
                name = packet[2 : 2 + packet[1]].decode()
                if packet[0] in (REGISTER, UNREGISTER):
                    self._send(connection, CONFIRM)
                    continue
                self.asked.append((name, packet[2 + packet[1]:]))
                for event, content in self.events.get(name, []):
                    self._send(connection, EVENT, event, content)
                if name in self.answers:
                    self._send(connection, RESPONSE, None, self.answers[name])
                else:
                    self._send(connection, UNKNOWN)

    @staticmethod
    def _send(connection: socket.socket, kind: int, name: str | None = None, content: dict[str, object] | None = None) -> None:
        packet = bytes([kind]) + (bytes([len(name)]) + name.encode() if name is not None else b"")
        packet += Message.serialize(content) if content is not None else b""
        connection.sendall(struct.pack("!I", len(packet)) + packet)

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def charon(tmp_path: Path) -> Iterator[Charon]:
    made = Charon(tmp_path / "vici")
    yield made
    made.close()


@pytest.fixture
def vici(charon: Charon, tmp_path: Path) -> Iterator[Vici]:
    opened = Vici(str(tmp_path / "vici"))
    yield opened
    opened.close()


def test_a_request_byte_by_byte_and_its_answer_as_text(charon: Charon, vici: Vici) -> None:
    charon.answers["load-conn"] = {"success": "yes"}

    assert vici.request("load_conn", {"mac": {"version": "2", "vips": ["0.0.0.0"]}}) == [None]

    section, key, lists = b"\x01\x03mac", b"\x03\x07version\x00\x012", b"\x04\x04vips\x05\x00\x070.0.0.0\x06"
    assert charon.asked == [("load-conn", section + key + lists + b"\x02")]


def test_a_streaming_command_has_several_answers(charon: Charon, vici: Vici) -> None:
    charon.events["list-sas"] = [("list-sa", {"mac": {"state": "ESTABLISHED", "local-vips": ["192.168.77.201"]}}), ("list-sa", {"b": {}})]
    charon.answers["list-sas"] = {}

    assert vici.request("list_sas") == [{"mac": {"state": "ESTABLISHED", "local-vips": ["192.168.77.201"]}}, {"b": {}}]


def test_a_refusal_carries_charons_words(charon: Charon, vici: Vici) -> None:
    charon.answers["load-conn"] = {"success": "no", "errmsg": "invalid value for: proposals"}

    with pytest.raises(ViciRefused, match=r"load_conn: .*invalid value for: proposals"):
        vici.request("load_conn", {"mac": {}})


def test_the_connection_survives_a_refusal(charon: Charon, vici: Vici) -> None:
    charon.answers |= {"unload-conn": {"success": "no", "errmsg": "not found"}, "clear-creds": {"success": "yes"}}

    with pytest.raises(ViciRefused):
        vici.request("unload_conn", {"name": "mac"})
    assert vici.request("clear_creds") == [None]


def test_an_initiation_that_succeeds_has_a_log_and_no_error(charon: Charon, vici: Vici) -> None:
    charon.events["initiate"] = [("control-log", {"msg": "initiating IKE_SA mac[1]"}), ("control-log", {"msg": "established"})]
    charon.answers["initiate"] = {"success": "yes"}

    assert vici.control("initiate", {"child": "net"}) == ("", ["initiating IKE_SA mac[1]", "established"])


def test_an_initiation_that_fails_keeps_its_log(charon: Charon, vici: Vici) -> None:
    charon.events["initiate"] = [("control-log", {"msg": "received AUTHENTICATION_FAILED notify error"})]
    charon.answers["initiate"] = {"success": "no", "errmsg": "establishing CHILD_SA 'net' failed"}

    error, log = vici.control("initiate", {"child": "net"})

    assert "establishing CHILD_SA 'net' failed" in error
    assert log == ["received AUTHENTICATION_FAILED notify error"]


def test_a_rekey_answers_at_once_without_a_log(charon: Charon, vici: Vici) -> None:
    charon.answers["rekey"] = {"success": "yes", "matches": "1"}

    assert vici.control("rekey", {"child": "net"}) == ("", [])


def test_nobody_at_the_socket_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Vici(str(tmp_path / "none"))


def test_bytes_become_text_but_certificates_base64() -> None:
    der = os.urandom(8)

    assert to_text({b"x".decode(): [b"a", {"data": der, "subject": b"CN=\xc3\xbc", "bad": b"\xff"}], "n": 1}) == {
        "x": ["a", {"data": base64.b64encode(der).decode(), "subject": "CN=ü", "bad": "�"}], "n": 1}
