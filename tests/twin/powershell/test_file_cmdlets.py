r"""Files, folders, paths and hashes. Sources: lab/twin/commands/files.py, icacls.py."""

from __future__ import annotations

import pytest
from twin_scripts import refusal, run

from lab.twin.windows.machine import Machine

TEMP = "C:\\Windows\\Temp"
MADE = f"[IO.Directory]::CreateDirectory('{TEMP}\\Sub\\Deep') | Out-Null; [IO.File]::WriteAllBytes('{TEMP}\\Sub\\a.bin', [byte[]](97,98,99)); "
GRANTS = "/inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F'"


@pytest.mark.parametrize(("script", "expected"), [
    (MADE + f"[IO.Directory]::Exists('{TEMP}\\sub\\DEEP'); [IO.Directory]::Exists('{TEMP}\\Sub\\a.bin'); [IO.File]::Exists('{TEMP}\\sub\\A.BIN');"
     f" [IO.File]::Exists('{TEMP}\\Sub')", ["True", "False", "True", "False"]),
    ("[IO.Directory]::Exists(''); [IO.File]::Exists('')", ["False", "False"]),
    (MADE + f"([IO.Directory]::GetFileSystemEntries('{TEMP}/Sub')).Length; [IO.Directory]::GetFileSystemEntries('{TEMP}\\sub')",
     ["2", f"{TEMP}\\sub\\a.bin", f"{TEMP}\\sub\\Deep"]),
    (MADE + f"[IO.Directory]::GetFileSystemEntries('{TEMP}\\Sub\\Deep').Length", ["0"]),
    (MADE + f"[IO.Directory]::CreateDirectory('{TEMP}\\Sub').FullName", [f"{TEMP}\\Sub"]),
    (MADE + f"[IO.Directory]::Delete('{TEMP}\\Sub', $true); [IO.Directory]::Exists('{TEMP}\\Sub'); [IO.File]::Exists('{TEMP}\\Sub\\a.bin'); Test-Path {TEMP}\\Sub\\Deep",
     ["False", "False", "False"]),
    (MADE + f"[IO.Directory]::Delete('{TEMP}\\Sub\\Deep'); [IO.Directory]::GetFileSystemEntries('{TEMP}\\Sub').Length", ["1"]),
    (MADE + f"[IO.File]::Delete('{TEMP}\\Sub\\a.bin'); [IO.File]::Delete('{TEMP}\\Sub\\a.bin'); [IO.Directory]::Exists('{TEMP}\\Sub')", ["True"]),
    (MADE + f"Test-Path -LiteralPath {TEMP}\\Sub; Remove-Item -LiteralPath {TEMP}\\Sub -Recurse; Test-Path -LiteralPath {TEMP}\\Sub", ["True", "False"]),
    (MADE + f"(Get-Item {TEMP}\\Sub\\a.bin).FullName; (Get-Item {TEMP}\\Sub).GetType().Name", [f"{TEMP}\\Sub\\a.bin", "DirectoryInfo"]),
    (MADE + f"$h = Get-FileHash -LiteralPath {TEMP}\\Sub\\a.bin; $h.Algorithm; $h.Hash; $h.Path; (Get-FileHash {TEMP}\\Sub\\a.bin -Algorithm md5).Hash",
     ["SHA256", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", f"{TEMP}\\Sub\\a.bin", "900150983CD24FB0D6963F7D28E17F72"]),
    ("[IO.Path]::GetDirectoryName('C:\\a\\b.txt'); [IO.Path]::GetDirectoryName('C:\\a\\'); [IO.Path]::GetDirectoryName('C:\\a'); $null -eq [IO.Path]::GetDirectoryName('C:\\')",
     ["C:\\a", "C:\\a", "C:\\", "True"]),
    ("[IO.Path]::Combine('C:\\a', 'b', 'c'); [IO.Path]::Combine('C:\\a\\', 'b\\', 'c'); [IO.Path]::Combine('a', 'D:\\b', ''); [IO.Path]::Combine('a', '\\b')",
     ["C:\\a\\b\\c", "C:\\a\\b\\c", "D:\\b", "\\b"]),
    ("[Environment]::ExpandEnvironmentVariables('%SystemRoot%\\System32\\%os%.dll'); [Environment]::ExpandEnvironmentVariables('100% sure, %')",
     ["C:\\Windows\\System32\\Windows_NT.dll", "100% sure, %"]),
    (MADE + f"icacls.exe {TEMP}\\Sub {GRANTS} | Out-Null; $LASTEXITCODE; icacls {TEMP}\\None {GRANTS} 2>$null | Out-Null; $LASTEXITCODE", ["0", "2"]),
])
def test_right(script: str, expected: list[str]) -> None:
    assert run(script, Machine.stock()) == expected


@pytest.mark.parametrize(("failing", "inner", "text"), [
    ("[IO.File]::WriteAllBytes('C:\\none\\a', [byte[]](1))", "System.IO.DirectoryNotFoundException", "Could not find a part of the path 'C:\\none\\a'."),
    ("[IO.File]::ReadAllBytes('C:\\Windows\\none')", "System.IO.FileNotFoundException", "Could not find file 'C:\\Windows\\none'."),
    ("[IO.File]::ReadAllBytes('C:\\none\\a')", "System.IO.DirectoryNotFoundException", "Could not find a part of the path 'C:\\none\\a'."),
    ("[IO.File]::ReadAllBytes('C:\\Windows')", "System.UnauthorizedAccessException", "Access to the path 'C:\\Windows' is denied."),
    ("[IO.File]::WriteAllBytes('C:\\Windows', [byte[]](1))", "System.UnauthorizedAccessException", "Access to the path 'C:\\Windows' is denied."),
    ("[IO.File]::Delete('C:\\none\\a')", "System.IO.DirectoryNotFoundException", "Could not find a part of the path 'C:\\none\\a'."),
    ("[IO.File]::Delete('C:\\Windows')", "System.UnauthorizedAccessException", "Access to the path 'C:\\Windows' is denied."),
    ("[IO.Directory]::Delete('C:\\none')", "System.IO.DirectoryNotFoundException", "Could not find a part of the path 'C:\\none'."),
    ("[IO.Directory]::Delete('C:\\Windows')", "System.IO.IOException", "The directory is not empty."),
    ("[IO.Directory]::GetFileSystemEntries('C:\\none')", "System.IO.DirectoryNotFoundException", "Could not find a part of the path 'C:\\none'."),
    (f"[IO.Directory]::CreateDirectory('{TEMP}\\Sub\\a.bin\\b')", "System.IO.IOException", "because a file or directory with the same name already exists."),
    ("[IO.File]::WriteAllBytes('C:\\Windows\\System32\\ias\\ias.xml', [byte[]](1))", "System.UnauthorizedAccessException", "ias.xml' is denied."),
    ("[IO.File]::Delete('C:\\Windows\\System32\\ias\\ias.xml')", "System.UnauthorizedAccessException", "ias.xml' is denied."),
])
def test_what_the_file_system_refuses_is_net_s_exception_and_changes_nothing(failing: str, inner: str, text: str) -> None:
    machine = Machine.stock()
    run(MADE, machine)
    before = machine.facts()

    said = run(f"try {{ {failing}; 'done' }} catch [{inner}] {{ $_.Exception.InnerException.GetType().FullName; $_.Exception.InnerException.Message }}", machine)
    assert said[0] == inner
    assert text in said[1]
    assert machine.facts() == before


def test_a_hash_of_no_file_is_an_error_that_is_no_refusal() -> None:
    assert run("Get-FileHash -LiteralPath C:\\none -ErrorAction SilentlyContinue; try { Get-FileHash -LiteralPath C:\\none -ErrorAction Stop } catch { $_.CategoryInfo.Category }",
               Machine.stock()) == ["ObjectNotFound"]


@pytest.mark.parametrize(("script", "named"), [
    ("[IO.File]::Exists('a')", "absolute"), ("[IO.File]::Exists('D:\\a')", "absolute"), ("[IO.File]::Exists('\\\\server\\share\\a')", "absolute"),
    ("[IO.Directory]::Exists('C:\\Windows\\..')", "absolute"), ("[IO.File]::WriteAllBytes('C:\\Windows\\a:b', [byte[]](1))", "absolute"),
    ("[IO.Path]::GetDirectoryName('a\\b')", "absolute"), ("Test-Path -LiteralPath C:\\Windows\\..\\a", "absolute"), ("[IO.Directory]::GetFiles('C:\\')", "GetFiles"),
    (MADE + f"Remove-Item -LiteralPath {TEMP}\\Sub", "-Recurse"), ("Get-FileHash C:\\*", "wildcards"), ("Get-FileHash C:\\a -Algorithm RIPEMD160", "RIPEMD160"),
    ("Get-FileHash -Path C:\\a -LiteralPath C:\\a", "both"), ("[Environment]::ExpandEnvironmentVariables('%PUBLIC%')", "PUBLIC"),
    (f"icacls {TEMP}", "icacls"), (f"icacls {TEMP} /inheritance:r /grant:r Everyone:F", "Everyone"), (f"icacls {TEMP} /reset", "/reset"),
    (f"icacls {TEMP} /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F'", "takes the rights"), (f"icacls a {GRANTS}", "the path 'a'"),
    (f"icacls {TEMP} /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)R' '*S-1-5-32-544:F'", "icacls"),
])
def test_refused(script: str, named: str) -> None:
    assert named in refusal(script, Machine.stock())
