"""Who learns that a client asked for EAP in vain, where no connection of charon's has any: charon's own log does, and nothing else.

The message is strongSwan 6.0.1's, src/libcharon/sa/ikev2/tasks/ike_auth.c, one for each connection that was tried.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from lab.wire.vici import Vici

MESSAGE = "peer requested EAP, config unacceptable"


class Unasked:
    """Follows charon's log."""

    def __init__(self, tell: Callable[[], None]) -> None:
        """Follow it; `tell` is called for each client, in a thread of this object's. Raises OSError."""
        self._vici, self._tell = Vici(), tell
        self._thread = threading.Thread(target=self._follow, name="clients that ask for EAP", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Follow it no longer."""
        self._vici.close()

    def _follow(self) -> None:
        with contextlib.suppress(OSError):  # charon has ended, or we have
            for _, content in self._vici.listen(["log"]):
                if isinstance(content, dict) and content.get("msg") == MESSAGE:
                    self._tell()
