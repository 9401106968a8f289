"""Getting a server back to how it was: the lowest of three levels that does it. Revert the journal; go back to a snapshot; make it anew.

A higher level costs minutes and is for what a revert cannot undo: a step that fails on its way back, a server that does not answer, a change
that no journal knows. What a level did not achieve is the reason for the next, and is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from lab.backends.base import Lab, Machine, Restorable
from lab.errors import InfrastructureError, LabError
from lab.prepare.left_over import difference
from lab.prepare.server import prepare_server
from lab.progress import Progress
from lab.server import view
from lab.server.journal import LAB, TEST, Fingerprint, Journal, journal_file
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.topology import Topology


class Level(StrEnum):
    """How a server was put back."""

    JOURNAL = "journal"
    SNAPSHOT = "snapshot"
    REBUILD = "rebuild"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What brought the server back, and why nothing less did."""

    level: Level
    because: tuple[str, ...]
    """What the levels below did not achieve, a line each; empty when the journal was enough."""


class Hands(Protocol):
    """What is done on the server itself; `WindowsHands` does it over WinRM."""

    def revert(self) -> None:
        """Put back what a test applied, from its journal. Raises LabError."""

    def fingerprint(self) -> Fingerprint:
        """Return the server as it is now. Raises LabError."""

    def settle(self) -> None:
        """After a snapshot: wait until it is ready, set its clock, make sure of the lab's first step; the test's journal is void."""

    def prepare(self) -> None:
        """After a rebuild: wait until it is ready and take the lab's first step anew; all journals are void."""


def recover(lab: Lab, hands: Hands, before: Fingerprint, *, progress: Progress) -> Recovery:
    """Bring a server back to a fingerprint by the lowest level that does it. Tunnels are the caller's to end, before.

    Args:
        lab: whether it can do more than revert is asked of it.
        hands: what is done on the server.
        before: what the server must have again. A machine made anew may differ (certificates of its own): that is told, and taken.
        progress: told which level is tried, and why.

    Raises:
        InfrastructureError: no level of this lab brought it back; with what is different.
    """
    because: list[str] = []
    for level, act in _levels(lab, hands):
        progress(f"{level}: putting the server back" + (f", because {because[-1]}" if because else ""))
        failure = _try(act)
        differences = [failure] if failure else _compare(hands, before)
        if not differences or (level is Level.REBUILD and not failure):
            return Recovery(level=level, because=(*because, *differences))
        because += [f"{level}: {line}" for line in differences]
    remedy = "put it back by hand, then delete the journals in the state folder" if not isinstance(lab, Restorable) else "`lab down`, `lab up`"
    raise InfrastructureError(f"the server of the {lab.name} lab could not be put back", evidence="\n".join(because), hint=remedy)


def _levels(lab: Lab, hands: Hands) -> list[tuple[Level, Callable[[], None]]]:
    """Return what the lab can do, the lowest level first."""
    levels: list[tuple[Level, Callable[[], None]]] = [(Level.JOURNAL, hands.revert)]
    if isinstance(lab, Restorable):
        restore, rebuild, keep = lab.restore, lab.rebuild, lab.keep

        def to_snapshot() -> None:
            restore()
            hands.settle()

        def to_new_machine() -> None:
            rebuild()
            hands.prepare()
            keep()  # the snapshot went with the old machine

        levels += [(Level.SNAPSHOT, to_snapshot), (Level.REBUILD, to_new_machine)]
    return levels


def _try(act: Callable[[], None]) -> str:
    """Return why it failed; empty if it did not."""
    try:
        act()
    except LabError as error:
        return error.message
    return ""


def _compare(hands: Hands, before: Fingerprint) -> list[str]:
    try:
        return difference(before, hands.fingerprint())
    except LabError as error:
        return [error.message]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsHands:
    """On the server, over WinRM."""

    machine: Machine
    topology: Topology
    reopen: Callable[[], WindowsSession]
    """Returns the session to use; asked again after a restore or rebuild, which end sessions and may move the server."""
    scripts: Path
    state: Path
    progress: Progress

    def revert(self) -> None:
        """See `Hands`."""
        Provisioner(self.reopen(), scripts=self.scripts, journal=self._journal(TEST)).revert()

    def fingerprint(self) -> Fingerprint:
        """See `Hands`."""
        return view.read(self.reopen(), self.scripts).fingerprint

    def settle(self) -> None:
        """See `Hands`."""
        journal_file(self.state, TEST).unlink(missing_ok=True)
        self._take_first_step()

    def prepare(self) -> None:
        """See `Hands`."""
        for name in (TEST, LAB):
            journal_file(self.state, name).unlink(missing_ok=True)
        self._take_first_step()

    def _take_first_step(self) -> None:
        prepare_server(self.machine, self.topology, self.reopen(), scripts=self.scripts, state=self.state, progress=self.progress)

    def _journal(self, name: str) -> Journal:
        return Journal(journal_file(self.state, name))
