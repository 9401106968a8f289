"""csc.exe: what it takes, what it says of sources, and what lies on the machine afterwards. Sources: lab/twin/commands/csc.py."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

import pytest
from twin_scripts import console, refusal, run

from lab.twin.windows import csharp
from lab.twin.windows.csharp import CompilerFailed, CSharp, NotBuilt
from lab.twin.windows.files import COMPILER
from lab.twin.windows.machine import Machine

FOLDER = "C:\\Windows\\Temp"
OUT = f"{FOLDER}\\a.exe"
SOURCES = {
    "right.cs": "class Right { static void Main() { } }", "slip.cs": "class Slip {\n  nonsense\n}", "six.cs": 'class Six { static void Main() { string x = $"{1}"; } }',
    "warned.cs": "class Warned { int unused; static void Main() { } }", "raw.cs": "class Raw { static void Main() {\n#if RAW\nnonsense\n#endif\n} }",
    "no main.cs": "class NoMain { }",
}
COMMON = f"/nologo /target:winexe /platform:x64 /optimize+ /langversion:5 /out:{OUT}"


@pytest.fixture(scope="module")
def compiler() -> CSharp:
    return CSharp()


@pytest.fixture
def machine(compiler: CSharp) -> Machine:
    made = Machine.stock()
    made.csharp = compiler
    for name, source in SOURCES.items():
        made.files.write(f"{FOLDER}\\{name}", source.encode())
    return made


def csc(words: str) -> str:
    return f"$said = & {COMPILER} {words}; $LASTEXITCODE; $said"


@pytest.mark.parametrize("words", [
    f"{COMMON} {FOLDER}\\right.cs", f"-nologo -t:exe -out:{OUT} {FOLDER}\\RIGHT.CS", f"/NOLOGO /Out:{OUT} {FOLDER}/right.cs /langversion:Default /o-",
    f"{COMMON} {FOLDER}\\raw.cs /define:OTHER", f"/nologo /target:library /out:{OUT} '{FOLDER}\\no main.cs' /platform:anycpu /optimize",
])
def test_what_is_right_becomes_a_program(machine: Machine, words: str) -> None:
    assert run(csc(words), machine) == ["0"]
    assert machine.files.read(OUT)[:2] == b"MZ"


def test_a_warning_is_told_and_does_no_harm(machine: Machine) -> None:
    code, *said = run(csc(f"{COMMON} {FOLDER}\\warned.cs"), machine)

    assert (code, len(said)) == ("0", 1)
    assert said[0].startswith(f"{FOLDER}\\warned.cs(1,20): warning CS0169: ")
    assert machine.files.is_file(OUT)


@pytest.mark.parametrize(("words", "said"), [
    (f"{COMMON} {FOLDER}\\slip.cs", f"{FOLDER}\\slip.cs(3,#): error CS1519: "), (f"{COMMON} {FOLDER}\\six.cs", f"{FOLDER}\\six.cs(1,#): error CS1644: "),
    (f"{COMMON} {FOLDER}\\right.cs {FOLDER}\\slip.cs", f"{FOLDER}\\slip.cs(3,#): error CS1519: "), (f"{COMMON} /define:RAW {FOLDER}\\raw.cs", f"{FOLDER}\\raw.cs(5,#): error CS1002: "),
    (f"{COMMON} '{FOLDER}\\no main.cs'", "error CS5001: "), (f"{COMMON} {FOLDER}\\none.cs", f"error CS2001: Source file '{FOLDER}\\none.cs' could not be found"),
    (COMMON, "warning CS2008: No source files specified"), (f"{COMMON} /frobnicate {FOLDER}\\right.cs", "error CS2007: Unrecognized option: '/frobnicate'"),
    (f"/nologo /out: {FOLDER}\\right.cs", "error CS2005: Missing file specification for '/out:' option"),
    (f"/nologo /out:{OUT} /target: {FOLDER}\\right.cs", "error CS2006: Command-line syntax error: Missing '<text>' for '/target:' option"),
    (f"/nologo /out:{OUT} /langversion:6 {FOLDER}\\right.cs", "error CS1617: Invalid option '6' for /langversion"),
    (f"/nologo /out:C:\\none\\a.exe {FOLDER}\\right.cs", "fatal error CS0016: Could not write to output file 'C:\\none\\a.exe' -- 'Could not find a part of the path"),
    (f"/nologo /out:C:\\Windows {FOLDER}\\right.cs", "fatal error CS0016: Could not write to output file 'C:\\Windows' -- 'Access to the path"),
])
def test_what_is_wrong_is_told_and_leaves_no_program(machine: Machine, words: str, said: str) -> None:
    before = machine.facts()
    code, *lines = run(csc(words), machine)

    assert code == "1"
    assert re.match(re.escape(said).replace(r"\#", r"\d+"), lines[0]), lines  # whether a compiler's columns begin at 0 or 1, nobody reads
    assert machine.facts() == before


def test_a_program_that_runs_is_not_replaced(machine: Machine) -> None:
    machine.files.write(OUT, b"before")
    machine.programs.started(OUT, 1, lambda: None)

    assert "used by another process" in run(csc(f"{COMMON} {FOLDER}\\right.cs"), machine)[1]
    assert machine.files.read(OUT) == b"before"


@pytest.mark.parametrize(("words", "named"), [
    (f"{COMMON} {FOLDER}\\*.cs", "*.cs"), (f"{COMMON} '@{FOLDER}\\options.rsp'", "options.rsp"), (f"{COMMON} /r:System.Web.dll {FOLDER}\\right.cs", "/r:System.Web.dll"),
    (f"{COMMON} /unsafe {FOLDER}\\right.cs", "/unsafe"), (f"{COMMON} /target:module {FOLDER}\\right.cs", "/target:module"), (f"{COMMON} /langversion:3 {FOLDER}\\right.cs", "3"),
    (f"{COMMON} '/define:A=1' {FOLDER}\\right.cs", "A=1"), (f"/out:{OUT} {FOLDER}\\right.cs", "without /nologo"), (f"/nologo {FOLDER}\\right.cs", "without /out"),
    (f"/nologo /target:library /out:{OUT}", "a library of no source"), (f"{COMMON} right.cs", "'right.cs'"), (f"/nologo /out:a.exe {FOLDER}\\right.cs", "'a.exe'"),
])
def test_what_csc_can_and_the_twin_cannot_is_refused(machine: Machine, words: str, named: str) -> None:
    assert named in refusal(csc(words), machine)
    assert not machine.files.is_file(OUT)


@pytest.mark.parametrize("called", ["csc", "csc.exe", "C:\\Windows\\csc.exe"])
def test_it_is_not_on_the_path(machine: Machine, called: str) -> None:
    assert "csc" in refusal(f"{called} {COMMON} {FOLDER}\\right.cs", machine)
    assert "Get-Command csc" in refusal("Get-Command csc", machine)


def test_cmd_does_not_find_it_either(machine: Machine) -> None:
    code, said = console(f"cmd /c csc {COMMON} {FOLDER}\\right.cs", machine)

    assert (code, said) != (0, "")
    assert not machine.files.is_file(OUT)


def test_where_it_was_removed_it_is_not_there(machine: Machine) -> None:
    machine.files.pop(COMPILER.lower())

    assert run(f"try {{ & {COMPILER} {COMMON} {FOLDER}\\right.cs }} catch {{ $_.FullyQualifiedErrorId }}", machine) == ["CommandNotFoundException"]


# -- what is behind it --------------------------------------------------------------------------------------------------

RIGHT = {"C:\\core\\a.cs": b"class Right { static void Main() { } }"}


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines of mcs."""
    seen: list[list[str]] = []
    start = csharp.subprocess.Popen

    def noting(command: list[str], **options: object) -> object:
        seen.append(command)
        return start(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(csharp.subprocess, "Popen", noting)
    return seen


def test_the_same_sources_are_compiled_once_also_across_a_reset(starts: list[list[str]]) -> None:
    machine = Machine.stock()
    first = machine.csharp.compile(["-target:winexe"], RIGHT)
    machine.reset()

    assert machine.csharp.compile(["-target:winexe"], dict(RIGHT)) is first
    assert len(starts) == 2, "the program, and its core with the Linux face"
    machine.csharp.compile(["-target:winexe", "-define:RAW_LOG"], RIGHT)
    machine.csharp.compile(["-target:winexe"], {"C:\\core\\b.cs": RIGHT["C:\\core\\a.cs"]})
    assert len(starts) == 6, "another option or another name is another program"


def test_the_same_complaint_is_not_asked_for_twice(starts: list[list[str]]) -> None:
    compiler = CSharp()
    complaints = [compiler.compile([], {"C:\\a.cs": b"nonsense"}).complaints for _ in range(2)]

    assert complaints[0] == complaints[1] != ()
    assert len(starts) == 1, "without a folder core there is no Linux face"


def test_what_it_makes_lies_in_folders_of_the_owner_only_and_nothing_else_is_left(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        compiler = CSharp(tmp_path / "made")
        program = compiler.compile(["-target:winexe"], {f"C:\\core\\{file.name}": file.read_bytes() for file in (csharp.FACE.parent / "core").glob("*.cs")}
                                   | {"C:\\windows\\a.cs": RIGHT["C:\\core\\a.cs"]}).program
    finally:
        os.umask(mask)
    build = compiler.build_of(program)

    assert build == tmp_path / "made" / hashlib.sha256(program).hexdigest() / "eaphost.exe"
    assert [stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "made", build.parent)] == [0o700, 0o700]
    assert [one for one in (tmp_path / "made").rglob("*") if one.is_file()] == [build]


@pytest.mark.parametrize(("sources", "why"), [(RIGHT, "its core does not fit the twin's Linux face: "), ({"C:\\a.cs": RIGHT["C:\\core\\a.cs"]}, "its sources have no folder core")])
def test_a_program_without_our_core_has_no_linux_face(compiler: CSharp, sources: dict[str, bytes], why: str) -> None:
    with pytest.raises(NotBuilt, match=why):
        compiler.build_of(compiler.compile([], sources).program)


def test_what_is_defined_is_defined_for_both_faces(starts: list[list[str]]) -> None:
    CSharp().compile(["-define:RAW_LOG", "-platform:x64"], RIGHT)

    assert [[word for word in one if word.startswith(("-define", "-langversion"))] for one in starts] == [["-langversion:5", "-define:RAW_LOG"]] * 2


def test_the_reason_is_an_error_and_not_a_warning_before_it(compiler: CSharp) -> None:
    core = b"namespace EapHost.Core { class Other { int unused; } class Right { static void Main() { } } }"

    with pytest.raises(NotBuilt, match=r"Linux face: \(\d+,\d+\): error CS"):
        compiler.build_of(compiler.compile([], {"C:\\core\\a.cs": core}).program)


def test_a_program_from_elsewhere_has_none(compiler: CSharp) -> None:
    with pytest.raises(NotBuilt, match=r"not compiled by this machine's csc\.exe"):
        compiler.build_of(b"MZ")


@pytest.mark.parametrize(("body", "why"), [
    (None, "mcs cannot be started"), ("#!/bin/sh\necho out of memory; exit 137", "mcs ended with code 137: out of memory"),
    ("#!/bin/sh\necho 'Compilation failed: 1 error(s)'; exit 1", "mcs ended with code 1"), ("#!/bin/sh\nexec sleep 60", "mcs took more than"),
], ids=["missing", "killed", "says nothing", "hangs"])
def test_a_compiler_that_fails_is_not_the_sources_fault_and_is_asked_again(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str | None, why: str) -> None:
    machine.csharp = CSharp()
    path = os.environ["PATH"]
    monkeypatch.setattr(csharp, "PATIENCE_S", 0.3)
    monkeypatch.setenv("PATH", f"{tmp_path}" + (":/usr/bin:/bin" if body else ""))
    if body:
        (tmp_path / "mcs").write_text(body)
        (tmp_path / "mcs").chmod(0o755)
    with pytest.raises(CompilerFailed, match=why):
        machine.csharp.compile([], RIGHT)
    assert why in refusal(csc(f"{COMMON} {FOLDER}\\right.cs"), machine)

    monkeypatch.undo()
    assert os.environ["PATH"] == path
    assert machine.csharp.compile([], RIGHT).program
