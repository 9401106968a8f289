"""Ending process groups. Standard library only: the supervisor imports it."""

from __future__ import annotations

import contextlib
import os
import signal


def kill_group(leader: int) -> None:
    """SIGKILL to the process group that `leader` leads, or to it alone if it has not become a leader yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(leader) != os.getpgid(0):
            os.killpg(leader, signal.SIGKILL)
            return
    with contextlib.suppress(ProcessLookupError):
        os.kill(leader, signal.SIGKILL)
