"""Errors: which end a statement, which a script, which a catch sees. Source: about_Try_Catch_Finally, about_Preference_Variables."""

from __future__ import annotations

import pytest
from twin_scripts import run

from lab.twin.powershell.engine import ProcessEnvironment
from lab.twin.powershell.errors import PowerShellError
from lab.twin.powershell.interpreter import Interpreter
from lab.twin.windows.machine import Machine

MESSAGE = "catch { $_.Exception.Message }"
CAUGHT = [
    ("try { 1 / 0 } " + MESSAGE, ["Attempted to divide by zero."]),
    ("try { 1 % 0 } catch [DivideByZeroException] { 'zero' }", ["zero"]),
    ("try { throw 'boom' } catch { \"$_\"; $_.FullyQualifiedErrorId }", ["boom", "boom"]),
    ("try { [int]'x' } catch [System.InvalidCastException] { 'base' }", ["base"]),
    ("try { [int]'x' } catch [System.FormatException] { 'no' } catch { 'rest' }", ["rest"]),
    ("try { [Convert]::FromBase64String('!') } catch [FormatException] { $_.Exception.GetType().Name }", ["MethodInvocationException"]),
    ("try { [byte]256 } " + MESSAGE, ["Cannot convert value \"256\" to type \"System.Byte\". Error: \"Value was either too large or too small for"
                                      " a Byte.\""]),
    ("try { [int]3000000000 } " + MESSAGE, ["Cannot convert value \"3000000000\" to type \"System.Int32\". Error: \"Value was either too large"
                                            " or too small for an Int32.\""]),
    ("try { [uint32]-1 } catch { 'range' }; try { [uint32]0xFFFFFFFF } catch { 'signed' }", ["range", "signed"]),
    ("try { 3 + 'x' } catch { 'text' }; try { 1 + @(1,2) } " + MESSAGE,
     ["text", "Method invocation failed because [System.Int32] does not contain a method named 'op_Addition'."]),
    ("try { 5 -gt 'x' } catch { $_.FullyQualifiedErrorId }", ["ComparisonFailure"]),
    ("try { 'abc'.Substring(5) } catch [ArgumentOutOfRangeException] { 'range' }", ["range"]),
    ("try { $null.Foo() } " + MESSAGE, ["You cannot call a method on a null-valued expression."]),
    ("try { $x = $null; $x[0] } " + MESSAGE, ["Cannot index into a null array."]),
    ("try { $a = 1,2; $a[5] = 1 } catch [IndexOutOfRangeException] { 'bounds' }", ["bounds"]),
    ("try { @{ a = 1 } + @{ A = 2 } } catch { 'twice' }; try { $h = @{}; $h.Add('a', 1); $h.Add('A', 2) } catch [ArgumentException] { 'twice' }",
     ["twice", "twice"]),
    ("$h = @{ a = 1; b = 2 }; try { foreach ($k in $h.Keys) { $h[$k] = 0 } } catch [InvalidOperationException] { 'modified' }", ["modified"]),
    ("try { $s = 'x'; $s++ } catch { $_.FullyQualifiedErrorId }", ["OperatorRequiresNumber"]),
    ("try { $true = 1 } catch { 'constant' }", ["constant"]),
    ("try { '{0} {1}' -f 1 } catch { 'few' }; try { '{ {0}' -f 1 } catch { 'brace' }", ["few", "brace"]),
    ("try { throw [InvalidOperationException]::new('m') } catch [InvalidOperationException] { $_.Exception.Message }", ["m"]),
    ("try { try { throw 'a' } finally { 'f' } } catch { \"c$_\" }", ["f", "ca"]),
    ("try { try { throw 'a' } catch { throw } } catch { \"again $_\" }", ["again a"]),
    ("function F { try { return 'r' } finally { $script:f = 1 } }; F; $f", ["r", "1"]),
    ("$ErrorActionPreference = 'Stop'; try { Write-Error 'w' } " + MESSAGE, ["w"]),
    ("try { Write-Error 'w' -ErrorAction Stop } catch { \"$_\" }; $Error.Count; $Error[0].Exception.Message", ["w", "1", "w"]),
    ("function F([Parameter(Mandatory)][string]$A) { $A }; try { F '' } catch { 'empty' }; try { F } catch { 'missing' }", ["empty", "missing"]),
    ("function F([ValidateSet('a','b')]$A) { $A }; F B; try { F c } catch { 'set' }", ["B", "set"]),
    ("function F([ValidateNotNullOrEmpty()]$A) { $A }; try { F $null } catch { 'null' }", ["null"]),
    ("function F([bool]$B) { $B }; try { F 'x' } catch { 'bool' }; F 0", ["bool", "False"]),
    ("function F { [CmdletBinding()] param($A) $A }; try { F 1 2 } catch { 'positional' }; try { F -B 1 } catch { 'named' }",
     ["positional", "named"]),
    ("function F($Aa, $Ab) { $Ab }; try { F -A 1 } catch { 'ambiguous' }",
     ["ambiguous"]),
    ("try { Write-Output -InputObject 1 -InputObject 2 } catch { 'twice' }", ["twice"]),
]
STRICT = "Set-StrictMode -Version Latest; "
STRICT_ERRORS = ["$undefined", "$null.Count", "(5).Count", "'abc'.Count", "@{}.missing", "([pscustomobject]@{ a = 1 }).b", "(1,2)[5]",
                 "'a'.Nothing", "function F { $unset }; F"]
STRICT_VALUES = [("@().Count", ["0"]), ("@{ a = 1 }['b']", [""]), ("@{ a = 1 }.Count", ["1"]), ("'abc'.Length", ["3"]),
                 ("& { Set-StrictMode -Off; $undefined }; try { $undefined } catch { 'strict' }", ["", "strict"])]


@pytest.mark.parametrize(("script", "expected"), CAUGHT)
def test_caught(script: str, expected: list[str]) -> None:
    assert run(script) == expected


@pytest.mark.parametrize("script", STRICT_ERRORS)
def test_strict_mode_makes_errors(script: str) -> None:
    assert run(f"{STRICT}try {{ {script} }} catch {{ 'strict' }}") == ["strict"]
    assert "strict" not in run(f"try {{ {script} }} catch {{ 'strict' }}")


@pytest.mark.parametrize(("script", "expected"), STRICT_VALUES)
def test_strict_mode_leaves_values(script: str, expected: list[str]) -> None:
    assert run(STRICT + script) == expected


@pytest.mark.parametrize(("script", "expected", "errors"), [
    ("[int]'x'; 'next'", ["next"], 1),
    ("$ErrorActionPreference = 'SilentlyContinue'; [int]'x'; $?; 'next'", ["False", "next"], 0),
    ("Get-Item HKLM:\\nope; $?; 'next'", ["False", "next"], 1),
    ("try { Get-Item HKLM:\\nope; 'on' } catch { 'no' }", ["on"], 1),  # not terminating: no catch sees it
    ("try { Get-Item HKLM:\\nope -ErrorAction Stop } catch [Management.Automation.ItemNotFoundException] { 'not found' }", ["not found"], 0),
    ("Get-Item HKLM:\\nope -ErrorAction SilentlyContinue; $Error.Count", ["1"], 0),
    ("Get-Item HKLM:\\nope -ErrorAction Ignore; $Error.Count", ["0"], 0),
    ("Get-Item HKLM:\\nope 2>$null; 'on'", ["on"], 0),
    ("$x = Get-Item HKLM:\\nope -EA SilentlyContinue; $?; $null -eq $x", ["False", "True"], 0),
    ("@(Get-Item HKLM:\\nope, HKLM:\\SYSTEM).Count", ["1"], 1),
    ("Write-Error 'a' 2>&1 | ForEach-Object { \"got $_\" }", ["got a"], 0),
    ("Start-Service RemoteAccess -ErrorAction SilentlyContinue; (Get-Service RemoteAccess).Status", ["Stopped"], 0),
])
def test_reported(script: str, expected: list[str], errors: int) -> None:
    interpreter = Interpreter(Machine.stock(), ProcessEnvironment({}))

    from lab.twin.powershell.convert import to_text

    assert [to_text(one) for one in interpreter.run_script(script)] == expected
    assert len(interpreter.streams.errors) == errors


def test_what_was_written_before_an_error_is_kept() -> None:
    output: list[object] = []

    with pytest.raises(PowerShellError):
        Interpreter(None, ProcessEnvironment({})).run_script("'a'; if (1) { 'b'; throw 'x' }; 'c'", output)

    assert output == ["a", "b"]
