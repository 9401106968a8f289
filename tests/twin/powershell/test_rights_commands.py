"""takeown, icacls and FileSecurity on a file of Windows: what an administrator may do with it, in which order, and what he may not."""

from __future__ import annotations

import pytest
from twin_scripts import refusal, run

from lab.twin.windows.ias import IAS_XML
from lab.twin.windows.machine import Machine
from lab.twin.windows.rights import OF_WINDOWS, TRUSTED_INSTALLER

FILE = f"$f = '{IAS_XML}'; "
TAKE = FILE + "takeown.exe /F $f /A | Out-Null; "
GRANT = TAKE + "icacls.exe $f /grant '*S-1-5-32-544:F' | Out-Null; "
SDDL = "[System.IO.File]::GetAccessControl($f).GetSecurityDescriptorSddlForm('Owner, Group, Access')"
WRITE = "[System.IO.File]::WriteAllBytes($f, [byte[]](1, 2)); "
STOCK = f"$s = New-Object System.Security.AccessControl.FileSecurity; $s.SetSecurityDescriptorSddlForm('{OF_WINDOWS.sddl}', 'Access'); "
BACK = f"icacls.exe $f /setowner '*{TRUSTED_INSTALLER}' | Out-Null; " + STOCK + "[System.IO.File]::SetAccessControl($f, $s); "
DENIED = f"Access to the path '{IAS_XML}' is denied."


@pytest.mark.parametrize(("script", "expected"), [
    (FILE + SDDL, [OF_WINDOWS.sddl]),
    (TAKE + SDDL + ".Substring(0, 4)", ["O:BA"]),
    (GRANT + WRITE + "[System.IO.File]::ReadAllBytes($f).Length", ["2"]),
    (GRANT + BACK + SDDL, [OF_WINDOWS.sddl]),
    (FILE + f"$s = New-Object System.Security.AccessControl.FileSecurity; $s.SetSecurityDescriptorSddlForm({SDDL}); "
     "$s.GetOwner([System.Security.Principal.SecurityIdentifier]).Value", [TRUSTED_INSTALLER]),
    (FILE + "[int][System.IO.File]::GetAttributes($f) -band 7; \"$([System.IO.File]::GetAttributes($f))\"", ["0", "Archive"]),
    (FILE + "(Get-Item -LiteralPath $f -Force).Length -gt 1000", ["True"]),
    ("$f = 'C:\\a.txt'; [System.IO.File]::WriteAllBytes($f, [byte[]](1)); " + SDDL, ["O:BAG:BAD:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)"]),
])
def test_right(script: str, expected: list[str]) -> None:
    assert run(script, Machine.stock()) == expected


@pytest.mark.parametrize(("script", "kind", "message"), [
    (FILE + WRITE, "System.UnauthorizedAccessException", DENIED),
    (TAKE + WRITE, "System.UnauthorizedAccessException", DENIED),
    (GRANT + BACK + WRITE, "System.UnauthorizedAccessException", DENIED),
    (FILE + "[System.IO.File]::Delete($f)", "System.UnauthorizedAccessException", DENIED),
    (FILE + STOCK + "[System.IO.File]::SetAccessControl($f, $s)", "System.UnauthorizedAccessException", "Attempted to perform an unauthorized operation."),
    ("[System.IO.File]::GetAccessControl('C:\\no.txt')", "System.IO.FileNotFoundException", "Could not find file 'C:\\no.txt'."),
    ("[System.IO.File]::GetAttributes('C:\\no.txt')", "System.IO.FileNotFoundException", "Could not find file 'C:\\no.txt'."),
])
def test_what_is_not_allowed_is_an_error_and_changes_nothing(script: str, kind: str, message: str) -> None:
    machine = Machine.stock()
    before = machine.files.copy()

    assert run(f"try {{ {script} }} catch [{kind}] {{ $_.Exception.InnerException.Message }}", machine)[-1] == message
    assert machine.files == before


@pytest.mark.parametrize(("script", "code"), [
    (FILE + "icacls.exe $f /grant '*S-1-5-32-544:F'", "5"), ("icacls.exe C:\\no.txt /grant '*S-1-5-32-544:F'", "2"), ("takeown.exe /F C:\\no.txt /A", "1"),
    (FILE + "takeown.exe /F $f /A", "0"), (TAKE + "icacls.exe $f /grant '*S-1-5-32-544:F'", "0"),
])
def test_a_program_tells_by_its_exit_code(script: str, code: str) -> None:
    assert run(f"{script} | Out-Null; $LASTEXITCODE", Machine.stock())[-1] == code


@pytest.mark.parametrize(("script", "named"), [
    (FILE + "takeown.exe /F $f", "takeown"), (FILE + "icacls.exe $f", "icacls"), (FILE + "icacls.exe $f /grant 'Administrators:F'", "icacls"),
    (FILE + "icacls.exe $f /grant '*S-1-5-32-544:M'", "icacls"), (FILE + "[System.IO.File]::SetAccessControl($f, [System.IO.File]::GetAccessControl($f))", "with an owner"),
    (STOCK + "$s.SetSecurityDescriptorSddlForm('D:(D;;FA;;;WD)')", "security descriptor"), (STOCK + "$s.SetSecurityDescriptorSddlForm('D:', 'Audit')", "Audit"),
    (STOCK + "$s.GetSecurityDescriptorSddlForm('All')", "All"), (STOCK + "$s.GetOwner([string])", "GetOwner"),
])
def test_what_would_have_to_be_guessed_is_refused(script: str, named: str) -> None:
    assert named in refusal(script, Machine.stock())
