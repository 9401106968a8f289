"""What can go wrong: a message that is none, and an end that refuses. Light: this package runs in the guest, without lab.errors."""

from __future__ import annotations


class IkeError(Exception):
    """Base of what this package raises on purpose."""


class Malformed(IkeError):
    """Bytes that are no IKE message, or not the message that they should be."""


class Refused(IkeError):
    """One end refuses.

    Attributes:
        by: "server" or "client".
        notify: the server's notify by its IANA name; "" when it sent none.
    """

    def __init__(self, by: str, reason: str, *, notify: str = "") -> None:
        super().__init__(reason)
        self.by, self.reason, self.notify = by, reason, notify
