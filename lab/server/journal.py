"""The journal of a server: what was changed, and all that putting it back needs, in one file that survives a crash.

Rules: an entry is on the disk before its change is made, and goes when its revert has succeeded; no file means that nothing is to be
put back. The file holds keys and passwords in full (a certificate is taken away again by its PFX), so only its owner can read it. A
file that is not wholly understood is never acted on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from lab.errors import InfrastructureError
from lab.probe.probe import JSON
from lab.secrets import Secret, write_private
from lab.server.steps import Step

VERSION: Final = 1
LAB, TEST = "lab", "test"
"""The two journals of a lab: its first step, which lasts as long as the lab is prepared; and what one test applies."""

Fingerprint: TypeAlias = "Mapping[str, JSON]"
"""What a server must have again after a revert (`lab.server.view.IncomingConnections.fingerprint`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A step that was applied, or was about to be, and what it had found before."""

    step: Step
    found: JSON


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Entry(_Model):
    step: str
    script: str
    parameters: dict[str, JsonValue]
    secrets: list[str]
    last: bool
    found: JsonValue


class _File(_Model):
    version: Literal[1]
    before: dict[str, JsonValue]
    entries: list[_Entry]


def journal_file(state: Path, name: str) -> Path:
    """Return the file of a lab's journal: `LAB` or `TEST` in the lab's state folder."""
    return state / f"{name}.journal.json"


class Journal:
    """One file. Not for two processes at once: whoever uses it has the lab to itself."""

    def __init__(self, file: Path) -> None:
        """Read what is there.

        Raises:
            InfrastructureError: the file cannot be read, is half-written, or is of another version.
        """
        self.file = file
        self.before: Fingerprint = {}
        """The server before the first change; empty when there are no entries."""
        self.entries: tuple[Applied, ...] = ()
        """In the order in which they were applied."""
        try:
            text = file.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable(f"cannot be read: {error.strerror}") from error
        try:
            content = _File.model_validate_json(text)
        except ValidationError as error:
            problem = error.errors(include_input=False)[0]  # an input may hold a secret
            place = ".".join(str(part) for part in problem["loc"]) or "the whole file"
            raise self._unusable(f"is not a journal of version {VERSION}: {place}: {problem['msg']}") from None
        self.before = cast("Fingerprint", content.before)
        self.entries = tuple(_applied(entry) for entry in content.entries)

    def keep(self, entries: Sequence[Applied], *, before: Fingerprint) -> None:
        """Put these entries on the disk in place of what was there; return when they would survive a loss of power.

        Args:
            entries: everything that is still to be reverted; none removes the file.
            before: the server before the first of them.

        Raises:
            InfrastructureError: they could not be written; the old file is whole.
        """
        try:
            if entries:
                self._write(_File(version=VERSION, before=cast("dict[str, JsonValue]", dict(before)),
                                  entries=[_entry(one) for one in entries]).model_dump_json(indent=1))
            else:
                self.file.unlink(missing_ok=True)
            _sync(self.file.parent)
        except OSError as error:
            raise InfrastructureError(f"the journal {self.file} cannot be written: {error.strerror}",
                                      hint="nothing is changed without it; make room, or set LAB_STATE to another folder") from error
        self.entries, self.before = tuple(entries), before if entries else {}

    def _write(self, text: str) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = write_private(self.file.with_suffix(".new"), text)
        _sync(fresh)
        fresh.replace(self.file)

    def _unusable(self, problem: str) -> InfrastructureError:
        return InfrastructureError(
            f"the journal {self.file} {problem}; nothing was touched",
            hint="it tells what must be put back on the server: revert it with the checkout that wrote it; or put the server back by hand "
                 "(a snapshot, a new machine), then delete the file")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entry(one: Applied) -> _Entry:
    step = one.step
    return _Entry(step=step.name, script=step.script, parameters=cast("dict[str, JsonValue]", dict(step.parameters)),
                  secrets=[secret.reveal() for secret in step.secrets], last=step.last, found=one.found)


def _applied(entry: _Entry) -> Applied:
    step = Step(name=entry.step, because="a journal says that it was applied", script=entry.script, last=entry.last,
                parameters=cast("Mapping[str, JSON]", entry.parameters), secrets=tuple(Secret(one) for one in entry.secrets))
    return Applied(step=step, found=entry.found)
