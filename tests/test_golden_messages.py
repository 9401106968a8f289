"""The golden messages of tests/guest/golden: each difference of the lab's own is one, and stands in a ledger; every entry with an id is used."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "guest"))
import golden

NAMES = sorted(path.stem for path in golden.FOLDER.glob("*.yaml") if path.stem != "vendor_ids")


@pytest.mark.parametrize("name", NAMES)
def test_what_differs_differs_and_stands_in_a_ledger(name: str) -> None:
    message = golden.load(name)

    assert message.entries.keys() == message.ours.keys()
    assert all(list(message.fields[field]) != list(value) for field, value in message.ours.items())
    assert set(message.entries.values()) <= golden.known_entries()


def test_every_entry_with_an_id_is_shown_by_a_message() -> None:
    assert golden.known_entries() == {entry for name in NAMES for entry in golden.load(name).entries.values()}


def test_vendor_ids_have_their_names_and_unknown_ones_their_value() -> None:
    assert golden.vendor_names(["09002689dfd6b712", "00ff"]) == ["XAuth", "00ff"]
