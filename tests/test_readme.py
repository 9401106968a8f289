"""README tells the truth where a machine can check it: its counts, its commands, its links."""

from __future__ import annotations

import re
from pathlib import Path

from lab.claims import Evidence, load_claims
from lab.cli.main import VERBS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_counts_are_those_of_the_claims() -> None:
    claims = load_claims(ROOT / "e2e" / "claims.yaml")
    due = (ROOT / "e2e" / "due.txt").read_text().split()
    by_class = {evidence: sum(claims[name].evidence is evidence for name in due) for evidence in Evidence}

    assert f"| by independent protocol code | {by_class[Evidence.PROTOCOL]} of {len(due)} |" in README
    assert f"| consistent with our model | {by_class[Evidence.MODEL]} of {len(due)} |" in README
    assert f"{len(due)} of the specification's {len(claims)} claims have tests" in README


def test_the_verbs_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    verbs = {verb.name for verb in VERBS}

    assert set(re.findall(r"(?m)(?:^|`|\| )lab ([a-z]+)", README)) <= verbs
    assert all(f"\n{target}:" in makefile for target in set(re.findall(r"`make ([a-z0-9-]+)", README)))


def test_the_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
