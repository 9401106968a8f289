"""install-eaphost.ps1 on the twin's engine; its csc.exe is a real C# compiler."""

from __future__ import annotations

import base64
import struct
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from steps_on_engine import SCRIPTS, Server, by_hand

from lab.errors import StepFailed
from lab.server.eap_steps import Method, eaphost
from lab.twin.powershell import registry as declared
from lab.twin.powershell.registry import NativeResult
from lab.twin.windows.files import COMPILER, PROXY_FILE
from lab.twin.windows.machine import EAP_INTERFACE, EAP_PROXY
from lab.twin.windows.registry import Kind

CLASS = r"SOFTWARE\Classes\CLSID\{8B4B437E-4CAB-4E83-89F6-7F9F7DF414EA}"
INTERFACE = f"{EAP_INTERFACE}\\ProxyStubClsid32"
SETTINGS = r"SOFTWARE\IncomingConnections\EapHost"
FOLDER = "c:\\program files\\incomingconnections\\eaphost"


@pytest.fixture
def compiled(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines of csc.exe, as they come."""
    seen: list[list[str]] = []
    real = declared.NATIVES["csc"]

    def noting(arguments: list[str], machine: object, text: str) -> NativeResult:
        seen.append(arguments)
        return real(arguments, machine, text)

    monkeypatch.setitem(declared.NATIVES, "csc", noting)
    return seen


STEP = eaphost(certificate="a" * 40, methods=[Method.TLS, Method.MSCHAPV2])


def whole(server: Server) -> dict[str, object]:
    return {"software": server.machine.registry.dump("SOFTWARE"), "files": dict(server.machine.files)} | server.state()


def test_it_is_built_registered_and_gone(server: Server, compiled: list[list[str]]) -> None:
    before = whole(server)
    server.act("inspect", STEP)
    server.act("apply", STEP)
    assert server.act("verify", STEP) == [True]

    registry = server.machine.registry
    assert server.machine.files[f"{FOLDER}\\eaphost.exe"].startswith(b"MZ")
    assert registry.get(f"{CLASS}\\LocalServer32", "") == '"C:\\Program Files\\IncomingConnections\\EapHost\\eaphost.exe"'
    assert [registry.get(SETTINGS, name) for name in ("Certificate", "Methods", "Passwords")] == ["a" * 40, "13,26", "lsa"]
    assert server.machine.files.grants == {FOLDER: ("S-1-5-18:(OI)(CI)F", "S-1-5-32-544:(OI)(CI)F")}
    assert "/langversion:5" in compiled[0]

    for _ in range(2):
        server.act("revert", STEP)
        assert whole(server) == before


def test_it_may_be_applied_again(server: Server) -> None:
    server.act("inspect", STEP)
    server.act("apply", STEP)
    server.act("apply", STEP)
    assert server.act("verify", STEP) == [True]

    assert server.act("inspect", STEP) == [{"present": True}]
    server.act("revert", STEP)
    assert server.act("verify", STEP) == [True], "what was there before stays"


def test_only_our_own_process_is_ended(server: Server) -> None:
    ours = "C:\\Program Files\\IncomingConnections\\EapHost\\eaphost.exe"
    ended: list[str] = []
    for number, path in enumerate(("C:\\Elsewhere\\eaphost.exe", ours)):
        server.machine.programs.started(path, 1000 + number, partial(ended.append, path))
    server.act("inspect", STEP)
    server.act("apply", STEP)

    assert ended == [ours]
    assert [one.path for one in server.machine.programs.running()] == ["C:\\Elsewhere\\eaphost.exe"]


@pytest.mark.parametrize(("start_type", "restarts"), [("Manual", 1), ("Automatic", 1), ("Disabled", 0)])
def test_remote_access_starts_anew_when_it_runs_and_can_start(server: Server, start_type: str, restarts: int) -> None:
    server.act("inspect", STEP)
    server.act("apply", STEP)
    service = server.machine.services.find("RemoteAccess")
    assert service is not None
    starts: list[bool] = []
    service.controller = SimpleNamespace(start=lambda: starts.append(True), stop=lambda: None)
    by_hand(server, f"Set-Service RemoteAccess -StartupType Manual; Start-Service RemoteAccess; Set-Service RemoteAccess -StartupType {start_type}")
    server.act("revert", STEP)

    assert (len(starts), service.running) == (1 + restarts, True)
    assert server.machine.registry.key(CLASS) is None


def test_a_service_that_does_not_run_is_not_started(server: Server) -> None:
    for action in ("inspect", "apply", "revert"):
        server.act(action, STEP)

    service = server.machine.services.find("RemoteAccess")
    assert service is not None
    assert not service.running


def test_the_logging_build_is_another(server: Server, compiled: list[list[str]]) -> None:
    server.act("inspect", STEP)
    server.act("apply", STEP)
    with pytest.raises(StepFailed, match="another build of the EAP host is installed"):
        server.act("inspect", eaphost(logging=True))
    server.act("revert", STEP)
    step = eaphost(logging=True)
    server.act("inspect", step)
    server.act("apply", step)

    assert ["/define:RAW_LOG" in one for one in compiled] == [False, True]
    assert server.act("verify", step) == [True]


MISSING = {
    "no interface": (lambda server: server.machine.registry.remove(INTERFACE), r"ProxyStubClsid32 is missing"),
    "no class": (lambda server: server.machine.registry.remove(f"SOFTWARE\\Classes\\CLSID\\{EAP_PROXY}"), "has no InprocServer32"),
    "no file": (lambda server: server.machine.files.pop(PROXY_FILE.lower()), "does not exist"),
}


@pytest.mark.parametrize(("take", "complaint"), MISSING.values(), ids=MISSING)
def test_without_the_proxy_nothing_is_changed_and_it_is_said(server: Server, take, complaint: str) -> None:
    take(server)
    before = whole(server)

    for action in ("inspect", "apply"):
        with pytest.raises(StepFailed, match="this Windows has no proxy for the interface") as caught:
            server.act(action, STEP)
        assert complaint in str(caught.value)
        assert "docs/eaphost.md" in str(caught.value)
        assert whole(server) == before


def test_somebody_elses_class_is_left_alone(server: Server) -> None:
    server.machine.registry.set(CLASS, "AppID", Kind.STRING, "{8B4B437E-4CAB-4E83-89F6-7F9F7DF414EA}")
    before = whole(server)

    for action in ("inspect", "apply"):
        with pytest.raises(StepFailed, match=r"registered already, not by the suite: AppID '\{8B4B437E"):
            server.act(action, STEP)
        assert whole(server) == before


def test_what_does_not_compile_is_told_and_registers_nothing(server: Server, tmp_path: Path) -> None:
    for face in ("core", "windows"):
        (tmp_path / "sources" / face).mkdir(parents=True)
        (tmp_path / "sources" / face / "Slip.cs").write_text("class Slip { nonsense }")
    step = eaphost(folder=tmp_path / "sources")
    before = whole(server)
    server.act("inspect", step)
    with pytest.raises(StepFailed, match=r"(?s)csc.exe .* failed with exit code 1: .*error CS"):
        server.act("apply", step)

    assert server.machine.registry.key(CLASS) is None
    server.act("revert", step)
    assert whole(server) == before


def test_without_compiler_it_is_said(server: Server) -> None:
    del server.machine.files[COMPILER.lower()]
    server.act("inspect", STEP)

    with pytest.raises(StepFailed, match=r"the compiler of \.NET Framework 4"):
        server.act("apply", STEP)


CHANGES = {
    "altered": (lambda server: server.machine.files.update({f"{FOLDER}\\eaphost.exe": b"MZ"}), "is not the one that was built"),
    "deleted": (lambda server: server.machine.files.pop(f"{FOLDER}\\eaphost.exe"), "eaphost.exe is missing"),
    "unregistered": (lambda server: server.machine.registry.remove(f"{CLASS}\\LocalServer32"), "the class has no LocalServer32 of the suite"),
    "other sources": (lambda server: server.machine.registry.set(SETTINGS, "Digest", Kind.STRING, "x"), "was built from other sources"),
    "proxy gone": (lambda server: server.machine.registry.remove(INTERFACE), "the interface's proxy is gone"),
}


@pytest.mark.parametrize(("change", "complaint"), CHANGES.values(), ids=CHANGES)
def test_verify_notices(server: Server, change, complaint: str) -> None:
    server.act("inspect", STEP)
    server.act("apply", STEP)
    change(server)

    assert complaint in str(server.act("verify", STEP)[0])


@pytest.mark.parametrize(("name", "mask"), [("launch", 1 | 2 | 8), ("access", 1 | 2)])
def test_the_rights_are_those_that_the_comment_says(name: str, mask: int) -> None:
    """Self-relative: owner and group Administrators; system and administrators may execute, execute locally (and, to start it, activate locally)."""
    text = (SCRIPTS / "install-eaphost.ps1").read_text()
    octets = base64.b64decode(text.split(f"${name} = '")[1].split("'")[0])
    system, administrators = b"\1\1\0\0\0\0\0\5" + struct.pack("<I", 18), b"\1\2\0\0\0\0\0\5" + struct.pack("<II", 32, 544)
    entries = b"".join(struct.pack("<BBHI", 0, 0, 8 + len(sid), mask) + sid for sid in (system, administrators))
    acl = struct.pack("<BBHHH", 2, 0, 8 + len(entries), 2, 0) + entries

    assert octets == struct.pack("<BBHIIII", 1, 0, 0x8004, 20 + len(acl), 36 + len(acl), 0, 20) + acl + administrators * 2
