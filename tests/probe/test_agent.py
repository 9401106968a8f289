"""The agent as a process of this machine, on loopback, without privilege: what it answers, what it streams, how it fails."""

from __future__ import annotations

import base64
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from lab.embedded.runs import free_ports
from lab.errors import CommandFailed, ConfigError, LinkLost
from lab.probe.channel import LocalChannel
from lab.probe.probe import Probe

LOCAL = [sys.executable, "-B", "-m", "lab.probe.agent.main"]
"""-B: its folder for bytecode is the guest's."""


@pytest.fixture(scope="module")
def probe() -> Iterator[Probe]:
    opened = Probe("here", LocalChannel(LOCAL))
    yield opened
    opened.close()


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


def test_it_says_hello(probe: Probe) -> None:
    answer = probe.ask("hello")

    assert isinstance(answer, dict)
    assert answer["python"] == sys.version.split()[0]


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_service_answers_with_prefix_and_question(protocol: str, probe: Probe, port: int) -> None:
    token = bytes(range(256))

    with probe.serve(port, prefix="answer ") as service:
        assert probe.ask_service(protocol, "127.0.0.1", port, token, source="127.0.0.2") == b"answer " + token
        assert service.stop() == {"asked": 1, "sources": ["127.0.0.2"]}
        assert service.stop() == {"asked": 1, "sources": ["127.0.0.2"]}

    assert probe.ask_service(protocol, "127.0.0.1", port, token, timeout=0.1) is None


def test_silence_is_none_after_the_time(probe: Probe) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        assert probe.ask_service("udp", "127.0.0.1", silent.getsockname()[1], b"x", timeout=0.05) is None


def test_questions_at_the_same_time_get_their_own_answers(probe: Probe, port: int) -> None:
    with probe.serve(port, prefix=""), ThreadPoolExecutor(8) as askers:
        tokens = [f"token-{number}".encode() for number in range(24)]
        assert list(askers.map(lambda token: probe.ask_service("tcp", "127.0.0.1", port, token), tokens)) == tokens


def test_a_file_comes_back_with_its_mode(probe: Probe, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("long content of before")
    file.chmod(0o666)

    probe.write_file(str(file), "ümlaut\n", mode=0o640)

    assert probe.read_file(str(file)) == "ümlaut\n"
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_followed_file_is_streamed_from_its_end_on(probe: Probe, tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("before\n")
    parts: list[str] = []

    with probe.follow(str(file), parts.append) as stream, file.open("a") as log:
        log.write("first\n")
        log.flush()
        stream.sync()
        assert "".join(parts) == "first\n"
        log.write("second\n")
    assert "".join(parts) == "first\nsecond\n"

    file.write_text("after the end")
    probe.ask("hello")
    assert "".join(parts) == "first\nsecond\n"


def test_a_followed_file_may_come_later(probe: Probe, tmp_path: Path) -> None:
    parts: SimpleQueue[str] = SimpleQueue()

    with probe.follow(str(tmp_path / "log"), parts.put):
        (tmp_path / "log").write_text("words")
        assert parts.get(timeout=5) == "words"


def test_a_name_server_that_answers_is_heard(probe: Probe) -> None:
    assert probe.resolve("vpn.example.test", "127.0.0.254", timeout=0.05) is None  # nobody is there


@pytest.mark.parametrize(("operation", "arguments", "message"), [
    ("read", {"path": "/nonexistent/file"}, r"here: read failed: FileNotFoundError: .*/nonexistent/file"),
    ("reed", {}, r"here: reed failed: KeyError: 'reed'"),
    ("read", {}, r"here: read failed: TypeError: .*missing 1 required positional argument: 'path'"),
    ("stop", {"stream": 4711}, r"here: stop failed: KeyError: 4711"),
    ("capture", {"interface": "nonexistent0"}, r"here: capture failed: (OSError|PermissionError): "),
    ("follow", {"path": "/nonexistent/log"}, r"here: follow failed: FileNotFoundError: .*inotify on /nonexistent"),
    ("vici", {"command": "version", "message": None}, r"here: vici failed: (FileNotFoundError|ConnectionRefusedError|PermissionError): "),
])
def test_an_error_of_the_agent_is_a_failed_command_with_its_type(
    operation: str, arguments: dict[str, object], message: str, probe: Probe
) -> None:
    with pytest.raises(CommandFailed, match=message):
        probe.ask(operation, **arguments)

    assert probe.ask("hello")  # and it lives on


def test_a_port_that_is_taken_is_a_failed_command(probe: Probe, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(CommandFailed, match=r"serve failed: OSError: .*in use"):
            probe.serve(port)


def test_an_agent_that_is_gone_is_a_lost_link() -> None:
    channel = LocalChannel(LOCAL)
    probe = Probe("here", channel)
    probe.ask("hello")
    channel._process.kill()
    channel._process.wait(5)

    with pytest.raises(LinkLost, match="here: the probe is gone"):
        probe.ask("hello")
    probe.close()


def test_a_local_probe_has_no_connection_for_commands(probe: Probe) -> None:
    with pytest.raises(ConfigError, match="the probe of here is a local process"):
        probe.run("true")


def test_bytes_travel_as_base64(probe: Probe, port: int) -> None:
    with probe.serve(port, prefix=""):
        answer = probe.ask("ask", protocol="tcp", destination="127.0.0.1", port=port, payload=base64.b64encode(b"\0\n").decode(), source=None, timeout=1.0)
    assert answer == base64.b64encode(b"\0\n").decode()
