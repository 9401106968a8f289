"""New-SelfSignedCertificate: the article's line with and without its text extension, and what is not known."""

from __future__ import annotations

import datetime as dt

import pytest
from article_lines import CONSTRAINED_ROOT, ROOT
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from twin_scripts import refusal, run

from lab.twin.windows.machine import Machine

SMALL = "New-SelfSignedCertificate -Type Custom -Subject small -KeyLength 1024"


def made(script: str, store: str = "currentuser") -> tuple[Machine, x509.Certificate]:
    machine = Machine.stock()
    run(f"{script} | Out-Null", machine)
    (stored,) = {"currentuser": machine.user_certificates, "localmachine": machine.certificates}[store].store("My")
    return machine, stored.certificate


def extensions(certificate: x509.Certificate) -> dict[str, object]:
    return {one.oid.dotted_string: one.value for one in certificate.extensions}


@pytest.mark.parametrize(("line", "constraints"), [(ROOT, None), (CONSTRAINED_ROOT, x509.BasicConstraints(ca=True, path_length=None))], ids=["without", "with"])
def test_the_articles_root(line: str, constraints: object) -> None:
    machine, certificate = made(line)
    key = certificate.public_key()
    certificate.verify_directly_issued_by(certificate)

    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 4096
    assert certificate.subject.rfc4514_string() == "CN=insert your name here"
    assert certificate.not_valid_after_utc == dt.datetime(2061, 8, 1, tzinfo=dt.UTC)
    assert extensions(certificate).get("2.5.29.19") == constraints
    usage = extensions(certificate)["2.5.29.15"]
    assert isinstance(usage, x509.KeyUsage)
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, False, False)
    assert len(machine.user_certificates.key_files) == 1
    assert machine.certificates.store("My") == []


def test_it_is_found_read_and_removed_where_it_was_put() -> None:
    machine = Machine.stock()
    said = run(f"$c = {SMALL} -CertStoreLocation Cert:\\CurrentUser\\My; $p = \"Cert:\\CurrentUser\\My\\$($c.Thumbprint)\"; Test-Path $p;"
               " (Get-Item $p).HasPrivateKey; @(Get-ChildItem Cert:\\LocalMachine\\My).Count; $c.RawData.Length -gt 300; Remove-Item -Path $p -DeleteKey; Test-Path $p", machine)

    assert said == ["True", "True", "0", "True", "False"]
    assert machine.facts() == Machine.stock().facts()


@pytest.mark.parametrize(("more", "usages"), [
    ("", {"digital_signature", "key_encipherment"}), (" -KeyUsage None", None), (" -KeyUsage CertSign, CRLSign", {"key_cert_sign", "crl_sign"}),
])
def test_key_usage(more: str, usages: set[str] | None) -> None:
    usage = extensions(made(SMALL + more, "localmachine")[1]).get("2.5.29.15")

    known = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    assert (None if usage is None else {name for name in known if getattr(usage, name)}) == usages


def test_it_is_valid_for_a_year_from_ten_minutes_ago() -> None:
    certificate = made(SMALL, "localmachine")[1]
    ago = dt.datetime.now(dt.UTC) - certificate.not_valid_before_utc

    assert dt.timedelta(minutes=10) <= ago < dt.timedelta(minutes=11)
    assert dt.timedelta(days=365) <= certificate.not_valid_after_utc - certificate.not_valid_before_utc <= dt.timedelta(days=366)


def test_a_reset_forgets_it() -> None:
    machine, _ = made(SMALL + " -CertStoreLocation Cert:\\CurrentUser\\My")
    assert machine.facts() != Machine.stock().facts()
    machine.reset()

    assert machine.facts() == Machine.stock().facts()


@pytest.mark.parametrize(("more", "named"), [
    (" -Signer x", "-Signer"), (" -DnsName a", "-DnsName"), (" -CertStoreLocation Cert:\\LocalMachine\\Root", "Root"), (" -KeyAlgorithm ECDSA_P256", "ECDSA_P256"),
    (" -TextExtension '2.5.29.37={text}1.3.6.1.5.5.7.3.1'", "2.5.29.37"), (" -TextExtension '2.5.29.19={text}CA=True', '2.5.29.19={text}CA=True'", "TextExtension"),
    (" -TextExtension '2.5.29.19={text}CA=perhaps'", "perhaps"), (" -NotAfter 1.8.2061", "1.8.2061"), (" -NotAfter 2001-01-01", "before it begins"),
    (" -KeyUsage KeyAgreement", "KeyAgreement"), (" -HashAlgorithm SHA1", "SHA1"),
])
def test_refused(more: str, named: str) -> None:
    machine = Machine.stock()

    assert named in refusal(SMALL + more, machine)
    assert machine.certificates.store("My") == []


@pytest.mark.parametrize("script", [SMALL.replace("Custom", "SSLServerAuthentication"), SMALL.replace("1024", "1000"), SMALL.replace("small", "'CN=a, O=b'"),
                                    "Test-Path Cert:\\Elsewhere\\My"])
def test_refused_too(script: str) -> None:
    assert "not supported by the twin" in refusal(script, Machine.stock())
