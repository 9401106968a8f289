"""What a killed run left on the server: reverted from its journal, and compared with the server of before.

Called when a lab is opened, before anything else is done to it, and by `lab revert`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.prepare.ready import await_ready
from lab.probe.probe import JSON
from lab.progress import Progress
from lab.server import view
from lab.server.journal import Fingerprint, Journal
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverted:
    """What was put back, and whether it helped."""

    steps: tuple[str, ...]
    """Names, in the order in which they were applied."""
    differences: tuple[str, ...]
    """What is not as it was before the first of them, a line each; empty when everything is."""


def revert_left_over(session: WindowsSession, journal: Journal, *, scripts: Path, progress: Progress) -> Reverted | None:
    """Put back what a run that is no more has left, and say so; return None when it left nothing.

    Args:
        session: the session with the server.
        journal: opened by whoever has the lab to himself.
        scripts: folder of the provisioning scripts.
        progress: told what was found, and what is still different.

    Raises:
        StepFailed: one could not be reverted; it stays in the journal.
        ConfigError: the server refuses our user.
        InfrastructureError: the server cannot be reached; the journal stays as it is.
    """
    if journal.entries:
        progress(f"{journal.file.name}: an earlier run left {', '.join(_names(journal))} on the server; putting it back")
        await_ready(session, progress=progress)
    reverted = revert_journal(session, journal, scripts=scripts)
    for line in reverted.differences if reverted else ():
        progress(f"not as before: {line}")
    return reverted


def revert_journal(session: WindowsSession, journal: Journal, *, scripts: Path) -> Reverted | None:
    """Put back what a journal says is applied, and compare; return None when it says nothing. Raises as `revert_left_over`."""
    if not journal.entries:
        return None
    steps, before = _names(journal), journal.before
    Provisioner(session, scripts=scripts, journal=journal).revert()
    return Reverted(steps=steps, differences=tuple(difference(before, view.read(session, scripts).fingerprint)))


def _names(journal: Journal) -> tuple[str, ...]:
    return tuple(one.step.name for one in journal.entries)


def difference(before: Fingerprint, now: Fingerprint) -> list[str]:
    """Return the fields in which two fingerprints differ, one line each: "parameters.ServerFlags was 1, is 2"."""
    old, new = dict(_fields(before)), dict(_fields(now))
    return [f"{name} was {old.get(name, 'absent')}, is {new.get(name, 'absent')}"
            for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]


def _fields(value: JSON | Mapping[str, JSON], name: str = "") -> list[tuple[str, str]]:
    """Return all values that are no mappings, by their path; an empty mapping is a value."""
    if isinstance(value, Mapping) and (value or not name):
        return [field for key, one in value.items() for field in _fields(one, f"{name}.{key}".lstrip("."))]
    return [(name, repr(value))]
