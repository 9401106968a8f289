"""Cmdlets of the machine: registry, services, certificates, programs, as far as their manner is PowerShell's or the provider's."""

from __future__ import annotations

import pytest
from twin_scripts import run

from lab.twin.windows.machine import Machine

KEY = "$k = 'HKLM:\\SOFTWARE\\T'; New-Item $k -Force | Out-Null; "


@pytest.mark.parametrize(("script", "expected"), [
    (KEY + "Set-ItemProperty $k -Name a -Value 5; (Get-Item $k).GetValue('a').GetType().Name; (Get-ItemProperty $k).a", ["Int32", "5"]),
    (KEY + "Set-ItemProperty $k -Name a -Value 5; Set-ItemProperty $k -Name a -Value '7'; (Get-Item $k).GetValue('a') + 1", ["8"]),
    (KEY + "Set-ItemProperty $k -Name a -Value 3232255432; (Get-Item $k).GetValue('a').GetType().Name", ["String"]),  # a long without -Type
    (KEY + "try { Set-ItemProperty $k -Name a -Value 3232255432 -Type DWord -ErrorAction Stop } catch { 'range' }", ["range"]),
    (KEY + "Set-ItemProperty $k -Name a -Value -1062711864 -Type DWord; '{0:x8}' -f (Get-Item $k).GetValue('a')", ["c0a84dc8"]),
    (KEY + "(New-ItemProperty $k -Name a -Value 1 -PropertyType DWord).a; try { New-ItemProperty $k -Name a -Value 1 -EA Stop } catch { 'exists' }",
     ["1", "exists"]),
    (KEY + "Set-ItemProperty $k -Name a -Value 5; New-Item $k -Force | Out-Null; (Get-Item $k).ValueCount", ["0"]),
    (KEY + "@(New-Item $k -EA SilentlyContinue).Count; Test-Path $k; Remove-Item $k; Test-Path $k", ["0", "True", "False"]),
    (KEY + "$null -eq (Get-Item $k).GetValue('none'); (Get-Item $k).GetValue('none', 3); (Get-Item $k).PSChildName", ["True", "3", "T"]),
    (KEY + "Set-ItemProperty $k -Name m -Value ([string[]]('x','y')); (Get-ItemProperty $k).m -join ','", ["x,y"]),
    ("Set-ItemProperty HKLM:\\SYSTEM -Name m -Value 1 6>$null; Remove-ItemProperty HKLM:\\SYSTEM -Name m; $?", ["True"]),
    ("(Get-Service RasMan).Status -eq 'Running'; (Get-Service RasMan).Status -eq 4; [int](Get-Service RemoteAccess).StartType", ["True", "True", "4"]),
    ("@(Get-Service Ras*).Name -join ','; (Get-Service RasMan).Count", ["RasMan", "1"]),
    ("'RasMan','SstpSvc' | Get-Service | Where-Object Status -eq 'Running' | ForEach-Object Name", ["RasMan"]),
    ("Set-Service RemoteAccess -StartupType Manual; Start-Service RemoteAccess; try { Stop-Service RasMan -ErrorAction Stop } catch { 'dependent' };"
     " Stop-Service RasMan -Force; (Get-Service RemoteAccess).Status", ["dependent", "Stopped"]),
    ("try { Start-Service } catch { 'mandatory' }; @() | Start-Service; $?", ["mandatory", "True"]),
    ("hostname; $LASTEXITCODE; $?; sc.exe query nope > $null; $?; $LASTEXITCODE", ["WIN10VPN", "0", "True", "False", "1060"]),
    ("& $env:windir\\System32\\netsh.exe ras show conf | Out-Null; $LASTEXITCODE; & { $n = 'hostname.exe'; & $n }", ["0", "WIN10VPN"]),
    ("$s = New-Object System.Security.Cryptography.X509Certificates.X509Store -ArgumentList 'My', 'LocalMachine'; $s.Open('ReadOnly'); $s.Close();"
     " $s.Certificates.Count", ["0"]),
    ("try { New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 -ArgumentList (,[byte[]](1,2)) }"
     " catch [System.Security.Cryptography.CryptographicException] { 'bad' }", ["bad"]),
    ("[IO.File]::WriteAllBytes('C:\\Windows\\Temp\\x', [byte[]](1,2)); [IO.File]::ReadAllBytes('C:\\Windows\\Temp\\x').Count; Test-Path C:\\Windows\\Temp\\x",
     ["2", "True"]),
    ("try { [IO.File]::ReadAllBytes('C:\\nope') } catch [System.IO.FileNotFoundException] { 'none' }", ["none"]),
])
def test_machine(script: str, expected: list[str]) -> None:
    assert run(script, Machine.stock()) == expected


def test_void_methods_and_silent_cmdlets_write_nothing() -> None:
    script = ("function F { $s = New-Object System.Security.Cryptography.X509Certificates.X509Store -ArgumentList 'My', 'LocalMachine';"
              " $s.Open('ReadWrite'); $s.Close(); $h = @{}; $h.Add('a', 1); $h.Remove('a'); [void]$h.Count;"
              " Set-ItemProperty HKLM:\\SYSTEM -Name a -Value 1; [IO.File]::Delete('C:\\x') }; @(F).Count")

    assert run(script, Machine.stock()) == ["0"]
