"""What charon could not do for a client, as its plugin error-notify tells: fixed records over a Unix socket.

Source: strongSwan 6.0.1, src/libcharon/plugins/error_notify/error_notify_msg.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

SOCKET = "/run/charon.enfy"
RECORD = struct.Struct("!i384s64s256s60s")
"""Kind, text, connection, peer's identity, peer's address and port; texts end with a zero."""
NO_ADDRESS = 15
"""ERROR_NOTIFY_VIP_FAILURE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CharonError:
    """One of them."""

    kind: int
    text: str
    connection: str
    identity: str
    address: str


def errors(path: str = SOCKET) -> Iterator[CharonError]:
    """Yield charon's errors until it ends. Raises OSError if it does not listen."""
    with socket.socket(socket.AF_UNIX) as charon:
        charon.connect(path)
        with charon.makefile("rb") as records:
            while len(record := records.read(RECORD.size)) == RECORD.size:
                kind, *texts = RECORD.unpack(record)
                text, connection, identity, address = (one.partition(b"\0")[0].decode(errors="replace") for one in texts)
                yield CharonError(kind=kind, text=text, connection=connection, identity=identity, address=address)
