"""install-eaphost.ps1 on the twin's engine, with stand-ins of this file for what the twin does not have yet; csc.exe is a real C# compiler."""

from __future__ import annotations

import base64
import hashlib
import struct
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from steps_on_engine import SCRIPTS, Server

from lab.errors import StepFailed
from lab.server.eap_steps import Method, eaphost
from lab.twin.powershell import registry as declared
from lab.twin.powershell.convert import to_text
from lab.twin.powershell.registry import Call, NativeResult
from lab.twin.powershell.values import PSObject
from lab.twin.windows.machine import Machine
from lab.twin.windows.registry import Kind

CLASS = r"SOFTWARE\Classes\CLSID\{8B4B437E-4CAB-4E83-89F6-7F9F7DF414EA}"
INTERFACE = r"SOFTWARE\Classes\Interface\{5A8371A3-0C6D-487B-B3C8-46D785C4C940}\ProxyStubClsid32"
PROXY = "{0AAA0000-0000-0000-0000-000000000001}"
SETTINGS = r"SOFTWARE\IncomingConnections\EapHost"
FOLDER = "c:\\program files\\incomingconnections\\eaphost"
COMPILER = "c:\\windows\\microsoft.net\\framework64\\v4.0.30319\\csc.exe"


@cache
def compiled(options: tuple[str, ...], sources: tuple[bytes, ...]) -> tuple[int, str, bytes]:
    """Exit code, text and program of mcs: once for the same sources."""
    with TemporaryDirectory() as folder:
        for number, source in enumerate(sources):
            Path(folder, f"{number}.cs").write_bytes(source)
        out = Path(folder, "out.exe")
        done = subprocess.run(["mcs", *options, f"-out:{out}", *sorted(map(str, Path(folder).glob("*.cs")))], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr, out.read_bytes() if done.returncode == 0 else b""


class Stock:
    """Programs, cmdlets and types that the script needs."""

    def __init__(self) -> None:
        self.compiled: list[list[str]] = []
        self.rights: list[list[str]] = []
        self.running: list[str] = []
        self.ended: list[str] = []

    def csc(self, arguments: list[str], machine: object, text: str) -> NativeResult:
        """Compile what lies on the machine by mcs."""
        assert isinstance(machine, Machine)
        self.compiled.append(arguments)
        target = next(word[5:] for word in arguments if word.startswith("/out:"))
        options = tuple(word.replace("/", "-", 1) for word in arguments if word.startswith("/") and not word.startswith("/out:"))
        code, told, program = compiled(options, tuple(machine.files[word.lower()] for word in arguments if not word.startswith("/")))
        if program:
            machine.files[target.lower()] = program
        return NativeResult(output=told, exit_code=code)

    def icacls(self, arguments: list[str], machine: object, text: str) -> NativeResult:
        self.rights.append(arguments)
        return NativeResult(output="processed file")

    def processes(self, call: Call) -> Iterable[object]:
        return [PSObject([("Id", number), ("Name", "eaphost"), ("Path", path)], methods={"WaitForExit": lambda milliseconds: True})
                for number, path in enumerate(self.running)]

    def end(self, call: Call) -> Iterable[object]:
        process = call.value("InputObject")
        assert isinstance(process, PSObject)
        self.ended.append(to_text(process.get("Path")))
        return ()

    def hash(self, call: Call) -> Iterator[object]:
        assert isinstance(call.machine, Machine)
        yield PSObject([("Hash", hashlib.sha256(call.machine.files[call.text("LiteralPath").lower()]).hexdigest().upper())])


def below(interpreter, path: object) -> list[str]:
    return [one for one in interpreter.machine.files if one.startswith(to_text(path).lower() + "\\")]


def delete(interpreter, path: object, recurse: object = None) -> None:
    for one in below(interpreter, path):
        del interpreter.machine.files[one]


@pytest.fixture
def stock() -> Iterator[Stock]:
    made = Stock()
    cmdlets, natives, types = dict(declared.CMDLETS), dict(declared.NATIVES), dict(declared.TYPES)
    declared.native("csc")(made.csc)
    declared.native("icacls")(made.icacls)
    declared.cmdlet("Get-Process", "[string[]] Name @0")(made.processes)
    declared.cmdlet("Stop-Process", "[object] InputObject, [switch] Force")(made.end)
    declared.cmdlet("Get-FileHash", "[string] LiteralPath, [string] Algorithm")(made.hash)
    path = declared.TYPES["io.path"]
    declared.dotnet_type("System.IO.Path", methods={**path.methods, "GetDirectoryName": lambda _, name: to_text(name).rpartition("\\")[0]})
    declared.dotnet_type("System.IO.Directory", methods={
        "CreateDirectory": lambda _, name: PSObject([("FullName", to_text(name))]), "Exists": lambda interpreter, name: bool(below(interpreter, name)),
        "GetFileSystemEntries": below, "Delete": delete})
    environment = declared.TYPES["environment"]
    declared.dotnet_type("System.Environment", properties=environment.properties, methods={
        **environment.methods, "ExpandEnvironmentVariables": lambda _, text: to_text(text).replace("%SystemRoot%", "C:\\Windows")})
    yield made
    for table, before in ((declared.CMDLETS, cmdlets), (declared.NATIVES, natives), (declared.TYPES, types)):
        table.clear()
        table.update(before)


@pytest.fixture
def server(stock: Stock) -> Server:
    """A server with the proxy and the compiler."""
    made = Server()
    made.machine.registry.create(r"SOFTWARE\Classes\AppID")
    made.machine.registry.set(INTERFACE, "", Kind.STRING, PROXY)
    made.machine.registry.set(f"SOFTWARE\\Classes\\CLSID\\{PROXY}\\InprocServer32", "", Kind.EXPAND_STRING, "%SystemRoot%\\System32\\proxy.dll")
    made.machine.files |= {"c:\\windows\\system32\\proxy.dll": b"MZ", COMPILER: b"MZ"}
    return made


STEP = eaphost(certificate="a" * 40, methods=[Method.TLS, Method.MSCHAPV2])


def whole(server: Server) -> dict[str, object]:
    return {"software": server.machine.registry.dump("SOFTWARE"), "files": dict(server.machine.files)} | server.state()


def test_it_is_built_registered_and_gone(server: Server, stock: Stock) -> None:
    before = whole(server)
    server.act("inspect", STEP)
    server.act("apply", STEP)
    assert server.act("verify", STEP) == [True]

    registry = server.machine.registry
    assert server.machine.files[f"{FOLDER}\\eaphost.exe"].startswith(b"MZ")
    assert registry.get(f"{CLASS}\\LocalServer32", "") == '"C:\\Program Files\\IncomingConnections\\EapHost\\eaphost.exe"'
    assert [registry.get(SETTINGS, name) for name in ("Certificate", "Methods", "Passwords")] == ["a" * 40, "13,26", "lsa"]
    assert stock.rights == [["C:\\Program Files\\IncomingConnections\\EapHost", "/inheritance:r", "/grant:r", "*S-1-5-18:(OI)(CI)F", "*S-1-5-32-544:(OI)(CI)F"]]
    assert "/langversion:5" in stock.compiled[0]

    for _ in range(2):
        server.act("revert", STEP)
        assert whole(server) == before


def test_it_may_be_applied_again(server: Server, stock: Stock) -> None:
    server.act("inspect", STEP)
    server.act("apply", STEP)
    server.act("apply", STEP)
    assert server.act("verify", STEP) == [True]

    assert server.act("inspect", STEP) == [{"present": True}]
    server.act("revert", STEP)
    assert server.act("verify", STEP) == [True], "what was there before stays"


def test_only_our_own_process_is_ended(server: Server, stock: Stock) -> None:
    ours = "C:\\Program Files\\IncomingConnections\\EapHost\\eaphost.exe"
    stock.running = ["C:\\Elsewhere\\eaphost.exe", ours]
    server.act("inspect", STEP)
    server.act("apply", STEP)

    assert stock.ended == [ours]


def test_the_logging_build_is_another(server: Server, stock: Stock) -> None:
    server.act("inspect", STEP)
    server.act("apply", STEP)
    with pytest.raises(StepFailed, match="another build of the EAP host is installed"):
        server.act("inspect", eaphost(logging=True))
    server.act("revert", STEP)
    step = eaphost(logging=True)
    server.act("inspect", step)
    server.act("apply", step)

    assert ["/define:RAW_LOG" in one for one in stock.compiled] == [False, True]
    assert server.act("verify", step) == [True]


MISSING = {
    "no interface": (lambda server: server.machine.registry.remove(INTERFACE), r"ProxyStubClsid32 is missing"),
    "no class": (lambda server: server.machine.registry.remove(f"SOFTWARE\\Classes\\CLSID\\{PROXY}"), "has no InprocServer32"),
    "no file": (lambda server: server.machine.files.pop("c:\\windows\\system32\\proxy.dll"), "does not exist"),
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
    del server.machine.files[COMPILER]
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
