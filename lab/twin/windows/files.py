r"""Drive C: as far as scripts made it: content by path, folders, and the few folders that every Windows has.

A path is absolute, on C:, and known without regard to case. The file of a program that runs can be neither written nor removed, nor can one of
Windows' own by who may not write it (`rights.py`).
Source of what is refused and how: learn.microsoft.com, System.IO.File and System.IO.Directory (.NET Framework 4), "Exceptions".
"""

from __future__ import annotations

from collections.abc import Callable

from lab.twin.windows.rights import FileRights

STOCK_FOLDERS = ("C:\\Windows\\Temp", "C:\\Windows\\System32\\ias", "C:\\Program Files", "C:\\ProgramData", "C:\\Users\\labadmin\\AppData\\Local\\Temp",
                 "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319")
PROXY_FILE = "C:\\Windows\\System32\\EapHostProxyStub.dll"
"""What carries calls of the interface to another process; the name is ours (lab/twin/windows/machine.py says why it is there)."""
COMPILER = "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\csc.exe"
"""The compiler of .NET Framework 4, on every Windows 10."""
STOCK_FILES = (PROXY_FILE, COMPILER)


class PathUnknown(Exception):
    """A path that the twin cannot tell: relative, of another drive, of the network, with . or .. in it."""


class Refused(Exception):
    """The file system refuses; `kind` is the .NET exception's full name."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def spelt(path: str) -> str:
    """Return a path with one backslash between its parts. Raises PathUnknown."""
    text = path.replace("/", "\\")
    if text[:3].lower() != "c:\\" and text.lower() != "c:":
        raise PathUnknown(path)
    parts = [part for part in text.split("\\") if part]
    if any(part.strip(" .") == "" or part != part.rstrip(" .") for part in parts) or any(sign in part for part in parts[1:] for sign in ':*?"<>|'):
        raise PathUnknown(path)
    return "\\".join(parts)


class Files(dict[str, bytes]):
    """Content of every file, by its full path in lower case."""

    def __init__(self, uses: Callable[[str], bool] = lambda path: False, rights: FileRights | None = None) -> None:
        super().__init__({path.lower(): b"MZ" for path in STOCK_FILES})
        self._uses = uses
        """Whether a path, in lower case, is that of a program that runs."""
        self._rights = rights or FileRights()
        self.folders = {"c:": "C:"}
        """As they were spelt when they were made."""
        for path in STOCK_FOLDERS:
            self.make_folder(path)
        self.grants: dict[str, tuple[str, ...]] = {}
        """What was granted in folders in place of what they inherit, by path in lower case: SID:INHERITANCE and F."""
        self._names = {path.lower(): path for path in STOCK_FILES}

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder. Raises PathUnknown."""
        wanted = spelt(path).lower()
        return wanted in self.folders or any(one.startswith(wanted + "\\") for one in (*self, *self.folders))

    def is_file(self, path: str) -> bool:
        """Whether there is a file. Raises PathUnknown."""
        return spelt(path).lower() in self

    def read(self, path: str) -> bytes:
        """Return a file's content. Raises Refused, PathUnknown."""
        content = self.get(spelt(path).lower())
        if content is None:
            if self.is_folder(path):
                raise Refused("System.UnauthorizedAccessException", f"Access to the path '{path}' is denied.")
            raise self._missing(path)
        return content

    def write(self, path: str, content: bytes) -> None:
        """Write a file, in a folder that is there. Raises Refused, PathUnknown."""
        name = spelt(path)
        if self.is_folder(name) or not self._rights.may_write(name):
            raise Refused("System.UnauthorizedAccessException", f"Access to the path '{path}' is denied.")
        if not self.is_folder(name.rpartition("\\")[0]):
            raise self._missing(path)
        if self._uses(name.lower()):
            raise Refused("System.IO.IOException", f"The process cannot access the file '{path}' because it is being used by another process.")
        self[name.lower()] = content
        self._names[name.lower()] = name

    def remove(self, path: str) -> None:
        """Remove a file; nothing when there is none. Raises Refused, PathUnknown."""
        name = spelt(path).lower()
        if self._uses(name) or self.is_folder(path) or not self._rights.may_write(name):
            raise Refused("System.UnauthorizedAccessException", f"Access to the path '{path}' is denied.")
        if not self.is_folder(name.rpartition("\\")[0]):
            raise self._missing(path)
        self._forget(name)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it, as far as they are not there. Raises Refused, PathUnknown."""
        parts = spelt(path).split("\\")
        for count in range(1, len(parts) + 1):
            name = "\\".join(parts[:count])
            if name.lower() in self:
                raise Refused("System.IO.IOException", f"Cannot create \"{path}\" because a file or directory with the same name already exists.")
            if not self.is_folder(name):
                self.folders[name.lower()] = name

    def remove_folder(self, path: str, *, recurse: bool) -> None:
        """Remove a folder; one with content only with `recurse`. Raises Refused, PathUnknown."""
        name = spelt(path).lower()
        if not self.is_folder(path):
            raise Refused("System.IO.DirectoryNotFoundException", f"Could not find a part of the path '{path}'.")
        below = [one for one in (*self, *self.folders) if one.startswith(name + "\\")]
        if below and not recurse:
            raise Refused("System.IO.IOException", "The directory is not empty.\r\n")
        kept = [one for one in below if one in self and (self._uses(one) or not self._rights.may_write(one))]
        for one in below:
            if not any(last == one or last.startswith(one + "\\") for last in kept):
                self._forget(one)
        if kept:
            raise Refused("System.UnauthorizedAccessException", f"Access to the path '{kept[0].rpartition(chr(92))[2]}' is denied.")
        self._forget(name)

    def _forget(self, name: str) -> None:
        for known in (self, self.folders, self.grants, self._names, self._rights.descriptors):
            known.pop(name, None)
        self._rights.read_only.discard(name)

    def entries(self, path: str) -> list[str]:
        """Return what lies in a folder, each as it was spelt. Raises Refused, PathUnknown."""
        name = spelt(path)
        if not self.is_folder(name):
            raise Refused("System.IO.DirectoryNotFoundException", f"Could not find a part of the path '{path}'.")
        spelling = self.folders | self._names
        below = name.lower() + "\\"
        parts = [spelling.get(one, one)[len(below):].partition("\\")[0] for one in (*self.folders, *self) if one.startswith(below)]
        found = {part.lower(): f"{path.rstrip(chr(92))}\\{part}" for part in parts}
        return [found[part] for part in sorted(found)]

    def _missing(self, path: str) -> Refused:
        if self.is_folder(spelt(path).rpartition("\\")[0]):
            return Refused("System.IO.FileNotFoundException", f"Could not find file '{path}'.")
        return Refused("System.IO.DirectoryNotFoundException", f"Could not find a part of the path '{path}'.")
