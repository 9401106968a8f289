"""Putting a lab's machines back: the server from its journals, Linux machines from what they wrote down. Every machine gets its turn.

Whether there is anything to put back is known here, without asking the machines: journals, records of packages, and the mark that a lab of
existing machines leaves while it is in use.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.backends.base import Lab, Machine
from lab.backends.machines import in_use
from lab.errors import LabError
from lab.prepare.left_over import Reverted
from lab.prepare.linux import LinuxMachine
from lab.prepare.server import release_server
from lab.progress import Progress
from lab.server.journal import LAB, TEST, journal_file
from lab.server.session import WindowsSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What was put back."""

    server: Reverted | None
    """None: no journal said anything of the server."""
    machines: tuple[str, ...]
    """Linux machines that were released."""

    @property
    def differences(self) -> tuple[str, ...]:
        """What of the server is not as before, a line each."""
        return self.server.differences if self.server else ()


def anything_left(state: Path | None) -> bool:
    """Whether something of a lab may have to be put back."""
    if state is None:
        return False
    journals = [journal_file(state, name) for name in (TEST, LAB)]
    return in_use(state).exists() or any(file.exists() for file in journals) or any(state.glob("*.packages.json"))


def release_lab(lab: Lab, windows: WindowsSession, *, scripts: Path, progress: Progress) -> Released:
    """Put back every machine of a lab that is up.

    Args:
        lab: with the machines.
        windows: the session with the server.
        scripts: folder of the provisioning scripts.
        progress: told one line per machine, also what failed.

    Raises:
        LabError: the first machine that could not be put back; the others are, and `lab revert` tries again.
    """
    if lab.state is None or not lab.machines:
        return Released(server=None, machines=())
    state, errors = lab.state, list[LabError]()
    reverted: Reverted | None = None
    linux = [machine for machine in lab.machines if machine.way.ssh]
    with ThreadPoolExecutor() as pool:
        others = [(machine, pool.submit(_release_linux, machine, state, progress)) for machine in linux]
        try:
            reverted = release_server(windows, scripts=scripts, state=state, progress=progress)
        except LabError as error:
            errors.append(error)
        released = [machine.name for machine, other in others if _succeeds(other.result, errors)]
    for one in errors:
        progress(f"not put back: {one.message}")
    if errors:
        raise errors[0]
    in_use(state).unlink(missing_ok=True)
    return Released(server=reverted, machines=tuple(released))


def _release_linux(machine: Machine, state: Path, progress: Progress) -> None:
    with LinuxMachine(machine, record=packages_record(state, machine), progress=progress) as one:
        one.release()
    progress(f"{machine.name}: hosts, adapters and packages put back")


def packages_record(state: Path, machine: Machine) -> Path:
    """Return the file in which the packages are written down that were installed on a machine."""
    return state / f"{machine.name}.packages.json"


def _succeeds(act: Callable[[], None], errors: list[LabError]) -> bool:
    try:
        act()
    except LabError as error:
        errors.append(error)
        return False
    return True
