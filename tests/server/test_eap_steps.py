"""The steps of EAP: what they carry, and what is refused before it reaches a server."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from lab.errors import ConfigError
from lab.server.eap_steps import EAPHOST, Authentication, Method, Passwords, eaphost, ias_policy, read_sources


def test_it_carries_every_source_of_the_windows_face_and_none_of_linux() -> None:
    sources = read_sources()

    assert set(sources) == {f"{file.parent.name}\\{file.name}" for file in EAPHOST.rglob("*.cs") if file.parent.name != "linux"}
    assert base64.b64decode(sources["core\\EapSession.cs"]) == (EAPHOST / "core" / "EapSession.cs").read_bytes()


def test_its_digest_tells_builds_and_settings_apart(tmp_path: Path) -> None:
    for face in ("core", "windows"):
        (tmp_path / face).mkdir()
        (tmp_path / face / "One.cs").write_text("class One { }")
    digests = {eaphost(**given).parameters["digest"] for given in (  # type: ignore[arg-type]
        {}, {"logging": True}, {"passwords": Passwords.CALLER}, {"certificate": "0" * 40}, {"methods": [Method.TLS]}, {"folder": tmp_path})}

    assert len(digests) == 6
    assert eaphost().parameters["digest"] == eaphost().parameters["digest"]


def test_its_settings_are_what_the_program_reads() -> None:
    given = eaphost(certificate="a" * 40, methods=[Method.TLS, Method.MSCHAPV2], passwords=Passwords.CALLER).parameters

    assert {name: given[name] for name in ("certificate", "methods", "passwords", "logging")} == {
        "certificate": "a" * 40, "methods": "13,26", "passwords": "caller", "logging": False}


@pytest.mark.parametrize("thumbprint", ["0", "g" * 40, "0" * 41, "0" * 40 + "\n", "'; Remove-Item"])
def test_a_thumbprint_that_is_none_is_refused(thumbprint: str) -> None:
    with pytest.raises(ConfigError, match="the certificate of the EAP host: expected a thumbprint of 40 hexadecimal digits"):
        eaphost(certificate=thumbprint)


@pytest.mark.parametrize("methods", [[], [Method.TLS, Method.TLS]])
def test_methods_must_be_some_and_none_twice(methods: list[Method]) -> None:
    with pytest.raises(ConfigError, match="the methods of the EAP host: expected at least one and none twice"):
        eaphost(methods=methods)


def test_a_folder_without_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no \*.cs file"):
        eaphost(folder=tmp_path)


@pytest.mark.parametrize(("given", "authentication", "eap"), [
    ({}, ["5"], []), ({"peap": True}, ["5", "11"], ["19" + "00" * 15]), ({"eap_types": [Method.TLS], "authentication_types": []}, [], ["0d" + "00" * 15]),
])
def test_the_policy_names_types_as_the_file_does(given: dict[str, object], authentication: list[str], eap: list[str]) -> None:
    assert ias_policy(**given).parameters == {"authenticationTypes": authentication, "eapTypes": eap}  # type: ignore[arg-type]


@pytest.mark.parametrize(("given", "complaint"), [
    ({"authentication_types": []}, "expected an authentication type or an EAP type at least, got none"),
    ({"peap": True, "eap_types": [Method.PEAP]}, "expected no type twice, got EAP, PEAP, PEAP, PEAP"),
    ({"authentication_types": [Authentication.EAP] * 2}, "expected no type twice, got EAP, EAP"),
])
def test_a_policy_that_adds_nothing_or_one_type_twice_is_refused(given: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        ias_policy(**given)  # type: ignore[arg-type]
