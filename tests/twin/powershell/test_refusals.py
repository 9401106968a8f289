"""What the twin does not know stops the script: no catch swallows it, no finally runs, and the text names the construct."""

from __future__ import annotations

import pytest
from twin_scripts import refusal, run

from lab.twin.powershell.engine import Engine
from lab.twin.windows.machine import Machine

GRAMMAR = [
    ("class A {}", "class"), ("enum E { A }", "enum"), ("filter F { $_ }", "filter"), ("trap { 1 }", "trap"), ("using namespace System", "using"),
    (":outer foreach ($i in 1) { 1 }", "':'"), ("foreach ($i in 1) { break outer }", "label"), ("foreach ($i in 1) { continue outer }", "label"),
    ("[System.Collections.Generic.List[string]]::new()", "generic"), ("1.5d", "Decimal"), ("99999999999999999999", "Int64"),
    ("Write-Output a > out.txt", "'>'"), ("Write-Output a 2> err.txt", "'>'"), ("netsh.exe --% a", "--%"), ("Write-Output 'a'b", "continues"),
    ("Write-Output $x.y\\z", "continues"), ("Write-Output it\u2019s", "word"), ("'it\u2019s'", "typographic"), ("\u201ca\u201d", "typographic"),
    ("& { param([ValidateRange(1, 5)] $a) 1 }", "ValidateRange"), ("function F([Parameter(ValueFromPipeline)] $a) { }", "ValueFromPipeline"),
    ("function F([Alias('b')] $a) { }", "Alias"), ("switch -File x { }", "switch -file"), ("Write-Output a &", "&"),
]
PARSE_ERRORS = [
    '"$name: text"', "@{ a = 1 b = 2 }", "@{ a = 1; A = 2 }", "(if (1) { 2 })", "1 | 2", "5.ToString()", "1 = 2", "'a' 'b'", "if (1) 2",
]
VALUES = [
    ("$MyInvocation", "$MyInvocation"), ("$PSBoundParameters", "$PSBoundParameters"), ("$OFS = ','", "$OFS"), ("$PSScriptRoot", "$PSScriptRoot"),
    ("$$", "$$"), ("$private:x = 1", "$private:x"), ("$VerbosePreference = 'Continue'", "$VerbosePreference"), ("$using:x", "$using:x"),
    ("[decimal]1", "[decimal]"), ("[datetime]'2026-01-01'", "[datetime]"), ("[xml]'<a/>'", "[xml]"), ("[ipaddress]'10.0.0.1'", "[ipaddress]"),
    ("5 -is [ipaddress]", "ipaddress"), ("[Some.Type]::Call()", "[Some.Type]"), ("[int]::Parse('5')", "[int]::Parse"),
    ("[int]'1,000'", "1,000"), ("[int]'10MB'", "10MB"), ("[uint32]'0xFFFFFFFF'", "hexadecimal"), ("[int]@(5)", "array"),
    ("1.5 -band 1", "bitwise"), ("[char]'a' + 1", "[char]"), ("$null * 2", "$null *"), ("$null -lt 0", "$null"), ("[uint64]1 + 1", "uint64"),
    ("'a-b' -lt 'ab'", "collation"), ("'a' -clt 'A'", "case"), ("'a' -split { $_ }", "-split"), ("'a' -replace 'a', { 'b' }", "script block"),
    ("'a' -match '\\p{L}'", "\\p"), ("'a' -match '(?<n>a)(b)?'", "named and numbered"), ("'a' -match '(?m)a$'", "(?m)"),
    ("'a' -match '[a-z-[b]]'", "subtraction"), ("'{0:P}' -f 1", "'P'"), ("'{0}' -f (Get-Date)", "date"), ("\"$(Get-Date)\".Foo()", "Foo"),
    ("(Get-Date).ToString('dddd')", "dddd"), ("try { throw 'x' } catch { \"$($_.Exception)\" }", "stack"), ("[string][int]", "type"),
    ("try { throw 'x' } catch { $_.ScriptStackTrace }", "scriptstacktrace"), ("try { throw 'x' } catch [Some.Exception] { }", "Some.Exception"),
    ("'x'.Frobnicate()", "Frobnicate"), ("'x'.Trim('a', 1, 2, 3).Foo()", "Foo"), ("'x'.PadLeft()", "PadLeft"), ("'x'.GetHashCode()", "GetHashCode"),
    ("'x'.Substring", "parentheses"), ("(5).GetType", "parentheses"),
    ("(1,2).Rank", "Rank"), ("(5)[0]", "index"), ("([pscustomobject]@{ a = 1 })['a']", "index"), ("@{}.SyncRoot", "SyncRoot"),
    ("switch ($null) { default { 1 } }", "switch over $null"), ("$null -contains 1", "-contains"), ("(,1)::Foo", "::Foo"),
    ("function F { F }; F", "recursion"), ("while ($true) { }", "100000"),
    ("$WhatIfPreference = $true", "$WhatIfPreference"),
]
COMMANDS = [
    ("Get-Nonsense", "Get-Nonsense"), ("ipconfig", "ipconfig"), ("net user", "net"), ("Start-Sleep 1", "Start-Sleep"), ("Start-Job { 1 }", "Start-Job"),
    ("Write-Output -Bogus 1", "-Bogus"), ("1 | Select-Object -Fir 1", "write -First"), ("Write-Output 1 -OutVariable x", "-OutVariable"),
    ("Write-Output 1 -ErrorAction Maybe", "-ErrorAction"), ("Remove-Item HKLM:\\SYSTEM -WhatIf", "-WhatIf"), ("Set-StrictMode -Version 1.0", "Set-StrictMode"),
    ("Get-Command ipconfig", "Get-Command ipconfig"), ("'{\"a\": 1.5}' | ConvertFrom-Json", "1.5"), ("\"{'a': 1}\" | ConvertFrom-Json", "single quotes"),
    ("'{\"a\":1,\"A\":2}' | ConvertFrom-Json", "case"), ("'[1,2]' | ConvertFrom-Json | ConvertTo-Json", "ConvertTo-Json"), ("$null | ConvertTo-Json", "$null"),
    ("ConvertTo-Json (Get-Date)", "DateTime"), ("Get-Date -UFormat %s", "-UFormat"), ("Get-Date -Date 1", "-Date"), ("Get-Date '2026-01-01'", "further argument"),
    ("@{ a = 1 } | Select-Object a", "hashtable"), ("'a', 1 | Sort-Object", "texts and numbers"), ("1 | Where-Object -Bad x", "-Bad"),
    ("function F($a) { }; F -b 1", "-b"), ("function F { [CmdletBinding()] param($a) }; F -ErrorAction Stop", "-ErrorAction"),
    ("1,2 | % { if ($_ -eq 2) { throw 'x' }; $_ } | % { $_ }", "middle of a pipeline"), ("1 | Get-Date", "behind a pipeline"),
    ("1,2 | % { Write-Host $_; $_ } | % { $_ }", "Write-Host"), ("1,2 | % { $_ } | Select-Object -First 1", "Select-Object -First"),
    ("([pscustomobject]@{ a = 1 }).ToString()", "ToString"), ("1 | Write-Output 2", "behind a pipeline"),
    ("function F([string] $a) { }; F 1,2", "[string[]]"), ("1 | % { 1 } { 2 }", "several blocks"), ("Write-Output a 3>&1", "3>&1"),
]
MACHINE = [
    ("\"$(Get-Item HKLM:\\SYSTEM)\"", "as text"), ("Get-Item HKLM:\\SYSTEM | Get-ItemProperty", "behind a pipeline"),
    ("Get-Item 'HKLM:\\SYSTEM\\*'", "wildcards"), ("Test-Path HKLM:\\SYSTEM -PathType Leaf", "-PathType"), ("Get-Item Env:\\PATH", "drive"),
    ("Get-Service -DependentServices RasMan", "-DependentServices"), ("Set-Service RemoteAccess -Status Running", "-Status"),
    ("(Get-Service RemoteAccess).MachineName", "MachineName"), ("(Get-Service RemoteAccess).WaitForStatus('Running')", "WaitForStatus"),
    ("Get-Service RemoteAccess | ConvertTo-Json", "ConvertTo-Json"), ("New-Item HKLM:\\x -Value 1", "-Value"),
    ("Set-ItemProperty HKLM:\\SYSTEM -Name a -Value 5 -Type QWord", "qword"), ("Test-Path -LiteralPath ''", "LiteralPath"),
]


@pytest.mark.parametrize(("script", "named"), [*GRAMMAR, *VALUES, *COMMANDS])
def test_refused(script: str, named: str) -> None:
    text = refusal(script)

    assert "not supported by the twin" in text or "label" in text
    assert named in text


@pytest.mark.parametrize(("script", "named"), MACHINE)
def test_refused_of_the_machine(script: str, named: str) -> None:
    assert named.lower() in refusal(script, Machine.stock()).lower()


@pytest.mark.parametrize("script", PARSE_ERRORS)
def test_what_windows_cannot_parse_does_not_run(script: str) -> None:
    refusal(script)


def test_throw_under_silently_continue_is_refused() -> None:
    with pytest.raises(Exception, match="not supported by the twin: throw under"):
        run("$ErrorActionPreference = 'SilentlyContinue'; throw 'x'")


@pytest.mark.parametrize("line", ["ver || echo no", "echo a > file.txt", "ipconfig", "for %i in (1) do echo x", "findstr /R a", "powershell -File x.ps1"])
def test_command_lines_that_cmd_would_read_otherwise_are_refused(line: str) -> None:
    said: list[bytes] = []

    code = Engine(None).run_command_line(line, stdin=b"", environment={}, code_page=65001, skip_cmd=False, write=lambda _, data: said.append(data))

    assert code == 1
    assert b"not supported by the twin" in b"".join(said)
