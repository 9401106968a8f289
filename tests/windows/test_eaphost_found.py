"""Which program answers for eapahost.dll: the one that is registered, if its bytes are those that csc.exe made; otherwise none, and why."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from steps_on_engine import Server, put

from lab.errors import StepFailed
from lab.server.eap_steps import EAPHOST, Method, Passwords, eaphost
from lab.twin.windows.eaphost import CLASS, CLASSES, SETTINGS, ComponentMissing, find_eaphost
from lab.twin.windows.files import COMPILER, PROXY_FILE
from lab.twin.windows.machine import EAP_INTERFACE, EAP_PROXY, Machine
from lab.twin.windows.registry import Kind

PROGRAM = "C:\\Program Files\\IncomingConnections\\EapHost\\eaphost.exe"
KEY = f"{CLASSES}\\{CLASS}"
SERVER = f"{KEY}\\LocalServer32"


def altered(machine: Machine) -> None:
    content = machine.files[PROGRAM.lower()]
    machine.files[PROGRAM.lower()] = content[:-1] + bytes([content[-1] ^ 1])


def names(command: str) -> Callable[[Machine], object]:
    return lambda machine: machine.registry.set(SERVER, "", Kind.STRING, command)


def elsewhere(path: str, command: str) -> Callable[[Machine], object]:
    def change(machine: Machine) -> None:
        machine.files[path.lower()] = machine.files[PROGRAM.lower()]
        names(command)(machine)

    return change


WRONG = {
    "never registered": (lambda machine: machine.registry.remove(KEY), "is not registered"),
    "unregistered": (lambda machine: machine.registry.remove(SERVER), "has no LocalServer32"),
    "registered empty": (names(" "), "has no LocalServer32"),
    "another program": (names("C:\\Windows\\System32\\other.exe"), "names C:\\Windows\\System32\\other.exe, which does not exist"),
    "a program of somebody else's": (names(COMPILER), f"names {COMPILER}, which is not the EAP host: it was not compiled by this machine's csc.exe"),
    "altered by one bit": (altered, f"names {PROGRAM}, which is not the EAP host: it was not compiled by this machine's csc.exe"),
    "deleted": (lambda machine: machine.files.remove(PROGRAM), f"names {PROGRAM}, which does not exist"),
    "no proxy": (lambda machine: machine.registry.remove(f"{EAP_INTERFACE}\\ProxyStubClsid32"), "cannot be called from another process: its interface has no"),
    "the proxy's class is gone": (lambda machine: machine.registry.remove(f"{CLASSES}\\{EAP_PROXY}"), f"the proxy {EAP_PROXY} of its interface is not registered"),
    "the proxy's file is gone": (lambda machine: machine.files.pop(PROXY_FILE.lower()), f"the file {PROXY_FILE} of its interface's proxy does not exist"),
    "after a reset": (lambda machine: machine.reset(), "is not registered"),
}


@pytest.mark.parametrize(("change", "why"), WRONG.values(), ids=WRONG)
def test_nothing_answers(server: Server, change: Callable[[Machine], object], why: str) -> None:
    put(server, eaphost())
    assert find_eaphost(server.machine).program == PROGRAM
    change(server.machine)

    with pytest.raises(ComponentMissing) as caught:
        find_eaphost(server.machine)
    assert str(caught.value).startswith(f"eapahost.dll is not there, and no program in its place: class {CLASS} ")
    assert why in str(caught.value)


def test_a_stock_windows_10_has_none() -> None:
    with pytest.raises(ComponentMissing, match="is not registered"):
        find_eaphost(Machine.stock())


STILL_RIGHT = {
    "moved": (elsewhere("C:\\Windows\\Temp\\e.exe", '"C:\\Windows\\Temp\\e.exe" -Embedding'), "C:\\Windows\\Temp\\e.exe"),
    "not in quotes": (names(PROGRAM), PROGRAM),
    "in capitals": (names(f'"{PROGRAM.upper()}"'), PROGRAM.upper()),
}


@pytest.mark.parametrize(("change", "program"), STILL_RIGHT.values(), ids=STILL_RIGHT)
def test_what_counts_is_what_is_registered_and_its_bytes(server: Server, change: Callable[[Machine], object], program: str) -> None:
    put(server, eaphost())
    change(server.machine)

    assert find_eaphost(server.machine).program == program


def test_the_logging_build_answers_too_and_another_build_is_another_program(server: Server) -> None:
    put(server, eaphost())
    plain = find_eaphost(server.machine)
    server.act("revert", eaphost())
    put(server, eaphost(logging=True))

    assert find_eaphost(server.machine).build != plain.build


def test_it_carries_the_settings_that_the_program_reads(server: Server) -> None:
    put(server, eaphost(certificate="a" * 40, methods=[Method.TLS, Method.MSCHAPV2], passwords=Passwords.CALLER))
    found = find_eaphost(server.machine)
    assert (found.certificate, found.methods, found.passwords) == ("a" * 40, (13, 26), "caller")

    server.machine.registry.remove(SETTINGS)
    found = find_eaphost(server.machine)
    assert (found.certificate, found.methods, found.passwords) == ("", (), "lsa"), "absent: as fixtures/eaphost/windows/Settings.cs reads it"


@pytest.mark.parametrize(("text", "methods"), [("26,25,13", (26, 25, 13)), (" 13 , x,-1,256,26", (13, 26)), ("", ()), ("\u0661\u0663", ())])
def test_methods_are_read_as_the_program_reads_them(server: Server, text: str, methods: tuple[int, ...]) -> None:
    put(server, eaphost())
    server.machine.registry.set(SETTINGS, "Methods", Kind.STRING, text)

    assert find_eaphost(server.machine).methods == methods


def test_its_linux_face_is_the_core_that_arrived_and_is_for_nobody_else(server: Server, tmp_path: Path) -> None:
    sources = tmp_path / "eaphost"
    shutil.copytree(EAPHOST, sources, ignore=shutil.ignore_patterns("linux"))
    changed = sources / "core" / "SessionTable.cs"
    changed.write_text(changed.read_text().replace("there is no session", "the core that arrived knows no session"))
    put(server, eaphost(folder=sources))
    build = find_eaphost(server.machine).build

    said = subprocess.run(["mono", str(build)], input="EndSession 1\n", capture_output=True, text=True, timeout=20, check=False).stdout
    assert said.endswith("error state the core that arrived knows no session 1\n")
    assert stat.S_IMODE(build.parent.stat().st_mode) == 0o700


def test_a_core_that_does_not_fit_the_linux_face_has_none(server: Server, tmp_path: Path) -> None:
    for face in ("core", "windows"):
        (tmp_path / face).mkdir()
    (tmp_path / "core" / "Other.cs").write_text("namespace EapHost.Core { public class Other { } }")
    (tmp_path / "windows" / "Program.cs").write_text("class Program { static void Main() { } }")
    put(server, eaphost(folder=tmp_path))

    with pytest.raises(ComponentMissing, match=r"its core does not fit the twin's Linux face: \(\d+,\d+\): error CS\d{4}: "):
        find_eaphost(server.machine)


def test_what_did_not_compile_is_not_found(server: Server, tmp_path: Path) -> None:
    for face in ("core", "windows"):
        (tmp_path / face).mkdir()
        (tmp_path / face / f"{face}.cs").write_text("class Slip { nonsense }")
    server.act("inspect", eaphost(folder=tmp_path))
    with pytest.raises(StepFailed):
        server.act("apply", eaphost(folder=tmp_path))

    with pytest.raises(ComponentMissing, match="is not registered"):
        find_eaphost(server.machine)
