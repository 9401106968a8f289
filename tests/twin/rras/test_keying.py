"""The service IKEEXT with another program in charon's place: started and ended by the same command, ready when it says so."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from lab.twin.rras import keying
from lab.twin.rras.keying import KeyingService
from lab.twin.windows.services import ServiceFailed

PROGRAM = """\
import os, socket, sys, time
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for word in sys.argv[2:]:
    ready.sendto(word.encode(), os.environ["NOTIFY_SOCKET"])
time.sleep(60)
"""


class Engine:
    """RemoteAccess, which writes down what is asked of it."""

    def __init__(self, *, running: bool) -> None:
        self.running, self.said = running, list[str]()

    def __getattr__(self, name: str):
        return lambda: self.said.append(name)


@pytest.fixture
def vici(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setattr(keying, "SOCKET", str(tmp_path / "vici"))
    monkeypatch.setattr(keying, "LOG", tmp_path / "charon.log")
    return str(tmp_path / "vici")


def service(engine: Engine, *arguments: str) -> KeyingService:
    made = KeyingService(engine)
    made._command, made._environment = [sys.executable, "-c", PROGRAM, *arguments], dict(os.environ)
    return made


@pytest.mark.parametrize(("running", "said"), [(True, ["attach", "stop", "attach", "start"]), (False, ["attach", "attach"])])
def test_it_is_ended_and_started_anew_with_remote_access(vici: str, running: bool, said: list[str]) -> None:
    engine = Engine(running=running)
    chosen = service(engine, vici, "STATUS=loading", "READY=1\nSTATUS=running")
    chosen.start()
    first = keying._peer(vici)
    chosen.stop()
    with pytest.raises(ConnectionRefusedError), socket.socket(socket.AF_UNIX) as asking:
        asking.connect(vici)

    Path(vici).unlink()  # which charon does itself
    chosen.start()
    assert keying._peer(vici) != first
    assert engine.said == said
    chosen.stop()


def test_what_never_says_that_it_is_ready_is_an_error(vici: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keying, "PATIENCE", 1.0)
    chosen = service(Engine(running=False), vici, "STATUS=loading")
    began = time.monotonic()

    with pytest.raises(ServiceFailed, match="did not respond to the start request"):
        chosen.start()
    assert 0.9 < time.monotonic() - began < 5
    assert chosen._process is None  # it was ended: a second try must not meet it
