r"""Which program answers for eapahost.dll: what COM would find when RemoteAccess asks for the class, and who the program is.

COM looks the class up, starts what its LocalServer32 names, and can call it only if the interface has a proxy. What the named file does is what
its bytes do: they must be those that csc.exe of this machine has compiled, and then our Linux face of the same core plays them.

Source: CLSID_HostAuthenticatorApis of the Windows SDK; learn.microsoft.com, LocalServer32. Inferred: that RemoteAccess asks for this class with
CLSCTX_LOCAL_SERVER (docs/eaphost.md, docs/unverified.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.twin.windows.csharp import NotBuilt
from lab.twin.windows.files import PathUnknown
from lab.twin.windows.machine import EAP_INTERFACE, Machine

CLASS = "{8B4B437E-4CAB-4E83-89F6-7F9F7DF414EA}"
CLASSES = r"SOFTWARE\Classes\CLSID"
SETTINGS = r"SOFTWARE\IncomingConnections\EapHost"
"""Read by the program when it starts (fixtures/eaphost/windows/Settings.cs)."""
VARIABLES = {"%systemroot%": "C:\\Windows", "%windir%": "C:\\Windows", "%programfiles%": "C:\\Program Files"}


class ComponentMissing(Exception):
    """Nothing answers for eapahost.dll; the text names it, the class, and what is wrong."""

    def __init__(self, wrong: str) -> None:
        super().__init__(f"eapahost.dll is not there, and no program in its place: class {CLASS} {wrong}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EapHost:
    """The program that answers."""

    program: str
    """Its Windows path."""
    build: Path
    """Its Linux face: `mono BUILD` (docs/eaphost.md)."""
    methods: tuple[int, ...]
    """EAP types that it offers, the preferred one first; none: those that its caller gives."""
    passwords: str
    """Who checks them: "lsa" or "caller"."""
    certificate: str
    """Thumbprint of the server's certificate; "": the one that is valid longest."""


def find_eaphost(machine: Machine) -> EapHost:
    """Return the program that RemoteAccess's call reaches now. Raises ComponentMissing."""
    program = _registered(machine)
    try:
        content = machine.files.get(program.lower())
        if content is None:
            raise ComponentMissing(f"names {program}, which does not exist")
        build = machine.csharp.build_of(content)
    except NotBuilt as why:
        raise ComponentMissing(f"names {program}, which is not the EAP host: {why}") from None
    proxy = _missing_proxy(machine)
    if proxy:
        raise ComponentMissing(f"is served by {program}, which cannot be called from another process: {proxy}")
    passwords = _setting(machine, "Passwords")
    return EapHost(program=program, build=build, methods=_methods(_setting(machine, "Methods")), passwords="caller" if passwords == "caller" else "lsa",
                   certificate=_setting(machine, "Certificate"))


def _registered(machine: Machine) -> str:
    """Return the path of LocalServer32, which COM starts as a command line. Raises ComponentMissing."""
    key = f"{CLASSES}\\{CLASS}"
    if machine.registry.key(key) is None:
        raise ComponentMissing("is not registered")
    command = machine.registry.get(f"{key}\\LocalServer32", "")
    if not isinstance(command, str) or not command.strip():
        raise ComponentMissing("has no LocalServer32")
    words = command.strip()
    if words.startswith('"'):
        return words[1:].partition('"')[0]
    if machine.files.get(words.lower()) is not None:
        return words
    return words.partition(" ")[0]


def _missing_proxy(machine: Machine) -> str:
    """Return what of the interface's proxy is missing; "" for nothing."""
    proxy = machine.registry.get(f"{EAP_INTERFACE}\\ProxyStubClsid32", "")
    if not isinstance(proxy, str) or not proxy:
        return "its interface has no ProxyStubClsid32"
    file = machine.registry.get(f"{CLASSES}\\{proxy}\\InprocServer32", "")
    if not isinstance(file, str) or not file:
        return f"the proxy {proxy} of its interface is not registered"
    for name, value in VARIABLES.items():
        if file.lower().startswith(name):
            file = value + file[len(name):]
    try:
        there = machine.files.is_file(file)
    except PathUnknown:
        there = False
    return "" if there else f"the file {file} of its interface's proxy does not exist"


def _setting(machine: Machine, name: str) -> str:
    """Return a text; "" when it is absent or none, as the program reads it."""
    value = machine.registry.get(SETTINGS, name)
    return value if isinstance(value, str) else ""


def _methods(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    return tuple(int(word) for word in words if word.isascii() and word.isdigit() and int(word) <= 0xFF)
