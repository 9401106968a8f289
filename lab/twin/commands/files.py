r"""Files: what steps need of System.IO, the drive C:, and Get-FileHash.

Source: learn.microsoft.com, System.IO (.NET Framework 4) and Microsoft.PowerShell.Utility 5.1, Get-FileHash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import wraps

from lab.twin.commands.rights import get_access_control, get_attributes, set_access_control
from lab.twin.powershell.convert import cast, to_bool, to_text
from lab.twin.powershell.errors import NotSupportedByTwin, complaint, method_failure
from lab.twin.powershell.interpreter import Interpreter
from lab.twin.powershell.registry import Call, Provider, cmdlet, dotnet_type, provider
from lab.twin.powershell.values import PSObject
from lab.twin.windows.files import Files, PathUnknown, Refused, spelt
from lab.twin.windows.machine import Machine

HASHES = ("SHA1", "SHA256", "SHA384", "SHA512", "MD5")


def _files(machine: object) -> Files:
    assert isinstance(machine, Machine)
    return machine.files


def method(name: str, act: Callable[..., object]) -> Callable[..., object]:
    """Return a static method whose first argument is a path: what the file system refuses is its exception.

    Args:
        name: the method's.
        act: gets the machine's files, the path, and the other arguments.
    """

    @wraps(act)
    def run(interpreter: Interpreter, path: object, *others: object) -> object:
        try:
            return act(_files(interpreter.machine), to_text(path), *others)
        except Refused as refused:
            raise method_failure(name, 1 + len(others), str(refused), refused.kind) from None
        except PathUnknown:
            raise _unknown(to_text(path)) from None

    return run


def _unknown(path: str) -> NotSupportedByTwin:
    return NotSupportedByTwin(f"the path {path!r} (it knows absolute ones on C:)")


def _write(files: Files, path: str, data: object) -> None:
    content = cast("byte[]", data)
    assert isinstance(content, bytes)
    files.write(path, content)


def _make(files: Files, path: str) -> PSObject:
    files.make_folder(path)
    return PSObject([("FullName", spelt(path)), ("Name", spelt(path).rpartition("\\")[2])], type_name="System.IO.DirectoryInfo", text=path)


dotnet_type("System.IO.File", methods={
    "WriteAllBytes": method("WriteAllBytes", _write), "ReadAllBytes": method("ReadAllBytes", lambda files, path: files.read(path)),
    "Exists": method("Exists", lambda files, path: path != "" and files.is_file(path)), "Delete": method("Delete", lambda files, path: files.remove(path)),
    "GetAccessControl": get_access_control, "SetAccessControl": set_access_control, "GetAttributes": get_attributes,
})
dotnet_type("System.IO.Directory", methods={
    "CreateDirectory": method("CreateDirectory", _make), "Exists": method("Exists", lambda files, path: path != "" and files.is_folder(path)),
    "Delete": method("Delete", lambda files, path, recurse=False: files.remove_folder(path, recurse=to_bool(recurse))),
    "GetFileSystemEntries": method("GetFileSystemEntries", lambda files, path: files.entries(path)),
})


def combined(_: Interpreter, *parts: object) -> str:
    """Path.Combine: a part that is rooted begins anew, an empty one adds nothing."""
    path = ""
    for part in map(to_text, parts):
        if part.startswith(("\\", "/")) or part[1:2] == ":":
            path = part
        elif part:
            path += ("" if path == "" or path.endswith(("\\", "/", ":")) else "\\") + part
    return path


def folder_of(interpreter: Interpreter, path: object) -> str | None:
    """Path.GetDirectoryName: $null of a root. Raises NotSupportedByTwin for paths that are not absolute on C:."""
    try:
        name = spelt(to_text(path))
    except PathUnknown:
        raise _unknown(to_text(path)) from None
    if "\\" not in name:
        return None
    before = name if to_text(path)[-1] in "\\/" else name.rpartition("\\")[0]
    return before if "\\" in before else before + "\\"


dotnet_type("System.IO.Path", methods={"Combine": combined, "GetDirectoryName": folder_of, "GetTempPath": lambda _: "C:\\Windows\\Temp\\"})


class SystemDrive(Provider):
    """C:, as far as files that were written exist in it."""

    drive = "C"

    def exists(self, machine: object, path: str) -> bool:
        """Whether there is a file or a folder."""
        try:
            return _files(machine).is_file(f"C:\\{path}") or _files(machine).is_folder(f"C:\\{path}")
        except PathUnknown:
            raise _unknown(f"C:\\{path}") from None

    def item(self, machine: object, path: str) -> object:
        """A file or folder."""
        if not self.exists(machine, path):
            raise missing(f"C:\\{path}")
        shown: list[tuple[str, object]] = [("FullName", f"C:\\{path}"), ("Name", path.rpartition("\\")[2])]
        if not _files(machine).is_file(f"C:\\{path}"):
            return PSObject(shown, type_name="System.IO.DirectoryInfo")
        return PSObject([*shown, ("Length", len(_files(machine).read(f"C:\\{path}")))], type_name="System.IO.FileInfo")

    def remove(self, machine: object, path: str, *, recurse: bool) -> None:
        """Remove a file, or with -Recurse a folder."""
        self.item(machine, path)
        full = f"C:\\{path}"
        folder = _files(machine).is_folder(full)
        if folder and not recurse:
            raise NotSupportedByTwin("Remove-Item of a folder without -Recurse (Windows asks)")
        try:
            _files(machine).remove_folder(full, recurse=True) if folder else _files(machine).remove(full)
        except Refused as refused:
            raise complaint(f"Cannot remove item {full}: {refused}", category="PermissionDenied", target=full, exception=refused.kind,
                            identifier="RemoveFileSystemItemUnAuthorizedAccess,Microsoft.PowerShell.Commands.RemoveItemCommand") from None


provider("C", SystemDrive())


def missing(path: str) -> Exception:
    """Return the error for an item that is not there."""
    return complaint(f"Cannot find path '{path}' because it does not exist.", category="ObjectNotFound", target=path,
                     exception="System.Management.Automation.ItemNotFoundException", identifier="PathNotFound")


@cmdlet("Get-FileHash", "[string[]] Path @0, [string[]] LiteralPath, [string] Algorithm")
def get_file_hash(call: Call) -> Iterator[object]:
    """Hash files; SHA-256 unless told otherwise."""
    algorithm = call.text("Algorithm", "SHA256").upper()
    if algorithm not in HASHES:
        raise NotSupportedByTwin(f"Get-FileHash -Algorithm {algorithm}")
    if call.has("Path") == call.has("LiteralPath") or any(sign in path for path in call.strings("Path") for sign in "*?["):
        raise NotSupportedByTwin("Get-FileHash with both paths, with none, or with wildcards")
    for path in call.strings("LiteralPath") or call.strings("Path"):
        yield from _hashed(call, path, algorithm)


def _hashed(call: Call, path: str, algorithm: str) -> Iterable[object]:
    try:
        content = _files(call.machine).read(path)
    except PathUnknown:
        raise _unknown(path) from None
    except Refused:
        call.error(f"Cannot find path '{path}' because it does not exist.", category="ObjectNotFound", target=path, identifier="FileNotFound",
                   exception="System.Management.Automation.ItemNotFoundException")
        return ()
    digest = hashlib.new(algorithm, content).hexdigest().upper()
    return (PSObject([("Algorithm", algorithm), ("Hash", digest), ("Path", spelt(path))], type_name="Microsoft.Powershell.Utility.FileHash",
                     view=("Algorithm", "Hash", "Path")),)
