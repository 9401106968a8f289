"""Who owns files and who may do what with them: as much of NTFS' security as a file has that is not everybody's.

Owns owner, group and access list of each file; what has none of its own is an administrator's, as new files below C: are. Every user of the
twin is an administrator with a full token, who holds the privileges to take and to give away ownership. SDDL is how both are written ([MS-DTYP]
2.5.1): owner, group, and entries that allow; others are refused by ValueError.
Inferred: that Windows gives ias.xml what it gives files of System32, which belong to TrustedInstaller and which administrators may read only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

TRUSTED_INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
ADMINISTRATORS = "S-1-5-32-544"
ALIASES = {"BA": ADMINISTRATORS, "BU": "S-1-5-32-545", "SY": "S-1-5-18", "AU": "S-1-5-11", "WD": "S-1-1-0", "AC": "S-1-15-2-1"}
"""[MS-DTYP] 2.5.1.1, as far as files of Windows have them."""
TOKEN = frozenset({ADMINISTRATORS, "S-1-5-32-545", "S-1-5-11", "S-1-1-0"})
"""Whom an administrator's token names."""
FILE_ALL, READ_EXECUTE = 0x1F01FF, 0x1200A9
FILE_WRITE_DATA, WRITE_DAC = 0x2, 0x40000
DESCRIPTOR = re.compile(r"(?:O:(?P<owner>[\w-]+?))?(?:G:(?P<group>[\w-]+?))?(?:D:(?P<flags>(?:P|AI|AR)*)(?P<entries>(?:\([^()]*\))*))?")  # O:BAG:BAD:P(A;;FA;;;BA)
ENTRY = re.compile(r"\(A;(ID)?;(FA|0x[0-9a-f]+);;;([\w-]+)\)", re.I)  # (A;ID;0x1200a9;;;BU)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that allows."""

    sid: str
    mask: int
    inherited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """Owner, group and access list of one file."""

    owner: str
    group: str
    flags: str
    """P (protected from inheritance), AI (some of it is inherited): [MS-DTYP] 2.5.1.1."""
    entries: tuple[Entry, ...]

    @classmethod
    def parse(cls, sddl: str) -> Descriptor:
        """Return what a text says; "" where it says nothing. Raises ValueError for what is no SDDL, or more than this module knows."""
        found = DESCRIPTOR.fullmatch(sddl)
        written = (found["entries"] or "") if found else ""
        entries = ENTRY.findall(written)
        if found is None or written.count("(") != len(entries):
            raise ValueError(f"the security descriptor {sddl!r}")
        return cls(owner=_sid(found["owner"] or ""), group=_sid(found["group"] or ""), flags=found["flags"] or "",
                   entries=tuple(Entry(_sid(sid), FILE_ALL if mask.upper() == "FA" else int(mask, 16), bool(inherited)) for inherited, mask, sid in entries))

    @property
    def sddl(self) -> str:
        """The text, with aliases where there are some, as Windows writes it."""
        names = {sid: alias for alias, sid in ALIASES.items()}
        entries = "".join(f"(A;{'ID' if one.inherited else ''};{'FA' if one.mask == FILE_ALL else hex(one.mask)};;;{names.get(one.sid, one.sid)})"
                          for one in self.entries)
        return f"O:{names.get(self.owner, self.owner)}G:{names.get(self.group, self.group)}D:{self.flags}{entries}"

    def allows(self, mask: int) -> bool:
        """Whether an administrator has a right; an owner may always change the access list."""
        if mask == WRITE_DAC and self.owner in TOKEN:
            return True
        return any(one.sid in TOKEN and one.mask & mask == mask for one in self.entries)


def _sid(name: str) -> str:
    if name and not name.startswith("S-1-") and name not in ALIASES:
        raise ValueError(f"the alias {name!r} in a security descriptor")
    return ALIASES.get(name, name)


ORDINARY = Descriptor(owner=ADMINISTRATORS, group=ADMINISTRATORS, flags="AI", entries=(
    Entry("S-1-5-18", FILE_ALL, inherited=True), Entry(ADMINISTRATORS, FILE_ALL, inherited=True), Entry("S-1-5-32-545", READ_EXECUTE, inherited=True)))
OF_WINDOWS = Descriptor(owner=TRUSTED_INSTALLER, group=TRUSTED_INSTALLER, flags="PAI", entries=(
    Entry(TRUSTED_INSTALLER, FILE_ALL), *(Entry(sid, READ_EXECUTE) for sid in (ADMINISTRATORS, "S-1-5-18", "S-1-5-32-545", "S-1-15-2-1", "S-1-15-2-2"))))


@dataclass(slots=True)
class FileRights:
    """Descriptors by lower-case path, and which files are read-only."""

    descriptors: dict[str, Descriptor] = field(default_factory=dict)
    read_only: set[str] = field(default_factory=set)

    @classmethod
    def stock(cls, *paths: str) -> FileRights:
        """Return the rights of a machine on which these files are Windows' own."""
        return cls({path.lower(): OF_WINDOWS for path in paths})

    def of(self, path: str) -> Descriptor:
        """Return a file's descriptor."""
        return self.descriptors.get(path.lower(), ORDINARY)

    def sddl(self, path: str) -> str:
        """Return it as text."""
        return self.of(path).sddl

    def may_write(self, path: str) -> bool:
        """Whether an administrator may change a file's content."""
        return path.lower() not in self.read_only and self.of(path).allows(FILE_WRITE_DATA)

    def own(self, path: str, sid: str) -> None:
        """Make somebody the owner."""
        self.descriptors[path.lower()] = replace(self.of(path), owner=sid)

    def grant(self, path: str, sid: str, mask: int) -> None:
        """Add a right to what somebody has explicitly. Raises PermissionError."""
        before = self.of(path)
        held = next((one for one in before.entries if one.sid == sid and not one.inherited), Entry(sid, 0))
        entries = [replace(one, mask=one.mask | mask) if one is held else one for one in before.entries]
        self.put(path, replace(before, entries=tuple(entries if held in before.entries else [Entry(sid, mask), *entries])))

    def put(self, path: str, wanted: Descriptor) -> None:
        """Replace the access list, not the owner. Raises PermissionError without the right to."""
        before = self.of(path)
        if not before.allows(WRITE_DAC):
            raise PermissionError(path)
        self.descriptors[path.lower()] = replace(before, flags=wanted.flags, entries=wanted.entries)
