"""Who may start and call the EAP host: the octets in install-eaphost.ps1 mean what its comment says, by [MS-DTYP] 2.4.2 (SID), 2.4.4.2 (ACE), 2.4.5, 2.4.6."""

from __future__ import annotations

import base64
import re
import struct
from pathlib import Path

import pytest

SCRIPT = (Path(__file__).parents[2] / "fixtures" / "windows" / "install-eaphost.ps1").read_text()
ALIASES = {"S-1-5-18": "SY", "S-1-5-32-544": "BA"}
RIGHTS = {1: "CC", 2: "DC", 8: "SW"}
"""In SDDL's letters, what COM calls COM_RIGHTS_EXECUTE, EXECUTE_LOCAL and ACTIVATE_LOCAL (learn.microsoft.com, "Access Control Lists for COM")."""
SELF_RELATIVE, DACL_PRESENT = 0x8000, 0x0004
ALLOWED = 0


def sid(octets: bytes) -> tuple[str, int]:
    """Return a SID by its alias, and its size."""
    revision, count = octets[0], octets[1]
    authority = int.from_bytes(octets[2:8], "big")
    text = "-".join(map(str, (f"S-{revision}", authority, *struct.unpack_from(f"<{count}I", octets, 8))))
    return ALIASES[text], 8 + 4 * count


def sddl(octets: bytes) -> str:
    """Return owner, group and list of a self-relative security descriptor, each octet of which is accounted for."""
    revision, reserved, control, owner, group, audit, at = struct.unpack_from("<BBHIIII", octets)
    assert (revision, reserved, control, audit) == (1, 0, SELF_RELATIVE | DACL_PRESENT, 0)
    acl_revision, _, size, count, _ = struct.unpack_from("<BBHHH", octets, at)
    assert acl_revision == 2
    entries, used = "", 8
    for _ in range(count):
        kind, flags, ace_size, mask = struct.unpack_from("<BBHI", octets, at + used)
        who, sid_size = sid(octets[at + used + 8:])
        assert (kind, flags, ace_size) == (ALLOWED, 0, 8 + sid_size)
        letters = "".join(RIGHTS[1 << bit] for bit in range(32) if mask >> bit & 1)
        entries, used = f"{entries}(A;;{letters};;;{who})", used + ace_size
    assert used == size
    (owner_name, owner_size), (group_name, group_size) = sid(octets[owner:]), sid(octets[group:])
    assert 20 + size + owner_size + group_size == len(octets), "expected nothing behind"
    return f"O:{owner_name}G:{group_name}D:{entries}"


@pytest.mark.parametrize(("value", "purpose"), [("launch", "to start it here"), ("access", "to call it")])
def test_the_system_and_administrators_may_and_nobody_else(value: str, purpose: str) -> None:
    octets = base64.b64decode(re.findall(rf"\${value} = '(\S+)'", SCRIPT)[0])
    said = re.findall(rf"(\S+) {purpose}", SCRIPT)[0]

    assert sddl(octets) == f"O:BAG:BAD:{said}"
    assert set(re.findall(r";;;(\w+)\)", said)) == {"SY", "BA"}
