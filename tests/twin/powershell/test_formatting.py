"""Text: -f, JSON of 5.1, dates, the console. Sources: .NET's standard formats; ConvertTo-Json of Windows PowerShell 5.1."""

from __future__ import annotations

import json
import re

import pytest
from twin_scripts import console, run

from lab.twin.windows.machine import Machine

FORMATS = [
    ("'{0:x8} {0:X} {1:d3} {1,4}|{1,-4}|' -f -1, 7", "ffffffff FFFFFFFF 007    7|7   |"),
    ("'{0:x}' -f [long]-1; ", "ffffffffffffffff"), ("'{0:x2}' -f [byte]10", "0a"), ("'{0:D3}' -f -5", "-005"),
    ("'{0:N0} {0:N1} {0:F2} {0:N}' -f 1234.565", "1,235 1,234.6 1234.57 1,234.57"), ("'{0:F0} {1:F0}' -f 2.5, 3.5", "3 4"),
    ("'{0:00} {0:00.0}' -f 5", "05 05.0"), ("'{{{0}}}' -f 1", "{1}"), ("'{0} {1}' -f $null, $true", " True"), ("'{0:x4}' -f '255'", "255"),
    ("'{0}-{1}' -f (1,2)", "1-2"), ("'{0}' -f (,(1,2))", "System.Object[]"), ("'{0:x4}' -f [int][char]'é'", "00e9"),
    ("(255).ToString('x4') + (5).ToString()", "00ff5"), ("(1.5).ToString('N2')", "1.50"),
]
JSON = [
    ("@{ a = 1 }", '{"a":1}'), ("[ordered]@{ s = \"<a> & 'b' `\"q`\" \\ `n`t\" }", '{"s":"\\u003ca\\u003e \\u0026 \\u0027b\\u0027 \\"q\\" \\\\ \\n\\t"}'),
    ("[ordered]@{ n = $null; t = $true; f = 1.5; g = 2.0; e = @(); o = @(1); b = [byte[]](1,2) }", '{"n":null,"t":true,"f":1.5,"g":2,"e":[],"o":[1],"b":[1,2]}'),
    ("@{ a = @{ b = @{ c = @{ d = 1 } } } }", '{"a":{"b":{"c":"System.Collections.Hashtable"}}}'), ("@{ a = (0.1 + 0.2) }", '{"a":0.30000000000000004}'),
    ("@{ a = @{ b = @{ c = 1,2 } } }", '{"a":{"b":{"c":"1 2"}}}'), ("[pscustomobject]@{ s = [switch]$true }", '{"s":{"IsPresent":true}}'),
    ("@{ s = (Get-Service RasMan).Status; t = [string](Get-Service RasMan).Status }", '{"s":4,"t":"Running"}'), ("@{ l = 3232255432 }", '{"l":3232255432}'),
]
PRETTY = '{\r\n    "a":  {\r\n              "b":  [\r\n                        1,\r\n                        2\r\n                    ]\r\n          },\r\n    "c":  "x"\r\n}'


@pytest.mark.parametrize(("script", "expected"), FORMATS)
def test_formats(script: str, expected: str) -> None:
    assert run(script) == [expected]


@pytest.mark.parametrize(("value", "expected"), JSON)
def test_json(value: str, expected: str) -> None:
    assert run(f"ConvertTo-Json -Compress {value if value[0] in '@(' else f'({value})'}", Machine.stock()) == [expected]


def test_pretty_json_is_indented_as_5_1_does() -> None:
    text, = run("[ordered]@{ a = @{ b = 1,2 }; c = 'x' } | ConvertTo-Json")

    assert text == PRETTY
    assert json.loads(text) == {"a": {"b": [1, 2]}, "c": "x"}


def test_json_is_read_with_the_types_of_5_1() -> None:
    assert run("$o = '{\"a\": 5, \"b\": 3232255432, \"c\": [1], \"d\": null}' | ConvertFrom-Json; $o.a.GetType().Name; $o.b.GetType().Name;"
               " $o.c.GetType().Name; $null -eq $o.d; @('[1,2]' | ConvertFrom-Json).Count") == ["Int32", "Int64", "Object[]", "True", "1"]


def test_dates() -> None:
    values = run("$d = Get-Date; $e = $d.AddDays(1); ($e - $d).TotalHours; $e -gt $d; Get-Date -Format 'yyyy-MM-dd'; \"$d\"; $d.ToString('HH:mm')")

    assert values[:2] == ["24", "True"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", values[2])
    assert re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d", values[3])
    assert re.fullmatch(r"\d\d:\d\d", values[4])


@pytest.mark.parametrize(("script", "expected"), [
    ("'a'; Write-Host b c; 'd'", "a\r\nb c\r\nd\r\n"),
    ("function F { Write-Host 1; '2'; Write-Host 3 }; F", "1\r\n2\r\n3\r\n"),
    ("foreach ($i in 1,2) { Write-Warning $i; $i }", "WARNING: 1\r\n1\r\nWARNING: 2\r\n2\r\n"),
    ("$WarningPreference = 'SilentlyContinue'; Write-Warning x; Write-Verbose y; $null; 'z'", "z\r\n"),
    ("1,2 | ForEach-Object { Write-Host \"h$_\"; $_; Write-Host \"i$_\" }", "h1\r\n1\r\ni1\r\nh2\r\n2\r\ni2\r\n"),
    ("@'\r\na\r\nb\r\n'@", "a\r\nb\r\n"),
    ("[pscustomobject]@{ A = 1; B = 'x' } | Out-String -Stream | Where-Object { $_ -match 'x' }", "1 x\r\n"),
])
def test_the_console_shows_things_in_their_order(script: str, expected: str) -> None:
    assert console(script) == (0, expected)


def test_output_before_an_error_reaches_the_console() -> None:
    assert console("'a'; throw 'x'") == (1, "a\r\n")
    assert console("'a'; Get-Nonsense; 'b'") == (1, "a\r\n")
    assert console("'a'; exit 3") == (3, "a\r\n")
