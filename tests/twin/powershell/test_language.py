"""The PowerShell subset: values as Windows PowerShell 5.1 gives them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.twin.powershell.convert import to_text
from lab.twin.powershell.engine import Engine, ProcessEnvironment
from lab.twin.powershell.errors import NotSupportedByTwin, ParseError, PowerShellError
from lab.twin.powershell.interpreter import Interpreter
from lab.twin.powershell.parser import parse


def run(script: str) -> list[str]:
    return [to_text(value) for value in Interpreter(None, ProcessEnvironment({})).run_script(script)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("1 + 2 * 3", ["7"]),
        ("'a' + 1", ["a1"]),
        ("10 / 4; 10 / 5", ["2.5", "2"]),
        ("0x04000000 -bor 2", ["67108866"]),
        ("$x = 5; $x++; $x += 2; $x", ["8"]),
        ('$n = "World"; "Hello $n, $(1+1) `"q`" $($n.Length)"', ['Hello World, 2 "q" 5']),
        ("'single $x'", ["single $x"]),
        ("1,2,3 | ForEach-Object { $_ * 2 }", ["2", "4", "6"]),
        ("1..5 | Where-Object { $_ -gt 3 }", ["4", "5"]),
        ("'{0:x4}-{1,3}' -f 255, 7", ["00ff-  7"]),
        ("'a,b' -split ','", ["a", "b"]),
        ("@('x','y') -join '+'", ["x+y"]),
        ("'Foo' -eq 'foo'; 'Foo' -ceq 'foo'", ["True", "False"]),
        ("'abc' -match 'b(.)'; $Matches[1]", ["True", "c"]),
        ("'abc' -replace 'b', 'X'", ["aXc"]),
        ("$h = @{ One = 1; 'two' = 2 }; $h.one + $h['TWO']", ["3"]),
        ("$o = [pscustomobject]@{ A = 1 }; $o.A", ["1"]),
        ("if ($false) { 1 } elseif (1 -eq 1) { 2 } else { 3 }", ["2"]),
        ("foreach ($i in 1,2,3) { if ($i -eq 2) { continue }; $i }", ["1", "3"]),
        ("$i = 0; while ($true) { $i++; if ($i -ge 3) { break } }; $i", ["3"]),
        ("function Add([int] $a, [int] $b = 10) { return $a + $b }; Add 5; Add -b 1 -a 2", ["15", "3"]),
        ("switch ('b') { 'a' { 1 } 'b' { 2 } default { 3 } }", ["2"]),
        ("try { throw 'boom' } catch { $_.Exception.Message } finally { 'done' }", ["boom", "done"]),
        ("try { [int]'x' } catch [System.Management.Automation.PSInvalidCastException] { 'cast' }", ["cast"]),
        ("$p = @{ InputObject = 'v' }; Write-Output @p", ["v"]),
        ("(1,2,3).Count; @().Count; $null.Count", ["3", "0", "0"]),
        ("& { param($a) $a * 2 } 21", ["42"]),
        ("$s = [ScriptBlock]::Create('param($x) $x + 1'); & $s 4", ["5"]),
        ("('{\"a\":[1,2],\"b\":null}' | ConvertFrom-Json).a.Count", ["2"]),
        ("[ordered]@{ z = 1; a = @(1) } | ConvertTo-Json -Compress", ['{"z":1,"a":[1]}']),
        ("[regex]::Replace('aéb', '[^\\x20-\\x7e]', { param($m) '\\u{0:x4}' -f [int][char]$m.Value })", ["a\\u00e9b"]),
        ("[Convert]::ToBase64String([byte[]](1,2,3))", ["AQID"]),
        ("[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('aGk='))", ["hi"]),
        ("$a = @(); $a += 'x'; $a += 'y'; $a[-1]", ["y"]),
        ("$a, $b = 1, 2; $b", ["2"]),
        ("-not $true; !$false", ["False", "True"]),
        ("'b' -in 'a','b'; 'a','b' -contains 'c'", ["True", "False"]),
        ("@'\nline $x\n'@", ["line $x"]),
        ("$v = 'X'; @\"\nv=$v\n\"@", ["v=X"]),
        ("$x = if ($true) { 'yes' } else { 'no' }; $x", ["yes"]),
        ("[int]'0x10'", ["16"]),
        ("$true -and ('a' -like 'A*')", ["True"]),
        ("(Get-Date).Year -gt 2000", ["True"]),
        ("'x'.ToUpper().Substring(0, 1)", ["X"]),
        ("$null -eq $undefined", ["True"]),
        ("Set-StrictMode -Version Latest; try { $undefined } catch { 'strict' }", ["strict"]),
        ("function F { 'out'; return 'ret' }; F", ["out", "ret"]),
        ("@(1,2) + 3 | Measure-Object | Select-Object -ExpandProperty Count", ["3"]),
        ("3,1,2 | Sort-Object -Descending", ["3", "2", "1"]),
    ],
)
def test_values(script: str, expected: list[str]) -> None:
    assert run(script) == expected


@pytest.mark.parametrize("script", ["class A {}", "Get-Nonsense-Thing", "Write-Output -Bogus 1", "[Some.Unknown]::Call()", "'x'.Frobnicate()",
                                    "Start-Job { 1 }"])
def test_unknown_things_stop_the_script(script: str) -> None:
    with pytest.raises((NotSupportedByTwin, ParseError)):
        run(f"try {{ {script} }} catch {{ 'swallowed' }}")


def test_errors_end_the_statement_or_the_script() -> None:
    interpreter = Interpreter(None, ProcessEnvironment({}))

    assert [to_text(one) for one in interpreter.run_script("[int]'x'; 'next'")] == ["next"]
    assert len(interpreter.streams.errors) == 1
    with pytest.raises(PowerShellError):
        run("$ErrorActionPreference = 'Stop'; [int]'x'; 'next'")


def test_parse_errors_name_line_and_character() -> None:
    with pytest.raises(ParseError) as caught:
        parse("$x = 1\nif ($x { }")

    assert str(caught.value).startswith("At line:2 char:")


def execute(line: str, stdin: bytes = b"", **options: object) -> tuple[int, bytes, bytes]:
    parts: dict[str, bytes] = {"stdout": b"", "stderr": b""}

    def write(stream: str, data: bytes) -> None:
        parts[stream] += data

    settings_: dict[str, object] = {"stdin": stdin, "environment": {}, "code_page": 65001, "skip_cmd": False, "write": write}
    code = Engine(None).run_command_line(line, **(settings_ | options))  # type: ignore[arg-type]
    return code, parts["stdout"], parts["stderr"]


def test_powershell_reads_its_input() -> None:
    code, out, _ = execute('powershell -NoProfile -Command "($input | Out-String) | ConvertFrom-Json | Select-Object -ExpandProperty a"',
                           '{"a": "é"}'.encode())

    assert (code, out.decode()) == (0, "é\r\n")


def test_exit_codes() -> None:
    assert execute("powershell -Command exit 7")[0] == 7
    assert execute("powershell -Command throw 'x'")[0] == 1
    assert execute("cmd /c echo hi")[:2] == (0, b"hi\r\n")


def test_the_command_line_is_limited() -> None:
    code, _, err = execute("powershell -Command " + "1;" * 5000)

    assert code == 1
    assert b"too long" in err


def test_progress_noise_unless_forbidden() -> None:
    assert b'S="progress"' in execute("powershell -Command 1")[2]
    assert execute("powershell -Command $ProgressPreference='SilentlyContinue'; 1")[2] == b""


@settings(max_examples=300, deadline=1000)
@given(st.text(alphabet="abz$@(){}[]'\"`;|&.,-+=*!<># \n0:x", max_size=60))
def test_the_parser_never_breaks(source: str) -> None:
    """It accepts, or raises ParseError; nothing else."""
    with contextlib.suppress(ParseError):
        parse(source)
