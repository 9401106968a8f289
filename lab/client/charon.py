"""What every profile that charon carries out has in common: how it is taken back."""

from __future__ import annotations

import contextlib

from lab.errors import CommandFailed
from lab.probe.probe import Probe

TERMINATE_MS = 3_000


def forget(probe: Probe, connection: str) -> None:
    """End a connection if it is there, and forget its profile, all credentials and cached certificates."""
    probe.vici_control("terminate", {"ike": connection, "timeout": str(TERMINATE_MS), "force": "yes", "loglevel": "-1"})
    with contextlib.suppress(CommandFailed):  # none is loaded
        probe.vici("unload_conn", {"name": connection})
    probe.vici("clear_creds")
    probe.vici("flush_certs", {})
