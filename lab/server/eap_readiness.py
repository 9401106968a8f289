"""Whether a server can serve IKEv2 with EAP, and if not, which of the causes hold: in words, each with its remedy. Changes nothing.

Four things must be right at once, and each alone looks to a client like the others: the EAP bit of ServerFlags, what ias.xml allows (for any
method, for PEAP), and a program in the place of eapahost.dll (the article: EAP, Missing EAP Component). Read as they are set now; RemoteAccess
takes them when it starts.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

from lab import budgets
from lab.errors import CommandFailed
from lab.probe.probe import JSON
from lab.server.eap_steps import Authentication, Method
from lab.server.session import WindowsSession
from lab.server.steps import EAP
from lab.waiting import Deadline

IAS_XML = r"C:\Windows\System32\ias\ias.xml"
SECTION = "Connections_to_Microsoft_Routing_and_Remote_Access_server"
PROPERTIES = f"Children/Microsoft_Internet_Authentication_Service/Children/RadiusProfiles/Children/{SECTION}/Properties"
"""Where RRAS's clients are judged (the article; public exports of Network Policy Servers)."""
EVERY_METHOD = frozenset(Method)


class Part(StrEnum):
    """What can be wrong."""

    SERVER_FLAGS = "server-flags"
    IAS_AUTHENTICATION_TYPE = "ias-authentication-type"
    IAS_PEAP_AUTHENTICATION_TYPE = "ias-peap-authentication-type"
    IAS_EAP_TYPE = "ias-eap-type"
    IAS_FILE = "ias-file"
    COMPONENT = "component"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that is wrong."""

    part: Part
    text: str
    """What is wrong, where."""
    remedy: str
    refuses: frozenset[Method]
    """Methods that do not work because of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EapReadiness:
    """What was found."""

    causes: tuple[Cause, ...]

    def refusing(self, method: Method) -> tuple[Cause, ...]:
        """Return why a method does not work; empty if it does."""
        return tuple(cause for cause in self.causes if method in cause.refuses)

    @property
    def parts(self) -> frozenset[Part]:
        """What is wrong."""
        return frozenset(cause.part for cause in self.causes)

    def __str__(self) -> str:
        """Return it in words, a line for each cause."""
        return "\n".join(f"{cause.text}; {cause.remedy}" for cause in self.causes) or "everything that EAP needs is there"


def read(session: WindowsSession, scripts: Path) -> EapReadiness:
    """Read it.

    Args:
        session: with the server.
        scripts: the folder fixtures/windows.

    Raises:
        CommandFailed: the answer cannot be read.
        LinkLost: the server cannot be reached.
    """
    raw = session.run_script("eap-readiness", (scripts / "eap-readiness.ps1").read_text(), {}, Deadline(budgets.WINRM_CALL))
    if not isinstance(raw, dict):
        raise CommandFailed(f"eap-readiness: expected an object, got {raw!r}")
    return judge(raw)


def judge(found: Mapping[str, JSON]) -> EapReadiness:
    """Return what the answer of eap-readiness.ps1 means. Raises CommandFailed: ias.xml did not arrive."""
    causes = []
    flags = int(str(found["flags"] or 0)) & 0xFFFFFFFF
    if not flags & EAP:
        causes.append(Cause(part=Part.SERVER_FLAGS, text=f"ServerFlags is 0x{flags:08x}, lacks 0x{EAP:08x}, so EAP is off", refuses=EVERY_METHOD,
                            remedy="set the bit (server-flags.ps1) and restart RemoteAccess"))
    causes += _policy_causes(found["policy"])
    if wrong := _component_problem(found):
        causes.append(Cause(part=Part.COMPONENT, text=f"eapahost.dll is missing, and no program in its place: {wrong}", refuses=EVERY_METHOD,
                            remedy="install the replacement (install-eaphost.ps1; docs/eaphost.md)"))
    return EapReadiness(causes=tuple(causes))


def _component_problem(found: Mapping[str, JSON]) -> str:
    """Return what is wrong with the program that RemoteAccess would call; "" for nothing."""
    if not found["class"]:
        return "the class {8B4B437E-4CAB-4E83-89F6-7F9F7DF414EA} is not registered"
    if not found["command"]:
        return "its class has no LocalServer32"
    if not found["exists"]:
        return f"{found['program']} does not exist"
    if found["hash"] != found["built"]:
        return f"{found['program']} is not the one that was built"
    return "" if found["proxied"] else f"{found['program']} cannot be called, its interface has no proxy"


def _policy_causes(content: JSON) -> list[Cause]:
    remedy = "add it (ias-policy.ps1; docs/eaphost.md) and restart RemoteAccess"
    try:
        authentication, methods = _allowed(content)
    except _Unreadable as why:
        return [Cause(part=Part.IAS_FILE, text=f"{IAS_XML} allows nothing: {why}", refuses=EVERY_METHOD, remedy=f"sfc.exe /scanfile={IAS_XML} puts it back")]
    causes = []
    if Authentication.EAP not in authentication:
        causes.append(Cause(part=Part.IAS_AUTHENTICATION_TYPE, text=f"{IAS_XML} lacks authentication type 5 (EAP)", refuses=EVERY_METHOD, remedy=remedy))
    if Authentication.PEAP not in authentication:
        causes.append(Cause(part=Part.IAS_PEAP_AUTHENTICATION_TYPE, text=f"{IAS_XML} lacks authentication type 11 (PEAP)",
                            refuses=frozenset({Method.PEAP}), remedy=remedy))
    if missing := EVERY_METHOD - methods:
        names = ", ".join(f"{int(one):02x}{'00' * 15} ({one.name})" for one in sorted(missing))
        causes.append(Cause(part=Part.IAS_EAP_TYPE, text=f"{IAS_XML} lacks the EAP type {names}", refuses=frozenset(missing), remedy=remedy))
    return causes


class _Unreadable(Exception):
    """ias.xml says nothing that counts; the text says why."""


def _allowed(content: JSON) -> tuple[frozenset[int], frozenset[Method]]:
    """Return authentication types and EAP methods that a file allows. Raises _Unreadable; CommandFailed: it is no base64."""
    if content is None:
        raise _Unreadable("there is no such file")
    try:
        octets = base64.b64decode(str(content), validate=True)
    except binascii.Error as error:
        raise CommandFailed("eap-readiness: ias.xml did not arrive as base64") from error
    if b"<!DOCTYPE" in octets.replace(b"\0", b""):  # UTF-16 has a NUL in each of these letters
        raise _Unreadable("it has a document type, whose entities nobody follows")
    try:
        properties = ET.fromstring(octets).find(PROPERTIES)  # noqa: S314 - without a document type there is nothing that could grow
    except (ET.ParseError, LookupError, ValueError) as error:
        raise _Unreadable(f"it is not well-formed ({error})") from error
    if properties is None:
        raise _Unreadable(f"it has no {PROPERTIES}")
    types = {(one.text or "").strip() for one in properties.iterfind("msNPAuthenticationType2")}
    allowed = {(one.text or "").strip().lower() for one in properties.iterfind("msNPAllowedEapType")}
    return frozenset(int(one) for one in types if one.isdecimal()), frozenset(one for one in Method if f"{int(one):02x}{'00' * 15}" in allowed)
