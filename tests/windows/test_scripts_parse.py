"""Every script for Windows is PowerShell, by two parsers that do not know each other; where pwsh is at hand, by its own too."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from pwsh_oracle import SCRIPTS, Seen, commands_by_grammar, commands_by_twin, problems

from lab.twin.powershell.errors import ParseError

every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)

SLIPS = {
    "hash without end": "$x = @{ a = 1",
    "entries without separator": "$x = @{ a = 1 b = 2 }",
    "condition without end": "if ($a -eq 1 { 2 }",
    "block without end": "foreach ($x in $y) { $x ",
    "one brace too many": "throw 'a' }",
    "string without end": "Write-Output 'abc",
    "here-string whose end is indented": "@'\nabc\n '@",
    "subexpression without end": '"abc $(1 + "',
    "parameters without comma": "param($a $b)",
    "foreach without parentheses": "foreach $x in $y { 1 }",
    "while without condition": "while { 1 }",
    "do without while": "do { 1 }",
    "if without braces": "if ($a) 1",
    "operator without operand": "$x -eq",
    "assignment of nothing": "$a = ",
    "pipe into nothing": "Get-Item |",
    "call of nothing": "& ",
    "function without name": "function { 1 }",
    "closing parenthesis alone": "Get-Item )",
    "member without name": "$a.b.",
}
ONLY_TWIN_SEES = {"try without catch": "try { 1 }", "two commas": "$x = 1,, 2"}
"""Slips that the grammar reads without complaint: what "no error" of it does not prove."""
NOT_IN_5_1 = {
    "??": "$x = $a ?? 1", "??=": "$a ??= 1", "ternary": "$x = $a ? 1 : 2", "&&": "hostname && hostname", "||": "hostname || hostname",
    "?.": "${a}?.b",
}


def test_there_are_scripts() -> None:
    assert {"runner.ps1", "view.ps1", "setup-winrm.ps1"} <= {path.name for path in SCRIPTS}


@every_script
def test_the_grammar_reads_it(script: Path) -> None:
    assert problems(script.read_text()) == []


@every_script
def test_both_parsers_see_the_same_commands(script: Path) -> None:
    text = script.read_text()

    assert commands_by_grammar(text) == commands_by_twin(text)
    assert commands_by_twin(text)


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_a_slip_is_caught_by_both(slip: str) -> None:
    assert problems(slip)
    with pytest.raises(ParseError):
        commands_by_twin(slip)


@pytest.mark.parametrize("slip", ONLY_TWIN_SEES.values(), ids=ONLY_TWIN_SEES)
def test_a_slip_that_the_grammar_overlooks_is_caught_by_the_twin(slip: str) -> None:
    assert problems(slip) == []
    with pytest.raises(ParseError):
        commands_by_twin(slip)


@pytest.mark.parametrize("newer", NOT_IN_5_1.values(), ids=NOT_IN_5_1)
def test_the_language_of_powershell_7_is_refused_by_the_twin(newer: str) -> None:
    with pytest.raises(ParseError):
        commands_by_twin(newer)


def test_what_the_grammar_misreads_in_silence_shows_in_the_comparison() -> None:
    misread = "1..3 | ForEach-Object { $_ }"

    assert problems(misread) == []
    assert commands_by_grammar(misread) == [Seen("1..3", 0), Seen("ForEach-Object", 1)]
    assert commands_by_twin(misread) == [Seen("ForEach-Object", 1)]


@pytest.mark.parametrize(
    ("call", "arguments"),
    [("New-Thing (Get-Date).AddYears(5)", 1), ("New-Thing (Get-Date) .AddYears", 2), ("New-Thing -Until (Get-Date).AddYears(5) -Quiet:$true A, B", 4),
     ("New-Thing -Confirm:$false", 1), ("New-Thing -Confirm: $false -Quiet", 2), ("New-Thing -Confirm $false", 2), ("New-Thing A -Confirm:(1 -eq 2)", 2)],
)
def test_a_call_among_arguments_counts_once(call: str, arguments: int) -> None:
    assert Seen("New-Thing", arguments) in commands_by_grammar(call)
    assert Seen("New-Thing", arguments) in commands_by_twin(call)


# -- where PowerShell itself is at hand -------------------------------------------------------------------------------------

PARSE = "$e = $null; [void][Management.Automation.Language.Parser]::ParseFile('{path}', [ref]$null, [ref]$e); ConvertTo-Json @($e | ForEach-Object {{ \"$_\" }})"
ANALYSE = (
    "$found = Invoke-ScriptAnalyzer -Path '{path}' -Severity Error, Warning -Settings @{{ Rules = @{{ PSUseCompatibleSyntax = @{{ Enable = $true;"
    " TargetVersions = @('5.1') }} }}; ExcludeRules = @('PSReviewUnusedParameter', 'PSUseShouldProcessForStateChangingFunctions', 'PSUseSingularNouns',"
    " 'PSUseDeclaredVarsMoreThanAssignments', 'PSAvoidUsingConvertToSecureStringWithPlainText') }}; ConvertTo-Json @($found | ForEach-Object {{ \"$($_.Line): $($_.RuleName): $($_.Message)\" }})"
)
"""Left out: rules about modules for others (nouns, ShouldProcess), two that do not see a script block's caller, from which our steps are run, and
one against passwords in scripts: ours come as parameters, over an encrypted session."""


def _pwsh(*command: str) -> str:
    done = subprocess.run(["pwsh", "-NoProfile", "-NonInteractive", "-Command", *command], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _complaints(command: str) -> dict[str, list[str]]:
    told = {script.name: list(json.loads(_pwsh(command.format(path=script)))) for script in SCRIPTS}
    return {name: complaints for name, complaints in told.items() if complaints}


@pytest.fixture
def pwsh() -> None:
    if shutil.which("pwsh") is None:
        pytest.skip("unsupported here: no pwsh")


@pytest.fixture
def analyser(pwsh: None) -> None:
    if _pwsh("@(Get-Module -ListAvailable PSScriptAnalyzer).Count") == "0":
        pytest.skip("unsupported here: pwsh has no PSScriptAnalyzer")


def test_powershell_itself_parses_them(pwsh: None) -> None:
    assert _complaints(PARSE) == {}


def test_the_script_analyser_has_no_complaint(analyser: None) -> None:
    assert _complaints(ANALYSE) == {}
