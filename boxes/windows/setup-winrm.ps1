# Makes a fresh Windows 10 reachable by WinRM, once, at the first logon; the answer file runs it from the floppy disk.
# HTTP (5985) serves Negotiate with message encryption, which Vagrant and the suite use; HTTPS (5986) serves Packer, whose client does not
# encrypt NTLM messages itself. Basic authentication and unencrypted messages stay off, as Windows has them.
# Also for a Windows that exists already (docs/windows-box.md): run it in an elevated PowerShell; safe to run again.
# Source: learn.microsoft.com, Enable-PSRemoting, New-SelfSignedCertificate, about_WSMan_Provider. Windows PowerShell 5.1.
# Unverified on real Windows: everything here; not run here.
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

# Programs do not throw.
function Invoke-Tool([string] $Name, [string[]] $Arguments) {
    & $Name @Arguments | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "$Name $($Arguments -join ' ') failed with exit code $LASTEXITCODE" }
}

# On a client edition Enable-PSRemoting refuses while any network is Public, which every new one is; the switch lets it go on.
Enable-PSRemoting -SkipNetworkProfileCheck -Force | Out-Null
Set-Service -Name WinRM -StartupType Automatic

foreach ($setting in 'AllowUnencrypted', 'Auth\Basic') {
    $value = (Get-Item -LiteralPath "WSMan:\localhost\Service\$setting").Value
    if ($value -ne 'false') { throw "WinRM has $setting $value, expected false, as it is on a fresh Windows" }
}

# The certificate is not put among the trusted roots: RRAS chooses IKEv2's certificate from the same store by itself, and one whose
# issuer nobody trusts is no candidate (inferred). Ten years: the suite moves the clock, never so far.
$listeners = @(Get-ChildItem -LiteralPath WSMan:\localhost\Listener | Where-Object { $_.Keys -contains 'Transport=HTTPS' })
if ($listeners.Count -eq 0) {
    $until = (Get-Date).AddYears(10)
    $name = [System.Net.Dns]::GetHostName()
    $certificate = New-SelfSignedCertificate -DnsName $name -CertStoreLocation Cert:\LocalMachine\My -NotAfter $until
    New-Item -Path WSMan:\localhost\Listener -Transport HTTPS -Address '*' -CertificateThumbPrint $certificate.Thumbprint -Force | Out-Null
}

# Without it a local administrator who comes over the network gets a filtered token and may change nothing (UAC).
$policies = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System'
Set-ItemProperty -LiteralPath $policies -Name LocalAccountTokenFilterPolicy -Value 1 -Type DWord

# Windows' default is 42 days, after which every logon over the network is refused.
if (Get-LocalUser | Where-Object { $_.Name -eq 'vagrant' }) { Set-LocalUser -Name vagrant -PasswordNeverExpires $true }

foreach ($timeout in 'standby-timeout-ac', 'hibernate-timeout-ac', 'monitor-timeout-ac', 'disk-timeout-ac') {
    Invoke-Tool 'powercfg.exe' @('/change', $timeout, '0')
}
Invoke-Tool 'powercfg.exe' @('/hibernate', 'off')

# Last, because Packer takes an open port for a finished machine. For every profile: the suite changes profiles, and a rule for Private
# alone would lock it out. Only neighbours: the hypervisor is one on the management network.
if (-not (Get-NetFirewallRule | Where-Object { $_.Name -eq 'lab-winrm' })) {
    New-NetFirewallRule -Name lab-winrm -DisplayName 'lab: WinRM' -Direction Inbound -Action Allow -Protocol TCP -LocalPort 5985, 5986 -RemoteAddress LocalSubnet -Profile Any | Out-Null
}
