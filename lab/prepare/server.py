"""The server's first step over WinRM: names and addresses of its lab adapters, the firewall for them, its clock; and the way back."""

from __future__ import annotations

from pathlib import Path

from lab import budgets
from lab.backends.base import Machine
from lab.backends.machines import ExistingServer
from lab.prepare.left_over import Reverted, revert_journal
from lab.prepare.preflight import objection_to_evaluation
from lab.prepare.ready import await_ready
from lab.progress import Progress
from lab.server.journal import LAB, TEST, Journal, journal_file
from lab.server.lab_steps import lab_adapters, lab_clock, lab_firewall
from lab.server.machine import read as read_machine
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.topology import Topology


def prepare_server(
    machine: Machine, topology: Topology, windows: WindowsSession, *, scripts: Path, state: Path | None, progress: Progress
) -> None:
    """Make the server a part of the lab. Idempotent: what is in force and in the journal is only verified.

    Args:
        machine: the server's.
        topology: its addresses.
        windows: the session with it.
        scripts: folder of the provisioning scripts.
        state: where the journal is kept; None: the machine goes with the lab.
        progress: told one line per phase.

    Raises:
        ConfigError: it refuses our user, or its evaluation has expired; nothing was touched.
        InfrastructureError: it was not ready in time, or a journal cannot be read.
        StepFailed: an adapter is missing, or a setting could not be made; everything is reverted.
    """
    if not isinstance(machine, ExistingServer):  # `preflight` has waited for that one
        await_ready(windows, progress=progress)
        if objection := objection_to_evaluation(read_machine(windows, scripts)):
            raise objection
    progress(f"{machine.name}: adapters, firewall and clock")
    journal = Journal(journal_file(state, LAB)) if state else None
    set_clock(windows, scripts=scripts)
    wanted = [lab_adapters(topology.server, machine.adapters), lab_firewall(machine.adapters)]
    Provisioner(windows, scripts=scripts, journal=journal).ensure(wanted)


def set_clock(windows: WindowsSession, *, scripts: Path) -> None:
    """Set the server's clock to this machine's. In no journal: a clock that is right is never put back. Raises StepFailed."""
    Provisioner(windows, scripts=scripts).apply([lab_clock()])


def release_server(windows: WindowsSession, *, scripts: Path, state: Path, progress: Progress) -> Reverted | None:
    """Put the server back to what it was before the lab: what tests left first, then the first step.

    Returns:
        What was put back, and how the server differs from before the earliest change; None when no journal says anything.

    Raises:
        StepFailed: a step could not be reverted; it stays in its journal.
        ConfigError: the server refuses our user.
        InfrastructureError: the server cannot be reached, or a journal cannot be read.
    """
    steps: list[str] = []
    last: Reverted | None = None
    journals = [Journal(journal_file(state, name)) for name in (TEST, LAB)]  # both are read before anything is reverted
    if any(journal.entries for journal in journals):
        await_ready(windows, budget=budgets.WINRM_FIRST_ANSWER, progress=progress)
    for journal in journals:
        if reverted := revert_journal(windows, journal, scripts=scripts):
            progress(f"{journal.file.name}: put back {', '.join(reverted.steps)}")
            steps, last = [*reverted.steps, *steps], reverted
    return Reverted(steps=tuple(steps), differences=last.differences) if last else None
