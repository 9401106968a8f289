"""Golden messages: what is public of real Windows and real macOS, field by field, in golden/*.yaml; and the same fields of a captured message.

A file says what the message is and where it is said (`of`, `source`), its fields, and under `ours` each field in which the lab's own message
differs: with our value, and the id of the entry of the ledger's `not_imitated` that says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from lab.evidence.ike import IkeMessage
from lab.evidence.ikev1 import Ikev1Message
from lab.fidelity import LEDGER, load_ledger
from lab.yamlfile import read_yaml

FOLDER = Path(__file__).parent / "golden"
STAND_IN_LEDGER = LEDGER.parents[1] / "client" / "fidelity.yaml"
CIPHERS, HASHES = {"3": "3DES", "12-128": "AES-128", "12-256": "AES-256"}, {"2": "SHA1", "12": "SHA256"}
Fields = Mapping[str, Sequence[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A message, and what of ours differs from it."""

    name: str
    fields: Fields
    ours: Fields
    """Fields that differ, as ours are."""
    entries: Mapping[str, str]
    """By field: the ledger's entry."""

    @property
    def expected(self) -> dict[str, Sequence[object]]:
        """The fields of our message."""
        return {**self.fields, **self.ours}


def load(name: str) -> Golden:
    """Return a file of golden/."""
    read = read_yaml(FOLDER / f"{name}.yaml")
    assert isinstance(read, dict)
    assert set(read) == {"of", "source", "fields", "ours"}, name
    ours = read["ours"] or {}
    return Golden(name=name, fields=read["fields"], ours={field: one["value"] for field, one in ours.items()},
                  entries={field: one["ledger"] for field, one in ours.items()})


def known_entries() -> set[str]:
    """Return the ids of what twin and stand-in do not imitate."""
    return {entry.id for path in (LEDGER, STAND_IN_LEDGER) for entry in load_ledger(path).not_imitated if entry.id}


def vendor_names(values: Iterable[str]) -> list[object]:
    """Return the names of vendor ids; of an unknown one its value."""
    read = read_yaml(FOLDER / "vendor_ids.yaml")
    assert isinstance(read, dict)
    names = {str(value): str(name) for name, value in read.items()}
    return [names.get(value, value) for value in values]


def of_ikev1(message: Ikev1Message) -> dict[str, Sequence[object]]:
    """Return the fields of a message of phase 1."""
    return {
        "payloads": kinds(message.payloads), "transforms": [one.suite for one in message.transforms],
        "authentication": sorted({one.authentication for one in message.transforms}), "seconds": sorted({one.seconds for one in message.transforms}),
        "vendor_ids": vendor_names(message.vendor_ids),
    }


def of_init(message: IkeMessage) -> dict[str, Sequence[object]]:
    """Return the fields of an IKE_SA_INIT."""
    suites: list[dict[str, str]] = []
    for kind, number in (one.split() for one in message.transforms):
        if kind == "encr":
            suites.append({})
        suites[-1][kind] = number
    return {
        "payloads": kinds(message.payloads), "group": [message.ke_group], "notifies": [one.name for one in message.notifies],
        "transforms": [f"{CIPHERS[one['encr']]}/{HASHES[one['integ']]}/{one['dh']}" for one in suites],
        "vendor_ids": vendor_names(str(value).replace(":", "") for value in message.frame.find("isakmp.vid_bytes")),
    }


def of_auth(message: IkeMessage) -> dict[str, Sequence[object]]:
    """Return the fields of an IKE_AUTH, decrypted."""
    return {"payloads": kinds([kind for kind in message.payloads if kind not in ("SK", "SKF")]), "attributes": message.configuration_attributes,
            "notifies": [one.name for one in message.notifies]}


def kinds(payloads: Iterable[str]) -> list[object]:
    """Return the kinds of payloads in their order, each run of one kind once."""
    return [kind for kind, _ in groupby(payloads)]
