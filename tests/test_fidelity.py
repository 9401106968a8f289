"""The twin's ledger against the twin and the suite, and what a wrong ledger is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.changed import as_in_ledger
from lab.errors import ConfigError
from lab.fidelity import LEDGER, load_ledger
from lab.twin.rras.inversions import INVERSIONS

ENTRY = "{id: a, imitates: b, inverted: c, source: d, confidence: inferred, shown_by: [t]}"


def test_every_entry_can_be_inverted_and_every_inversion_has_an_entry() -> None:
    assert set(load_ledger().behaviours) == set(INVERSIONS)


def test_every_mapped_test_exists() -> None:
    collected = subprocess.run([sys.executable, "-m", "pytest", "e2e", "--collect-only", "-q"], capture_output=True, text=True, check=True)
    known = {as_in_ledger(line) for line in collected.stdout.splitlines()}

    assert {test for behaviour in load_ledger().behaviours.values() for test in behaviour.shown_by} <= known


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (f"behaviours: [{ENTRY}, {ENTRY}]\nnot_imitated: []", "the id 'a' stands twice"),
        (f"behaviours: [{ENTRY.replace('[t]', '[]')}]\nnot_imitated: []", "a: no test would notice its inversion"),
        (f"behaviours: [{ENTRY.replace('inferred', 'guessed')}]\nnot_imitated: []", "behaviours.0.confidence: Input should be"),
        (f"behaviours: [{ENTRY.replace('source: d, ', '')}]\nnot_imitated: []", "behaviours.0.source: Field required"),
        ("behaviours: [", "is not YAML"),
    ],
)
def test_a_wrong_ledger_is_told_the_place(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "fidelity.yaml"
    path.write_text(content)

    with pytest.raises(ConfigError) as caught:
        load_ledger(path)
    assert complaint in str(caught.value)


def test_the_stand_in_tells_where_it_is_not_macos() -> None:
    ledger = load_ledger(LEDGER.parents[1] / "client" / "fidelity.yaml")

    assert len(ledger.not_imitated) >= 8
