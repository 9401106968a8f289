"""What a parser cannot see and Windows PowerShell 5.1 trips over: each rule with its reason, and a line that breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest
from pwsh_oracle import SCRIPTS

STANDALONE = re.compile(r"(?m)^param\(\$p\)$")
PREFERENCES = ("Set-StrictMode -Version Latest", "$ErrorActionPreference = 'Stop'", "$ProgressPreference = 'SilentlyContinue'",
               "$WarningPreference = 'SilentlyContinue'")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule for every script."""

    because: str
    broken: Callable[[str], Iterable[str]]
    """Returns the places that break it."""
    example: str
    """A script that does."""


def matches(pattern: str) -> Callable[[str], list[str]]:
    return lambda script: [found[0] for line in script.splitlines() for found in re.finditer(pattern, line.partition("# ")[0], re.IGNORECASE)]


RULES = {
    "ascii": Rule("5.1 reads a file without a byte order mark in the machine's code page",
                  lambda script: re.findall(r"[^\x00-\x7f]", script), "Write-Output '\u00e4'"),
    "preferences": Rule("a script that answers with JSON stops at errors, and neither progress nor warnings (which 5.1 writes to standard output) may stand in it",
                        lambda script: [one for one in PREFERENCES if STANDALONE.search(script) and one not in script],
                        "param($p)\nSet-StrictMode -Version Latest\n$ErrorActionPreference = 'Stop'\n$ProgressPreference = 'SilentlyContinue'\nGet-Date"),
    "closed-key": Rule("the class keys of devices have a key Properties that only the system may open: Get-ChildItem ends there, GetSubKeyNames does not",
                       matches(r"Get-ChildItem\b.*(?:\$class\b|Control\\Class\\\{)"), "foreach ($key in Get-ChildItem -LiteralPath $class) { $key }"),
    "standard-error": Rule("under 'Stop' the first line from 2>&1 ends the script: programs are run by the runner's Get-ProgramText",
                           lambda script: [] if "function Get-ProgramText" in script else matches(r"2>&1")(script), "netsh.exe ras show conf 2>&1 | Out-String"),
    "language": Rule("programs speak Windows' language: no English text of theirs may decide",
                     matches(r"(?:completed successfully|\bOk\.|(?<!')is not recognized)"), "if ($text -match 'completed successfully') { $true }"),
    "description": Rule("descriptions of devices are translated: a miniport is found by its component id",
                        matches(r"'WAN Miniport"), "if ($key.DriverDesc -like 'WAN Miniport*') { $key }"),
    "newer": Rule("parameters and variables of PowerShell 7",
                  matches(r"-AsHashtable\b|-Parallel\b|-SkipCertificateCheck\b|\bTest-Json\b|\bJoin-String\b|\butf8NoBOM\b|\$IsWindows\b|ConvertFrom-Json\b[^|;)]*-Depth\b"),
                  "$x = $text | ConvertFrom-Json -AsHashtable"),
    "selector": Rule("Remove-NetIPsec… and -NetFirewallRule without a selector, and netsh's name=all, remove every rule of the machine",
                     matches(r"\bRemove-Net(?:IPsec\w+|FirewallRule)\b(?! -(?:IPsecRuleName|Name|DisplayName) \S)|\bdelete'?,? '?rule\b(?!',? \"name=\$name\")|name=all\b"),
                     "Remove-NetIPsecRule -Confirm:$false"),
    "wmi": Rule("wmic and Get-WmiObject are deprecated; Get-CimInstance reads the same classes", matches(r"\bGet-WmiObject\b|\bwmic\b"), "Get-WmiObject Win32_BIOS"),
}


@pytest.mark.parametrize("name", RULES)
def test_no_script_breaks_it(name: str) -> None:
    broken = {script.name: list(RULES[name].broken(script.read_text(encoding="utf-8"))) for script in SCRIPTS}

    assert not {script: places for script, places in broken.items() if places}, RULES[name].because


@pytest.mark.parametrize(("line", "broken"), [
    ("Remove-NetIPsecRule", True), ("Get-NetIPsecRule | Remove-NetIPsecRule", True), ("Remove-NetIPsecPhase1AuthSet -All", True), ("Remove-NetFirewallRule", True),
    ("& netsh.exe advfirewall consec delete rule", True), ("Invoke-Consec @('delete', 'rule')", True), ("netsh advfirewall consec delete rule name=all", True),
    ("Remove-NetIPsecRule -IPsecRuleName $own", False), ("Remove-NetFirewallRule -Name $rule.name", False), ("# never: Remove-NetIPsecRule", False),
    ("Invoke-Consec @('delete', 'rule', \"name=$name\")", False),
])
def test_removing_without_a_name_is_told_from_removing_by_name(line: str, broken: bool) -> None:
    assert bool(list(RULES["selector"].broken(line))) is broken


@pytest.mark.parametrize("name", RULES)
def test_a_script_that_breaks_it_is_noticed(name: str) -> None:
    assert list(RULES[name].broken(RULES[name].example))
