"""The twin's ledger, lab/twin/fidelity.yaml: what it imitates, on whose word, and which tests would notice the opposite."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lab.errors import ConfigError
from lab.yamlfile import read_yaml

LEDGER = Path(__file__).parent / "twin" / "fidelity.yaml"


class Confidence(StrEnum):
    """On what the belief rests that Windows does so."""

    DOCUMENTED = "documented"
    OBSERVED = "observed"
    """By the article's author, on real Windows."""
    INFERRED = "inferred"
    """From what was observed or documented; the first run on real Windows settles it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """A behaviour of Windows that the twin imitates."""

    id: str
    imitates: str
    inverted: str
    """What the twin does under `--invert ID`."""
    source: str
    confidence: Confidence
    shown_by: tuple[str, ...]
    """Tests that the inverted twin turns red, and no others: node ids, without the fixture's parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotImitated:
    """A behaviour of Windows that the twin lacks, and says so here rather than pretending in a log."""

    what: str
    why: str
    source: str
    id: str = ""
    """Of an entry to which a golden message refers (tests/guest/golden)."""
    shows: str = ""
    """How it shows, where one could see it: on the wire, in a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All of it."""

    behaviours: dict[str, Behaviour]
    not_imitated: tuple[NotImitated, ...]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Behaviour(_Entry):
    id: str
    imitates: str
    inverted: str
    source: str
    confidence: Confidence
    shown_by: tuple[str, ...]


class _NotImitated(_Entry):
    what: str
    why: str
    source: str
    id: str = ""
    shows: str = ""


class _File(_Entry):
    behaviours: list[_Behaviour]
    not_imitated: list[_NotImitated]


def load_ledger(path: Path = LEDGER) -> Ledger:
    """Return the ledger.

    Raises:
        ConfigError: the file is missing or wrong; names the entry and the field.
    """
    read = read_yaml(path)
    try:
        content = _File.model_validate(read)
    except ValidationError as error:
        problem = error.errors()[0]
        raise ConfigError(f"{path}: {'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}") from error
    behaviours: dict[str, Behaviour] = {}
    for entry in content.behaviours:
        if entry.id in behaviours:
            raise ConfigError(f"{path}: the id {entry.id!r} stands twice")
        if not entry.shown_by:
            raise ConfigError(f"{path}: {entry.id}: no test would notice its inversion", hint="name the tests in shown_by, or leave it out")
        behaviours[entry.id] = Behaviour(**entry.model_dump())
    named = [entry.id for entry in content.not_imitated if entry.id]
    if twice := next((one for one in named if named.count(one) > 1 or one in behaviours), ""):
        raise ConfigError(f"{path}: the id {twice!r} stands twice")
    return Ledger(behaviours=behaviours, not_imitated=tuple(NotImitated(**entry.model_dump()) for entry in content.not_imitated))
