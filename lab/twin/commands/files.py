"""Files: what steps need of System.IO, and the drive C:."""

from __future__ import annotations

from lab.twin.powershell.convert import cast, to_text
from lab.twin.powershell.errors import complaint, method_failure
from lab.twin.powershell.interpreter import Interpreter
from lab.twin.powershell.registry import Provider, dotnet_type, provider
from lab.twin.powershell.values import PSObject
from lab.twin.windows.machine import Machine


def _files(machine: object) -> dict[str, bytes]:
    assert isinstance(machine, Machine)
    return machine.files


def write_all_bytes(interpreter: Interpreter, path: object, data: object) -> None:
    """File.WriteAllBytes."""
    content = cast("byte[]", data)
    assert isinstance(content, bytes)
    _files(interpreter.machine)[to_text(path).lower()] = content


def read_all_bytes(interpreter: Interpreter, path: object) -> bytes:
    """File.ReadAllBytes."""
    content = _files(interpreter.machine).get(to_text(path).lower())
    if content is None:
        raise method_failure("ReadAllBytes", 1, f"Could not find file '{to_text(path)}'.", "System.IO.FileNotFoundException")
    return content


dotnet_type("System.IO.File", methods={
    "WriteAllBytes": write_all_bytes, "ReadAllBytes": read_all_bytes,
    "Exists": lambda interpreter, path: to_text(path).lower() in _files(interpreter.machine),
    "Delete": lambda interpreter, path: _files(interpreter.machine).pop(to_text(path).lower(), None) and None,
})
dotnet_type("System.IO.Path", methods={
    "Combine": lambda _, *parts: "\\".join(to_text(part).rstrip("\\") for part in parts),
    "GetTempPath": lambda _: "C:\\Windows\\Temp\\",
})


class SystemDrive(Provider):
    """C:, as far as files that were written exist in it."""

    drive = "C"

    def exists(self, machine: object, path: str) -> bool:
        """Whether there is a file, or a folder above one."""
        full = f"c:\\{path}".lower().rstrip("\\")
        return any(known == full or known.startswith(full + "\\") for known in _files(machine)) or full in ("c:", "c:\\windows", "c:\\windows\\temp")

    def item(self, machine: object, path: str) -> object:
        """A file."""
        if not self.exists(machine, path):
            raise complaint(f"Cannot find path 'C:\\{path}' because it does not exist.", category="ObjectNotFound", target=path,
                            exception="System.Management.Automation.ItemNotFoundException", identifier="PathNotFound")
        return PSObject([("FullName", f"C:\\{path}"), ("Name", path.rpartition("\\")[2])], type_name="System.IO.FileInfo")

    def remove(self, machine: object, path: str, *, recurse: bool) -> None:
        """Remove a file."""
        self.item(machine, path)
        _files(machine).pop(f"c:\\{path}".lower(), None)


provider("C", SystemDrive())
