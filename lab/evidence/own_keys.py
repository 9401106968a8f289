"""Keys from the log of our own initiator (lab/probe/agent/key_log.py): a line of JSON each. Throw-away keys of one run."""

from __future__ import annotations

import json

from lab.errors import EvidenceError
from lab.evidence.keys import EspKeys, IkeKeys, KeyRing


def read_own_keys(log: str) -> KeyRing:
    """Return all keys of a client's log. Raises EvidenceError for a line that is none."""
    ring = KeyRing()
    for number, line in enumerate(log.splitlines(), 1):
        try:
            _add(ring, json.loads(line))
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise EvidenceError(f"line {number} of the initiator's key log holds no keys: {type(error).__name__}") from error
    return ring


def _add(ring: KeyRing, entry: dict[str, str]) -> None:
    if "spi_i" in entry:
        secrets = {name: bytes.fromhex(entry[name]) for name in ("ei", "er", "ai", "ar")}
        ring.ike[entry["spi_i"], entry["spi_r"]] = IkeKeys(spi_i=entry["spi_i"], spi_r=entry["spi_r"], secrets=secrets)
    else:
        ring.esp.append(EspKeys(source=entry["source"], destination=entry["destination"], spi=entry["spi"],
                                cipher_key=bytes.fromhex(entry["cipher"]), integrity_key=bytes.fromhex(entry["integrity"])))
