"""docs/unverified.md is whole: every inferred entry, script and module that calls something unverified stands there, and nothing that is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.claims import Sureness, load_claims
from lab.fidelity import Confidence, load_ledger

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "unverified.md").read_text()
CODE = re.compile(r"`([^`]+)`")
PATH = re.compile(r"(?:[\w.-]+/)+[\w.-]+\.(?:py|ps1|cs|ya?ml|xml|hcl|template|md|txt)")
CLAIMS, LEDGER = load_claims(ROOT / "e2e" / "claims.yaml"), load_ledger()


def subjects(page: str) -> set[str]:
    """Return what the rows of the page's tables are about: the code in their first cells."""
    tables = page.partition("## The scripts and Windows PowerShell")[0]
    return {name for line in tables.splitlines() if line.startswith("| `") for name in CODE.findall(line.split("|")[1])}


def is_marked(script: str) -> bool:
    """Whether a comment of a PowerShell script calls something inferred or unverified."""
    return re.search(r"(?im)(?:^|\s)#.*\b(?:inferred|unverified)\b", script) is not None


def is_marked_module(source: str) -> bool:
    """Whether a docstring or comment of a module does; the word in quotes is a value."""
    return re.search(r"(?i)(?<![\"'])\b(?:inferred|unverified)\b(?![\"'])", re.sub(r"\bINFERRED\b", "", source)) is not None


def is_marked_source(source: str) -> bool:
    """Whether a comment of a C# source does."""
    return re.search(r"(?im)//.*\b(?:inferred|unverified)\b", source) is not None


def due() -> set[str]:
    """Return what must have a row."""
    inferred = {one.id for one in LEDGER.behaviours.values() if one.confidence is Confidence.INFERRED}
    inferred |= {one.id for one in CLAIMS.values() if Sureness.INFERRED in (one.windows, one.macos)}
    scripts = [*(ROOT / "fixtures" / "windows").glob("*.ps1"), *(ROOT / "boxes" / "windows").glob("*.ps1")]
    marked = [one for one in scripts if is_marked(one.read_text())]
    marked += [one for one in (ROOT / "lab").rglob("*.py") if is_marked_module(one.read_text())]
    marked += [one for one in (ROOT / "fixtures" / "eaphost").rglob("*.cs") if is_marked_source(one.read_text())]
    return inferred | {str(one.relative_to(ROOT)) for one in marked}


def strangers(page: str) -> set[str]:
    """Return what the page names and the project does not have."""
    known = CLAIMS.keys() | LEDGER.behaviours.keys()
    paths = {path for code in CODE.findall(page) for path in PATH.findall(code)}
    return {name for name in subjects(page) - known if not (ROOT / name).exists()} | {path for path in paths if not (ROOT / path).exists()}


def selections(page: str) -> set[str]:
    """Return the words by which the page's commands choose tests."""
    chosen = re.findall(r"pytest e2e -k (?:\"([^\"]+)\"|([\w.-]+))", page)
    return {word for quoted, plain in chosen for word in re.split(r" (?:and|or|not) ", quoted or plain)}


@pytest.mark.parametrize(("script", "marked"), [
    ("# Unverified on real Windows: all of it", True), ("Get-Date\n    # that it is local is inferred", True), ("Get-Date  # (Inferred.)", True),
    ("# Verified by its author", False), ("$state = 'inferred'", False), ("$colour = '#inferredBlue'", False),
])
def test_a_mark_is_a_word_in_a_comment(script: str, marked: bool) -> None:
    assert is_marked(script) is marked


@pytest.mark.parametrize(("source", "marked"), [
    ('"""Windows answers (inferred)."""', True), ("x = 1  # unverified", True), ('INFERRED = "inferred"', False), ("one is Confidence.INFERRED", False),
])
def test_a_mark_of_a_module_is_no_value(source: str, marked: bool) -> None:
    assert is_marked_module(source) is marked


@pytest.mark.parametrize(("source", "marked"), [("// Unverified: all of it", True), ("    // a guess (inferred)", True), ("int unverified;", False)])
def test_a_mark_of_a_csharp_source_is_a_comment(source: str, marked: bool) -> None:
    assert is_marked_source(source) is marked


def test_everything_that_is_unverified_has_a_row() -> None:
    assert due() - subjects(PAGE) == set()


def test_nothing_on_the_page_is_unknown() -> None:
    assert strangers(PAGE) == set()


def test_every_selection_chooses_tests() -> None:
    text = "".join(path.name + path.read_text() for path in (ROOT / "e2e").glob("test_*.py"))

    assert {word for word in selections(PAGE) if not re.search(rf"(?m)^def test_\w*{word}|test_{word}\w*\.py", text)} == set()


@pytest.mark.parametrize("name", sorted(due()))
def test_a_missing_row_is_noticed(name: str) -> None:
    assert due() - subjects(PAGE.replace(f"`{name}`", "`something else`")) == {name}


@pytest.mark.parametrize("stranger", ["`no-such-behaviour`", "`fixtures/windows/no-such.ps1`", "`lab/no_such.py`"])
def test_a_name_that_does_not_exist_is_noticed(stranger: str) -> None:
    assert strangers(f"{PAGE.partition('## Claims')[0]}\n| {stranger} | | | |\n") == {stranger.strip("`")}
