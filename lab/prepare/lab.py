"""The first step on a lab whose machines must be prepared: all Linux machines and the server at the same time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.backends.base import Lab, Machine, Restorable
from lab.errors import LabError
from lab.prepare.left_over import revert_left_over
from lab.prepare.linux import LinuxMachine
from lab.prepare.preflight import preflight
from lab.prepare.release import packages_record
from lab.prepare.server import prepare_server
from lab.progress import Progress
from lab.server.journal import TEST, Journal, journal_file
from lab.server.session import WindowsSession
from lab.topology import Role, Topology


def prepare_lab(lab: Lab, topology: Topology, windows: WindowsSession, *, scripts: Path, progress: Progress) -> frozenset[str]:
    """Prepare every machine of a lab, and keep the server as it is then where the lab can. Idempotent.

    Returns:
        What of the lab's capabilities its machines turned out to have: those that every machine with a client has.

    Args:
        lab: a lab that is up.
        topology: who is to be on which machine.
        windows: the session with the server.
        scripts: folder of the provisioning scripts.
        progress: told one line per phase.

    Raises:
        ConfigError: a machine that was there before us is not to be changed; nothing was touched.
        HostError, InfrastructureError, RemoteError: a machine could not be prepared; if it is not the only one, the evidence has the others'.
    """
    preflight(lab, windows, scripts=scripts, progress=progress)
    if lab.state:
        revert_left_over(windows, Journal(journal_file(lab.state, TEST)), scripts=scripts, progress=progress)
    linux = [machine for machine in lab.machines if machine.way.ssh]
    failures: list[LabError] = []
    has: dict[str, frozenset[str]] = {}
    with ThreadPoolExecutor() as pool:
        others = {machine.name: pool.submit(_prepare_linux, lab, machine, topology, progress) for machine in linux}
        for machine in lab.machines:
            if machine.way.winrm:
                with _collected(failures):
                    prepare_server(machine, topology, windows, scripts=scripts, state=lab.state, progress=progress)
        for name, other in others.items():
            with _collected(failures):
                has[name] = other.result()
    if failures:
        failures[0].evidence = "\n".join([failures[0].evidence, *map(str, failures[1:])]).strip("\n")
        raise failures[0]
    if isinstance(lab, Restorable) and not lab.joined:
        lab.keep()
    return common(has, topology)


@contextlib.contextmanager
def _collected(failures: list[LabError]) -> Iterator[None]:
    """Keep a machine's error until all have ended: whoever has three to mend wants to hear of all three."""
    try:
        yield
    except LabError as error:
        failures.append(error)


def common(has: Mapping[str, frozenset[str]], topology: Topology) -> frozenset[str]:
    """Return the capabilities that every machine with a client has, by what each has; none where no machine has a client."""
    of_clients = [has[name] for name, plans in topology.machines.items() if name in has and any(plan.role is Role.CLIENT for plan in plans)]
    return frozenset.intersection(*of_clients) if of_clients else frozenset()


def _prepare_linux(lab: Lab, machine: Machine, topology: Topology, progress: Progress) -> frozenset[str]:
    record = packages_record(lab.state, machine) if lab.state else None
    with LinuxMachine(machine, record=record, progress=progress) as one:
        return one.prepare(topology)
