"""The keys of our own initiator's connections, for reading captures: one file, a line of JSON for each IKE SA and each direction of ESP.

Throw-away keys of one run, as charon.keys has those of charon's (lab/hosts/etc/strongswan.client.conf); 0600. lab/evidence/own_keys.py reads it.
"""

from __future__ import annotations

import json
import os

PATH = "/run/lab/log/ike.keys"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.ike.conversation import Child
    from lab.ike.keys import IkeKeys


def keep_ike(spis: tuple[bytes, bytes], keys: IkeKeys) -> None:
    """Write the keys of an IKE SA."""
    secrets = {"ei": keys.ei, "er": keys.er, "ai": keys.ai, "ar": keys.ar}
    _write({"spi_i": spis[0].hex(), "spi_r": spis[1].hex()} | {name: key.hex() for name, key in secrets.items()})


def keep_child(local: str, remote: str, child: Child) -> None:
    """Write the keys of both directions of a child SA, between two addresses."""
    keys = child.keys
    for ends, spi, cipher, integrity in (((remote, local), child.spi_in, keys.in_cipher, keys.in_integrity),
                                         ((local, remote), child.spi_out, keys.out_cipher, keys.out_integrity)):
        _write({"source": ends[0], "destination": ends[1], "spi": spi.hex(), "cipher": cipher.hex(), "integrity": integrity.hex()})


def _write(line: dict[str, str]) -> None:
    descriptor = os.open(PATH, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, json.dumps(line).encode() + b"\n")
    finally:
        os.close(descriptor)
