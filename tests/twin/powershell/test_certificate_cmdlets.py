"""Private keys of certificates: their files outlive what was opened and removed, unless the key is removed too."""

from __future__ import annotations

import base64
from functools import lru_cache

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from twin_scripts import refusal, run

from lab.pki import RunPki
from lab.secrets import Secret
from lab.twin.windows.certificates import Stored
from lab.twin.windows.machine import Machine

PASSWORD = "pass-Word1"
TYPE = "System.Security.Cryptography.X509Certificates"
KEPT, OPENED = "'MachineKeySet, PersistKeySet'", "'MachineKeySet'"
STORE = f"$s = New-Object {TYPE}.X509Store -ArgumentList 'My', 'LocalMachine'; $s.Open('ReadWrite'); "


@lru_cache(maxsize=1)
def pki() -> RunPki:
    return RunPki("vpn.example.test")


def opening(flags: str) -> str:
    pfx = base64.b64encode(pki().server.pkcs12(Secret(PASSWORD))).decode()
    return f"$c = New-Object {TYPE}.X509Certificate2 -ArgumentList ([Convert]::FromBase64String('{pfx}')), '{PASSWORD}', {flags}; "


PUT = STORE + opening(KEPT) + "$s.Add($c); $p = \"Cert:\\LocalMachine\\My\\$($c.Thumbprint)\"; "


def left(script: str) -> tuple[int, int]:
    """Return how many certificates and how many key files a script leaves."""
    machine = Machine.stock()
    run(script, machine)
    return len(machine.certificates.store("My")), len(machine.certificates.key_files)


@pytest.mark.parametrize(("script", "certificates", "files"), [
    (opening(OPENED), 0, 0), (opening(KEPT), 0, 1), (opening(KEPT) * 2, 0, 2), (PUT, 1, 1), (PUT + "Remove-Item -LiteralPath $p", 0, 1),
    (PUT + "Remove-Item $p -DeleteKey:$false", 0, 1), (PUT + "$s.Remove($c)", 0, 1), (PUT + "Remove-Item -Path $p -DeleteKey", 0, 0),
    (PUT + opening(KEPT) + "Remove-Item -Path $p -DeleteKey", 0, 1),
], ids=["opened", "kept", "kept twice", "in the store", "removed", "removed without key", "removed by .NET", "removed with key", "another's file"])
def test_what_stays(script: str, certificates: int, files: int) -> None:
    assert left(script) == (certificates, files)


def test_a_certificate_without_key_is_removed_all_the_same() -> None:
    machine = Machine.stock()
    machine.certificates.add("Root", Stored(pki().authority.certificate))
    run("Get-ChildItem Cert:\\LocalMachine\\Root | ForEach-Object { Remove-Item -Path \"Cert:\\LocalMachine\\Root\\$($_.Thumbprint)\" -DeleteKey }", machine)

    assert machine.certificates.store("Root") == []


def test_a_certificate_that_is_not_there_is_an_error() -> None:
    script = "try { Remove-Item -Path Cert:\\LocalMachine\\My\\00 -DeleteKey -ErrorAction Stop } catch { $_.FullyQualifiedErrorId }"

    assert run(script, Machine.stock()) == ["PathNotFound"]


def test_other_drives_have_no_such_parameter_and_nothing_is_removed() -> None:
    machine = Machine.stock()
    said = run("try { Remove-Item -Path HKLM:\\SYSTEM -DeleteKey -Recurse } catch { $_.FullyQualifiedErrorId; $_.Exception.Message }", machine)

    assert said == ["NamedParameterNotFound,Remove-Item", "A parameter cannot be found that matches parameter name 'DeleteKey'."]
    assert machine.registry.key("SYSTEM") is not None


@pytest.mark.parametrize(("script", "named"), [
    (PUT + "Remove-Item -LiteralPath $p -DeleteKey", "-DeleteKey without -Path"), (PUT + "$p | Remove-Item -DeleteKey", "-DeleteKey without -Path"),
    (PUT + "Remove-Item -Path Cert:\\LocalMachine\\My\\* -DeleteKey", "wildcards"), (opening("'PersistKeySet'"), "user's store"),
    (STORE + opening(OPENED) + "$s.Add($c)", "write PersistKeySet"), (opening("'EphemeralKeySet'"), "ephemeralkeyset"),
])
def test_refused(script: str, named: str) -> None:
    assert named in refusal(script, Machine.stock())


EXPORT = "[Convert]::ToBase64String($c.Export('Pfx', 'another-1'))"


def test_an_exportable_key_may_leave_and_another_may_not() -> None:
    taken = base64.b64decode(str(run(opening("'MachineKeySet, Exportable'") + EXPORT, Machine.stock())[0]))
    key, certificate, _ = pkcs12.load_key_and_certificates(taken, b"another-1")
    kept_back = run(opening(OPENED) + f"try {{ {EXPORT} }} catch {{ $_.Exception.InnerException.Message.Trim() }}", Machine.stock())

    assert certificate == pki().server.certificate
    assert key is not None
    assert key.private_numbers() == pki().server.key.private_numbers()  # type: ignore[union-attr]
    assert kept_back == ["Key not valid for use in specified state."]
    assert run(opening(OPENED) + "[Convert]::ToBase64String($c.Export('Cert')) -eq [Convert]::ToBase64String($c.RawData)", Machine.stock()) == ["True"]
    assert "not supported by the twin" in refusal(opening(OPENED) + "$c.Export('SerializedCert')", Machine.stock())


@pytest.mark.parametrize(("policy", "may"), [("Exportable", True), ("ExportableEncrypted", True), ("NonExportable", False)])
def test_a_self_signed_certificate_has_the_policy_that_was_asked_for(policy: str, may: bool) -> None:
    machine = Machine.stock()
    run(f"New-SelfSignedCertificate -Subject small -Type Custom -KeyLength 1024 -KeyExportPolicy {policy} | Out-Null", machine)

    assert [one.exportable for one in machine.certificates.store("My")] == [may]
