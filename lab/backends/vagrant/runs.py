"""Runs on virtual machines: a folder each, with a lock and a record.

`state_folder("vagrant")/RUN` with `lock`, held by the process that owns the run for as long as it lives, and `run.json`. A detached run
(`lab up`) is nobody's after that. RUN is "lab" and six hexadecimal digits, and begins the name of everything that the run has at
a hypervisor: RUN_server, RUN-wan, RUN_server.img. What else lies in the folder is the lab's own.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.locks import is_held
from lab.secrets import write_private
from lab.statedir import state_folder

NAME = re.compile(r"lab[0-9a-f]{6}")
THING = re.compile(r"(lab[0-9a-f]{6})[_-].+")
"""Name of a machine, network or volume of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What run.json says."""

    detached: bool
    """It outlives the process that brought it up."""
    since: float
    """When it was brought up, seconds since the epoch."""


def runs_folder() -> Path:
    """Return the folder of all runs, made if need be. Raises HostError."""
    return state_folder("vagrant")


def new_name() -> str:
    """Return the name of a new run."""
    return f"lab{os.urandom(3).hex()}"


def all_runs() -> list[Path]:
    """Return the folders of all runs. Raises HostError."""
    return [folder for folder in sorted(runs_folder().iterdir()) if NAME.fullmatch(folder.name) and folder.is_dir()]


def run_of(thing: str) -> str | None:
    """Return the run that a machine, network or volume belongs to by its name; None: it is none of ours."""
    found = THING.fullmatch(thing)
    return found[1] if found else None


def write_record(run: Path, record: Record) -> None:
    """Write run.json."""
    write_private(run / "run.json", json.dumps({"detached": record.detached, "since": record.since}))


def read_record(run: Path) -> Record:
    """Return the record; of a run that was killed before it had one, an attached run that is as old as its folder."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads((run / "run.json").read_text())
        return Record(detached=bool(said["detached"]), since=float(said["since"]))
    with contextlib.suppress(OSError):
        return Record(detached=False, since=run.stat().st_mtime)
    return Record(detached=False, since=time.time())


def is_owned(run: Path) -> bool:
    """Whether a living process owns the run."""
    try:
        return is_held(run / "lock")
    except OSError:
        return False


@contextlib.contextmanager
def owned(run: Path, *, new: bool = False) -> Iterator[bool]:
    """Own a run for the time of a block, which is made if it is new; False if somebody else owns it, or has ended it.

    A new folder gets its name when its lock is held: nobody ever finds a new run unlocked. Raises OSError if it cannot be made.
    """
    folder = run.with_name(f".new-{run.name}") if new else run
    if new:
        folder.mkdir(mode=0o700)
    with contextlib.ExitStack() as held:
        try:
            descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            held.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, FileNotFoundError):
            yield False
            return
        if new:
            folder.rename(run)
        yield os.fstat(descriptor).st_nlink > 0  # whoever owned it before may have removed it, with the lock that we opened


@contextlib.contextmanager
def alone() -> Iterator[bool]:
    """Be the only one who brings up a detached run, for the time of a block; False if somebody else is at it. Raises HostError."""
    descriptor = os.open(runs_folder(), os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)
