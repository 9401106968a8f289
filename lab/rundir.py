"""Where a run's folder lies: on a memory file system that can hold the guest's memory.

linux.uml maps its memory file executable, so a folder mounted noexec cannot serve; in containers /dev/shm is often 64 MB.
Candidates are tried in a fixed order and the reasons against those passed over are told.
"""

from __future__ import annotations

import itertools
import mmap
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab.errors import HostError

NEEDED_MB = 530
"""The guest's memory (384 MB) and room for captures."""

VARIABLE = "LAB_RUN_FOLDER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A folder, and why it cannot serve (empty: it can)."""

    folder: Path
    objection: str


def candidates() -> list[Path]:
    """Return the folders in the order in which they are tried."""
    if chosen := os.environ.get(VARIABLE):
        return [Path(chosen).absolute()]  # the supervisor runs elsewhere
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return [Path("/dev/shm"), *([Path(runtime)] if runtime else []), Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - made private below


def objection_to(folder: Path) -> str:
    """Return why a folder cannot hold runs; empty if it can. Tries it, since options of mounts do not tell everything."""
    if not folder.is_dir():
        return "does not exist"
    if not os.access(folder, os.W_OK | os.X_OK):
        return "cannot be written"
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize >> 20
    if free < NEEDED_MB:
        return f"has {free} MB free, {NEEDED_MB} are needed"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.truncate(mmap.PAGESIZE)
            mmap.mmap(file.fileno(), mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()
    except PermissionError:
        return "is mounted noexec"
    except OSError as error:
        return f"cannot be used: {error.strerror}"
    return ""


def survey() -> list[Candidate]:
    """Return every candidate with the objection to it."""
    return [_look_at(folder) for folder in candidates()]


def _look_at(folder: Path) -> Candidate:
    return Candidate(folder=folder, objection=objection_to(folder))


def passed_over() -> list[Candidate]:
    """Return the candidates before the one that is chosen, with the objections to them."""
    return list(itertools.takewhile(lambda candidate: candidate.objection, map(_look_at, candidates())))


def choose_run_base() -> Path:
    """Return the first folder that can hold runs.

    Raises:
        HostError: none can; names each with its reason.
    """
    looked_at = survey()
    for candidate in looked_at:
        if not candidate.objection:
            return candidate.folder
    raise HostError(
        f"no folder can hold the guest's memory ({NEEDED_MB} MB, executable mappings)",
        evidence="\n".join(f"{candidate.folder} {candidate.objection}" for candidate in looked_at),
        hint=f"set {VARIABLE} to a folder that can",
    )
