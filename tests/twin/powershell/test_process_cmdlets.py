"""Get-Process and Stop-Process, and files of programs that run. Source: lab/twin/commands/processes.py."""

from __future__ import annotations

import threading

import pytest
from twin_scripts import refusal, run

from lab.twin.windows.machine import Machine

FOLDER = "C:\\Program Files\\Own"
PROGRAM = f"{FOLDER}\\eaphost.exe"


@pytest.fixture
def ended() -> list[int]:
    """Process ids, as they are ended."""
    return []


@pytest.fixture
def machine(ended: list[int]) -> Machine:
    """A machine on which the same program runs twice, from two folders."""
    made = Machine.stock()
    made.files.make_folder(FOLDER)
    made.files.write(PROGRAM, b"MZ")
    for identifier, path in ((11, PROGRAM), (12, "C:\\Elsewhere\\eaphost.exe")):
        made.programs.started(path, identifier, lambda identifier=identifier: ended.append(identifier))  # type: ignore[misc]
    return made


@pytest.mark.parametrize(("script", "expected", "ends"), [
    ("Get-Process -Name eaphost | ForEach-Object { $_.Id; $_.Path; $_.ProcessName; $_.HasExited }",
     ["11", PROGRAM, "eaphost", "False", "12", "C:\\Elsewhere\\eaphost.exe", "eaphost", "False"], []),
    ("(Get-Process EAP*).Count; (Get-Process -Id 12).Name; @(Get-Process nobody*).Count; @(Get-Process nobody -ErrorAction SilentlyContinue).Count", ["2", "eaphost", "0", "0"], []),
    (f"$p = @(Get-Process eaphost | Where-Object {{ $_.Path -eq '{PROGRAM}' }})[0]; $p.WaitForExit(1); Stop-Process -InputObject $p -Force; $p.WaitForExit(10000); $p.HasExited;"
     " @(Get-Process eaphost).Count", ["False", "True", "True", "1"], [11]),
    ("Get-Process eaphost | Stop-Process -Force; @(Get-Process eaphost -ErrorAction SilentlyContinue).Count", ["0"], [11, 12]),
    ("Stop-Process -Name eaphost -Force -PassThru | ForEach-Object Id", ["11", "12"], [11, 12]),
    ("$p = Get-Process -Id 12; $p.Kill(); Stop-Process -InputObject $p -Force; Stop-Process -Id 11 -Force", [], [12, 11]),
])
def test_right(machine: Machine, ended: list[int], script: str, expected: list[str], ends: list[int]) -> None:
    assert run(script, machine) == expected
    assert ended == ends


def test_what_does_not_run_is_an_error_as_windows_words_it(machine: Machine) -> None:
    said = run("try { Get-Process nobody -ErrorAction Stop } catch { $_.FullyQualifiedErrorId; $_.CategoryInfo.Category; $_.Exception.Message }", machine)

    assert said == ["NoProcessFoundForGivenName,Microsoft.PowerShell.Commands.GetProcessCommand", "ObjectNotFound",
                    'Cannot find a process with the name "nobody". Verify the process name and call the cmdlet again.']


@pytest.mark.parametrize(("failing", "text"), [
    (f"[IO.File]::WriteAllBytes('{PROGRAM}', [byte[]](1))", "because it is being used by another process."), (f"[IO.File]::Delete('{PROGRAM}')", "eaphost.exe' is denied."),
    (f"[IO.Directory]::Delete('{FOLDER}', $true)", "Access to the path 'eaphost.exe' is denied."),
    (f"Remove-Item -LiteralPath '{PROGRAM}' -ErrorAction Stop", "eaphost.exe' is denied."),
])
def test_the_file_of_a_program_that_runs_stays_until_it_has_ended(machine: Machine, failing: str, text: str) -> None:
    assert text in run(f"try {{ {failing} }} catch {{ $_.Exception.Message }}", machine)[0]
    assert machine.files.read(PROGRAM) == b"MZ"

    assert run(f"Stop-Process -Id 11 -Force; {failing}", machine) == []
    assert machine.files.get(PROGRAM.lower()) in (None, b"\1")


@pytest.mark.parametrize(("script", "named"), [
    ("Get-Process", "neither"), ("Get-Process svchost", "svchost"), ("Get-Process s*", "Windows' own"), ("Get-Process -Id 4", "process 4"),
    ("Stop-Process -Name eaphost", "without -Force"), ("Stop-Process -InputObject 11 -Force", "something else"), ("(Get-Process -Id 11).CPU", "CPU"),
    ("Get-Process eaphost -IncludeUserName", "IncludeUserName"), ("(Get-Process -Id 11).WaitForExit()", "WaitForExit"),
])
def test_refused(machine: Machine, script: str, named: str) -> None:
    assert named in refusal(script, machine)


def test_an_end_that_nobody_asked_for_is_seen(machine: Machine, ended: list[int]) -> None:
    program = machine.programs.running()[0]
    assert not machine.programs.wait(program, 0)
    threading.Timer(0.05, machine.programs.gone, [program]).start()

    assert machine.programs.wait(program, 10)
    machine.programs.stop(program)
    assert ended == [], "it had ended by itself"


def test_a_reset_ends_them_and_they_count_as_state(machine: Machine, ended: list[int]) -> None:
    assert machine.facts()["programs"] == ["C:\\Elsewhere\\eaphost.exe", PROGRAM]
    machine.reset()

    assert sorted(ended) == [11, 12]
    assert machine.facts() == Machine.stock().facts()
