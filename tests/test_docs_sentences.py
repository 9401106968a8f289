"""The sentences that the pages quote are the ones that the program says: whoever searches a page for a message finds it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TABLES = {"vagrant.md": "| it says |", "inventory.md": "| sentence |"}
SPOKEN = ("lab/**/*.py", "fixtures/windows/*.ps1")


@cache
def spoken() -> tuple[str, ...]:
    """All lines of code that may say something, with what is filled in as a gap."""
    files = [file for pattern in SPOKEN for file in sorted(ROOT.glob(pattern))]
    return tuple(re.sub(r"\{[^{}]*\}|\$\([^()]*\)|\$\w+", "…", line) for file in files for line in file.read_text().splitlines())


def quoted(page: str) -> list[str]:
    """The first cells of a page's table of failures."""
    rows = (ROOT / "docs" / page).read_text().partition(TABLES[page])[2].splitlines()[2:]
    table = rows[: rows.index("")] if "" in rows else rows
    return [row.strip("|").partition(" | ")[0].strip() for row in table]


def is_said(sentence: str) -> bool:
    parts = [re.escape(part.strip()) for part in sentence.split("…") if part.strip()]
    return any(re.search(".*".join(parts), line) for line in spoken())


@pytest.mark.parametrize(("page", "sentence"), [(page, sentence) for page in TABLES for sentence in quoted(page)])
def test_the_program_says_it(page: str, sentence: str) -> None:
    assert is_said(sentence), f"docs/{page} quotes what nothing says"


def test_a_sentence_that_nothing_says_is_noticed() -> None:
    assert not is_said("could not … at all, nor anything else")
    assert all(len(quoted(page)) > 5 for page in TABLES)
