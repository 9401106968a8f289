"""The claims: the product's specification, one testable statement each, kept as data in e2e/claims.yaml.

Tests carry claim ids by the markers `claim` (the claim's own test) and `counter` (what must happen when the cause is taken
away). What a pass is worth is said by `evidence`; a claim that proves wrong stays, with `differs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from lab.yamlfile import read_entries


class Evidence(StrEnum):
    """What a pass in the embedded lab is worth."""

    PROTOCOL = "protocol"
    """Code that we did not write could have refuted it."""
    MODEL = "model"
    """The twin answers as we believe Windows does: consistent with our model, no more."""


class Sureness(StrEnum):
    """How sure we are that the real thing does so."""

    DOCUMENTED = "documented"
    OBSERVED = "observed"
    SOURCE = "source"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim."""

    id: str
    where: str
    """Heading of the article, or where else it comes from."""
    says: str
    shows: str
    """What must be observed: control plane (C), wire (D), user (U)."""
    unless: str = ""
    """The counter-test."""
    windows: Sureness | None = None
    macos: Sureness | None = None
    evidence: Evidence
    differs: str = ""
    """What, why, source; only of a claim that proved wrong."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False)

    id: str
    where: str
    says: str
    shows: str
    unless: str = ""
    windows: Sureness | None = None
    macos: Sureness | None = None
    evidence: Evidence
    differs: str = ""


def load_claims(path: Path) -> dict[str, Claim]:
    """Return the claims of a file, by id, in its order.

    Raises:
        ConfigError: the file is missing or wrong; names the entry and the field.
    """
    return {entry.id: Claim(**entry.model_dump()) for entry in read_entries(path, _Entry, key="id")}
