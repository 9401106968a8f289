"""The step of the EAP host over real WinRM: whatever is wrong with the sources is said, and nothing of it stays on the server."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import StepFailed
from lab.probe.probe import JSON
from lab.server import view
from lab.server.eap_steps import eaphost
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.server.steps import SCRIPTS, Step
from lab.waiting import Deadline

LOOK = r"""
$places = 'HKLM:\SOFTWARE\Classes\CLSID\{8B4B437E-4CAB-4E83-89F6-7F9F7DF414EA}', 'HKLM:\SOFTWARE\Classes\AppID\{6E0C5E0B-3B0B-4A55-9B0E-5F7D6F0D2C41}',
    'HKLM:\SOFTWARE\IncomingConnections', 'C:\Program Files\IncomingConnections'
foreach ($place in $places) { if (Test-Path -LiteralPath $place) { $place } }
foreach ($process in @(Get-Process -Name eaphost -ErrorAction SilentlyContinue)) { $process.Path }
"""
"""Everything that the step leaves on a server until it is reverted."""
RIGHT = "class Right { static void Main() { } }"
NEWER = {
    "an interpolated string": 'string F(int a) { return $"{a}"; }', "a null-conditional": "int? F(string a) { return a?.Length; }",
    "nameof": "string F(int a) { return nameof(a); }", "an expression body": "int F() => 1;", "an initialiser": "int F { get; } = 1;",
    "an exception filter": "void F() { try { } catch (System.Exception) when (true) { } }",
}
"""What C# 6 brought, each as a member of a class."""


def left(session: WindowsSession) -> list[str]:
    return session.run_powershell(LOOK, Deadline(20)).output.split("\r\n")[:-1]


def step(sources: Mapping[str, str]) -> Step:
    plain = eaphost()
    carried: dict[str, JSON] = {name: base64.b64encode(text.encode()).decode() for name, text in sources.items()}
    return replace(plain, parameters={**plain.parameters, "sources": carried})


WRONG = {
    "a syntax error": ({"core\\a.cs": RIGHT, "windows\\b.cs": "class Slip {\n  nonsense\n}"}, r"EapHost\\src\\windows\\b\.cs\(3,\d+\): error CS1519: "),
    "a name that nobody has": ({"core\\a.cs": "class A : Nobody { static void Main() { } }"}, r"src\\core\\a\.cs\(1,\d+\): error CS0246: "),
    "no program": ({"core\\a.cs": "class A { }"}, "error CS5001: "),
    "no source": ({}, "warning CS2008: No source files specified"),
    **{name: ({"core\\a.cs": f"class A {{ static void Main() {{ }} {member} }}"}, r"src\\core\\a\.cs\(1,\d+\): error CS1644: ") for name, member in NEWER.items()},
}


@pytest.mark.parametrize(("sources", "told"), WRONG.values(), ids=WRONG)
def test_what_does_not_compile_is_told_by_file_line_and_number_and_leaves_nothing(session: WindowsSession, tmp_path: Path, sources: dict[str, str], told: str) -> None:
    provisioner = Provisioner(session, scripts=SCRIPTS, evidence=tmp_path / "steps.json")

    with pytest.raises(StepFailed, match=rf"(?s)eaphost.*csc\.exe .*failed with exit code 1: .*{told}"):
        provisioner.apply([step(sources)])
    assert left(session) == []
    assert json.loads((tmp_path / "steps.json").read_text()) == []


def test_an_option_that_csc_does_not_know_is_told_and_leaves_nothing(session: WindowsSession, tmp_path: Path) -> None:
    for script in SCRIPTS.glob("*.ps1"):
        (tmp_path / script.name).write_text(script.read_text().replace("'/nologo'", "'/nologo', '/frobnicate'"))
    with pytest.raises(StepFailed, match=r"failed with exit code 1: error CS2007: Unrecognized option: '/frobnicate'"):
        Provisioner(session, scripts=tmp_path).apply([eaphost()])

    assert left(session) == []


def test_what_compiles_is_there_until_it_is_reverted(session: WindowsSession) -> None:
    provisioner = Provisioner(session, scripts=SCRIPTS)
    provisioner.apply([eaphost()])
    assert [place.rpartition("\\")[2] for place in left(session)] == [
        "{8B4B437E-4CAB-4E83-89F6-7F9F7DF414EA}", "{6E0C5E0B-3B0B-4A55-9B0E-5F7D6F0D2C41}", "IncomingConnections", "IncomingConnections"]

    provisioner.revert()
    assert left(session) == []


def test_what_it_leaves_is_compared_before_and_after_a_test(session: WindowsSession) -> None:
    before = view.read(session, SCRIPTS, machine=True).raw
    provisioner = Provisioner(session, scripts=SCRIPTS)
    provisioner.apply([eaphost()])
    there = view.read(session, SCRIPTS, machine=True).raw["component"]
    provisioner.revert()

    assert before["component"] == []
    assert isinstance(there, list)
    assert sorted(str(place).rpartition("\\")[2] for place in there) == ["IncomingConnections", "IncomingConnections", "LocalServer32", "{6E0C5E0B-3B0B-4A55-9B0E-5F7D6F0D2C41}"]
    assert view.read(session, SCRIPTS, machine=True).raw["component"] == []


def test_a_folder_that_has_more_than_ours_stays(session: WindowsSession) -> None:
    kept = "C:\\Program Files\\IncomingConnections\\theirs.txt"
    provisioner = Provisioner(session, scripts=SCRIPTS)
    provisioner.apply([step({"core\\a.cs": RIGHT})])
    session.run_powershell(f"[IO.File]::WriteAllBytes('{kept}', [byte[]](1))", Deadline(20))
    provisioner.revert()

    assert left(session) == ["C:\\Program Files\\IncomingConnections"]
    removed = session.run_powershell(f"Test-Path -LiteralPath '{kept}'; [IO.Directory]::Delete('C:\\Program Files\\IncomingConnections', $true)", Deadline(20))
    assert (removed.output.strip(), left(session)) == ("True", [])
