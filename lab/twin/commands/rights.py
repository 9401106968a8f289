"""takeown, and System.Security.AccessControl.FileSecurity: owners and access lists of files, as far as the steps change them; icacls is `icacls.py`'s.

Source: Microsoft's reference of takeown (/F, /A), of .NET Framework's FileSecurity, and of File's methods for it. takeown uses the privilege to
take ownership that an administrator's token holds.
"""

from __future__ import annotations

from dataclasses import replace

from lab.twin.powershell.convert import to_text
from lab.twin.powershell.errors import NotSupportedByTwin, method_failure
from lab.twin.powershell.interpreter import Interpreter
from lab.twin.powershell.registry import NativeResult, dotnet_type, native
from lab.twin.powershell.values import EnumValue, PSObject, TypeValue
from lab.twin.windows.files import PathUnknown, spelt
from lab.twin.windows.machine import Machine
from lab.twin.windows.rights import ADMINISTRATORS, Descriptor

SECURITY = "System.Security.AccessControl.FileSecurity"
READ_ONLY, ARCHIVE = 0x1, 0x20


def _machine(machine: object) -> Machine:
    assert isinstance(machine, Machine)
    return machine


@native("takeown")
def takeown(arguments: list[str], machine: object, text: str) -> NativeResult:
    """Takeown /F file /A: the group Administrators becomes the owner."""
    host = _machine(machine)
    if len(arguments) != 3 or [arguments[0].upper(), arguments[2].upper()] != ["/F", "/A"]:
        raise NotSupportedByTwin(f"takeown {' '.join(arguments)}")
    path = known_path(arguments[1])
    if not host.files.is_file(path):
        return NativeResult(error="ERROR: The system cannot find the file specified.\r\n", exit_code=1)
    host.rights.own(path, ADMINISTRATORS)
    return NativeResult(output=f'\r\nSUCCESS: The file (or folder): "{path}" now owned by the administrators group.\r\n')


def known_path(path: str) -> str:
    """Return a path as it is kept. Raises NotSupportedByTwin for one that the twin cannot tell."""
    try:
        return spelt(path)
    except PathUnknown:
        raise NotSupportedByTwin(f"the path {path!r} (it knows absolute ones on C:)") from None


# -- FileSecurity -------------------------------------------------------------------------------------------------------


def as_security(found: Descriptor) -> PSObject:
    """Return a descriptor as FileSecurity."""
    security = PSObject(type_name=SECURITY, handle=found)

    def descriptor() -> Descriptor:
        assert isinstance(security.handle, Descriptor)
        return security.handle

    def set_form(sddl: object, sections: object = "All") -> None:
        try:
            given = Descriptor.parse(to_text(sddl))
        except ValueError as error:
            raise NotSupportedByTwin(str(error)) from error
        if to_text(sections).lower() not in ("all", "access"):
            raise NotSupportedByTwin(f"SetSecurityDescriptorSddlForm of {to_text(sections)}")
        whole = to_text(sections).lower() == "all"
        security.handle = given if whole else replace(descriptor(), flags=given.flags, entries=given.entries)

    def form(sections: object) -> str:
        if set(to_text(sections).lower().replace(" ", "").split(",")) != {"owner", "group", "access"}:
            raise NotSupportedByTwin(f"GetSecurityDescriptorSddlForm of {to_text(sections)}")
        return descriptor().sddl

    def owner(kind: object) -> PSObject:
        if not isinstance(kind, TypeValue) or kind.name.lower() != "system.security.principal.securityidentifier":
            raise NotSupportedByTwin("GetOwner as something else than [System.Security.Principal.SecurityIdentifier]")
        return PSObject([("Value", descriptor().owner)], type_name="System.Security.Principal.SecurityIdentifier", text=descriptor().owner)

    security.methods = {"setsecuritydescriptorsddlform": set_form, "getsecuritydescriptorsddlform": form, "getowner": owner}
    return security


def get_access_control(interpreter: Interpreter, path: object) -> PSObject:
    """File.GetAccessControl."""
    return as_security(_machine(interpreter.machine).rights.of(_there(interpreter, "GetAccessControl", 1, path)))


def set_access_control(interpreter: Interpreter, path: object, security: object) -> None:
    """File.SetAccessControl: the access list, and no owner. Raises NotSupportedByTwin for an owner, which .NET would set as well."""
    name = _there(interpreter, "SetAccessControl", 2, path)
    if not isinstance(security, PSObject) or not isinstance(security.handle, Descriptor) or security.handle.owner:
        raise NotSupportedByTwin("File.SetAccessControl with an owner (write SetSecurityDescriptorSddlForm(…, 'Access') of a new FileSecurity)")
    try:
        _machine(interpreter.machine).rights.put(name, security.handle)
    except PermissionError:
        raise method_failure("SetAccessControl", 2, "Attempted to perform an unauthorized operation.", "System.UnauthorizedAccessException") from None


def get_attributes(interpreter: Interpreter, path: object) -> EnumValue:
    """File.GetAttributes."""
    if _there(interpreter, "GetAttributes", 1, path).lower() in _machine(interpreter.machine).rights.read_only:
        return EnumValue("ReadOnly, Archive", READ_ONLY | ARCHIVE, "System.IO.FileAttributes")
    return EnumValue("Archive", ARCHIVE, "System.IO.FileAttributes")


def _there(interpreter: Interpreter, method: str, count: int, path: object) -> str:
    """Return the path of a file that is there, as it is kept."""
    name = known_path(to_text(path))
    if not _machine(interpreter.machine).files.is_file(name):
        raise method_failure(method, count, f"Could not find file '{to_text(path)}'.", "System.IO.FileNotFoundException")
    return name


dotnet_type(SECURITY, construct=lambda _: as_security(Descriptor.parse("")))
