"""What a doctor finds: one finding per check, with the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lab.errors import LabError


class Grade(StrEnum):
    """What a finding means for the lab."""

    GOOD = "good"
    NOTE = "note"
    """Worth knowing; the lab runs all the same."""
    BAD = "bad"
    """The lab cannot run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found."""

    check: str
    grade: Grade
    text: str
    remedy: str = ""


def failed(check: str, error: LabError) -> Finding:
    """Return the finding that an error is."""
    return Finding(check=check, grade=Grade.BAD, text=error.message, remedy=error.hint)


def available_mb() -> int:
    """Return the memory that this machine can give without swapping, MB (MemAvailable of /proc/meminfo)."""
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(fields["MemAvailable"].split()[0]) >> 10
