"""icacls: who has which rights in a folder or to a file, and who owns it, as far as steps give it.

Source: learn.microsoft.com, windows-server/administration/windows-commands/icacls: *S-1-... is a SID, (OI)(CI) is inherited by what lies below, F is
full access, /inheritance:r drops what was inherited, /grant:r replaces what was granted before, /grant adds to it.

The twin's scripts are run by administrators, and its programs by the system; so in folders rights count only in that these two keep theirs.
Whatever would take them away is refused. To a file of Windows' own they have to be granted (`lab/twin/windows/rights.py`).
Inferred: that icacls uses the privilege by which an owner may be set who is somebody else.
"""

from __future__ import annotations

import re

from lab.twin.commands.rights import known_path
from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.registry import NativeResult, native
from lab.twin.windows.machine import Machine
from lab.twin.windows.rights import FILE_ALL

GRANT = re.compile(r"\*(S-1-[0-9-]+):((?:\((?:OI|CI)\))*)F", re.I)  # *S-1-5-18:(OI)(CI)F
SYSTEM, ADMINISTRATORS = "S-1-5-18", "S-1-5-32-544"
FULL = re.compile(r"\*(S-1-[0-9-]+):F", re.I)  # *S-1-5-32-544:F
OWNER = re.compile(r"\*(S-1-[0-9-]+)", re.I)  # *S-1-5-18
ERROR_FILE_NOT_FOUND, ERROR_ACCESS_DENIED = 2, 5


@native("icacls")
def icacls(arguments: list[str], machine: object, text: str) -> NativeResult:
    """Icacls PATH /inheritance:r /grant:r SID:(OI)(CI)F ..., system and administrators among them; FILE /grant SID:F; FILE /setowner SID."""
    assert isinstance(machine, Machine)
    if len(arguments) == 3:
        return _of_file(machine, *arguments)
    lowered = [word.lower() for word in arguments[1:]]
    grants = [GRANT.fullmatch(word) for word in arguments[3:]]
    if lowered[:2] != ["/inheritance:r", "/grant:r"] or not all(grants):
        raise NotSupportedByTwin(f"icacls {' '.join(arguments)} (it knows PATH /inheritance:r /grant:r *SID:(OI)(CI)F …)")
    if not {SYSTEM, ADMINISTRATORS} <= {one[1].upper() for one in grants if one}:
        raise NotSupportedByTwin("icacls that takes the rights of the system or of administrators")
    path = arguments[0]
    name = known_path(path)
    if not (machine.files.is_folder(name) or machine.files.is_file(name)):
        return _failed(f"{path}: The system cannot find the file specified.", ERROR_FILE_NOT_FOUND)
    machine.files.grants[name.lower()] = tuple(f"{one[1]}:{one[2]}F" for one in grants if one)
    return _done(path)


def _of_file(machine: Machine, path: str, verb: str, who: str) -> NativeResult:
    granted = FULL.fullmatch(who) if verb.lower() == "/grant" else None
    owner = OWNER.fullmatch(who) if verb.lower() == "/setowner" else None
    name = known_path(path)
    if not (granted or owner) or machine.files.is_folder(name):
        raise NotSupportedByTwin(f"icacls {path} {verb} {who} (of a file it knows /grant *SID:F and /setowner *SID)")
    if not machine.files.is_file(name):
        return _failed(f"{path}: The system cannot find the file specified.", ERROR_FILE_NOT_FOUND)
    if owner:
        machine.rights.own(name, owner[1])
    elif granted:
        try:
            machine.rights.grant(name, granted[1], FILE_ALL)
        except PermissionError:
            return _failed(f"{path}: Access is denied.", ERROR_ACCESS_DENIED)
    return _done(path)


def _done(path: str) -> NativeResult:
    return NativeResult(output=f"processed file: {path}\r\nSuccessfully processed 1 files; Failed processing 0 files\r\n")


def _failed(message: str, code: int) -> NativeResult:
    return NativeResult(output="Successfully processed 0 files; Failed processing 1 files\r\n", error=f"{message}\r\n", exit_code=code)
