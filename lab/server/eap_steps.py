"""Provisioning steps of IKEv2 with EAP: the program that stands in for eapahost.dll, and what ias.xml allows."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from pathlib import Path

from lab.errors import ConfigError
from lab.server.steps import Step

EAPHOST = Path(__file__).parents[2] / "fixtures" / "eaphost"
"""Where the program's sources are."""
FACES = ("core", "windows")
"""Folders of them that make it on Windows."""
THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}|")  # 0123456789abcdef0123456789abcdef01234567


class Method(IntEnum):
    """EAP methods of the program, by their registered types."""

    TLS = 13
    PEAP = 25
    MSCHAPV2 = 26


PREFERENCE = (Method.MSCHAPV2, Method.PEAP, Method.TLS)
"""What is offered first, second and third, where nothing else is said."""


class Authentication(IntEnum):
    """Authentication types of ias.xml that EAP needs (sdoias.h, IAS_AUTH_...)."""

    EAP = 5
    """For any method."""
    PEAP = 11
    """For PEAP as well."""


class Passwords(StrEnum):
    """Who checks an MS-CHAPv2 response."""

    LSA = "lsa"
    """Windows' local security authority, asked by the program."""
    CALLER = "caller"
    """The policy engine that called the program (unverified: that it does)."""


def eaphost(
    *, certificate: str = "", methods: Sequence[Method] = PREFERENCE, passwords: Passwords = Passwords.LSA,
    logging: bool = False, folder: Path = EAPHOST,
) -> Step:
    r"""Compile and register the replacement for eapahost.dll.

    Args:
        certificate: SHA-1 thumbprint of the server's certificate in LocalMachine\My, for EAP-TLS and PEAP; "" for the one with serverAuth
            that is valid longest.
        methods: what is offered, the preferred one first; a peer's Nak chooses among them.
        passwords: who checks them.
        logging: the build that records raw arguments, keys among them.
        folder: the sources.

    Raises:
        ConfigError: the thumbprint is none, no method or one twice is offered, or there are no sources.
    """
    if not THUMBPRINT.fullmatch(certificate):
        raise ConfigError(f"the certificate of the EAP host: expected a thumbprint of 40 hexadecimal digits or nothing, got '{certificate}'")
    if not methods or len(set(methods)) != len(methods):
        raise ConfigError(f"the methods of the EAP host: expected at least one and none twice, got {', '.join(one.name for one in methods) or 'none'}")
    sources = read_sources(folder)
    settings = {"certificate": certificate, "methods": ",".join(str(int(one)) for one in methods), "passwords": passwords.value, "logging": logging}
    digest = hashlib.sha256(json.dumps([sources, settings], sort_keys=True).encode()).hexdigest()
    return Step(name="eaphost", script="install-eaphost", because="Windows 10 lacks eapahost.dll, without which no EAP method answers",
                parameters={"sources": dict(sources), "digest": digest, **settings})


def ias_policy(
    *, peap: bool = False, authentication_types: Sequence[Authentication] = (Authentication.EAP,), eap_types: Sequence[Method] = (),
) -> Step:
    """Allow EAP in ias.xml, the policy of RemoteAccess; what is allowed there already stays.

    Args:
        peap: PEAP too: adds its authentication type and its EAP type to those given.
        authentication_types: what to add to msNPAuthenticationType2.
        eap_types: what to add to msNPAllowedEapType; a stock Windows 10 has EAP-TLS and EAP-MSCHAPv2 there (docs/unverified.md).

    Raises:
        ConfigError: nothing would be added, or one type twice.
    """
    authentication = [*authentication_types, *([Authentication.PEAP] if peap else [])]
    methods = [*eap_types, *([Method.PEAP] if peap else [])]
    if not authentication and not methods:
        raise ConfigError("what ias.xml is to allow: expected an authentication type or an EAP type at least, got none")
    if len(set(authentication)) != len(authentication) or len(set(methods)) != len(methods):
        raise ConfigError(f"what ias.xml is to allow: expected no type twice, got {', '.join(one.name for one in (*authentication, *methods))}",
                          hint="peap=True adds both types of PEAP itself")
    return Step(name="ias-policy", script="ias-policy", because="ias.xml allows no EAP on a stock Windows 10, and no PEAP",
                parameters={"authenticationTypes": [str(int(one)) for one in authentication], "eapTypes": [f"{int(one):02x}{'00' * 15}" for one in methods]})


def read_sources(folder: Path = EAPHOST) -> dict[str, str]:
    """Return the sources of the Windows face: path with backslashes, and content in base64. Raises ConfigError when a folder has none."""
    found: dict[str, str] = {}
    for face in FACES:
        files = sorted((folder / face).glob("*.cs"))
        if not files:
            raise ConfigError(f"the sources of the EAP host: {folder / face} has no *.cs file")
        found |= {f"{face}\\{one.name}": base64.b64encode(one.read_bytes()).decode() for one in files}
    return found
