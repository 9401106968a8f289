"""icacls: who has which rights in a folder, as far as steps give it.

Source: learn.microsoft.com, windows-server/administration/windows-commands/icacls: *S-1-... is a SID, (OI)(CI) is inherited by what lies below, F is
full access, /inheritance:r drops what was inherited, /grant:r replaces what was granted before.

The twin's scripts are run by administrators, and its programs by the system; so rights count only in that these two keep theirs. Whatever
would take them away is refused.
"""

from __future__ import annotations

import re

from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.registry import NativeResult, native
from lab.twin.windows.files import PathUnknown, spelt
from lab.twin.windows.machine import Machine

GRANT = re.compile(r"\*(S-1-[0-9-]+):((?:\((?:OI|CI)\))*)F", re.I)  # *S-1-5-18:(OI)(CI)F
SYSTEM, ADMINISTRATORS = "S-1-5-18", "S-1-5-32-544"
ERROR_FILE_NOT_FOUND = 2


@native("icacls")
def icacls(arguments: list[str], machine: object, text: str) -> NativeResult:
    """Icacls PATH /inheritance:r /grant:r SID:(OI)(CI)F ..., system and administrators among them."""
    assert isinstance(machine, Machine)
    lowered = [word.lower() for word in arguments[1:]]
    grants = [GRANT.fullmatch(word) for word in arguments[3:]]
    if lowered[:2] != ["/inheritance:r", "/grant:r"] or not all(grants):
        raise NotSupportedByTwin(f"icacls {' '.join(arguments)} (it knows PATH /inheritance:r /grant:r *SID:(OI)(CI)F …)")
    if not {SYSTEM, ADMINISTRATORS} <= {one[1].upper() for one in grants if one}:
        raise NotSupportedByTwin("icacls that takes the rights of the system or of administrators")
    path = arguments[0]
    try:
        name = spelt(path)
    except PathUnknown:
        raise NotSupportedByTwin(f"icacls of the path {path!r}") from None
    if not (machine.files.is_folder(name) or machine.files.is_file(name)):
        return NativeResult(error=f"{path}: The system cannot find the file specified.\r\n", output="Successfully processed 0 files; Failed processing 1 files\r\n",
                            exit_code=ERROR_FILE_NOT_FOUND)
    machine.files.grants[name.lower()] = tuple(f"{one[1]}:{one[2]}F" for one in grants if one)
    return NativeResult(output=f"processed file: {path}\r\nSuccessfully processed 1 files; Failed processing 0 files\r\n")
