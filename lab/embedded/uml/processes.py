"""How the supervisor's two processes are started: their command lines, environment, descriptors and confinement.

Rules of this file: standard library only and no threads, like its user; what is done in a child, between fork and exec, allocates
little and waits for nothing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from lab.embedded.uml.clock import GuestClock
from lab.embedded.uml.confine import confine_guest, confine_network
from lab.embedded.uml.plan import Plan


def start_network(run: Path, wire: Path) -> subprocess.Popen[bytes]:
    """Start slirp4netns, which makes the socket `wire` for the guest, and its API's in the run's folder. Raises OSError."""
    return subprocess.Popen(
        ["slirp4netns", "--target-type=bess", "--disable-host-loopback", "--disable-dns", "-a", str(run / "api"), str(wire)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=confine_network,  # noqa: PLW1509 - one thread, nothing to deadlock on
    )


def start_guest(plan: Plan, run: Path, clock: GuestClock, *, line: int, logs: int, console: int) -> subprocess.Popen[bytes]:
    """Start linux.uml, as a process group of its own.

    Args:
        plan: what to run.
        run: the run's folder.
        clock: the guest's clock.
        line: descriptor of the control line's end.
        logs: descriptor that takes the daemons' logs.
        console: descriptor that takes everything else that it prints.

    Raises:
        OSError: it cannot be started, or confined.
    """
    return subprocess.Popen(
        [*plan["kernel"], f"con1=fd:{line}", f"con2=null,fd:{logs}"], cwd=plan["image"], stdin=subprocess.DEVNULL,
        stdout=console, stderr=console, pass_fds=[line, logs, clock.reader], process_group=0,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(run / "uml"), "LD_LIBRARY_PATH": plan["image"]} | clock.environment,
        preexec_fn=_become_guest(plan, run),  # noqa: PLW1509 - one thread, nothing to deadlock on
    )


def _become_guest(plan: Plan, run: Path) -> Callable[[], None]:
    """In the child that becomes linux.uml: one CPU (2 to 3 times as fast), and nothing of this machine but the run's."""

    def become() -> None:
        os.sched_setaffinity(0, {plan["cpu"]})
        confine_guest(readable=[plan["image"]], writable=[str(run / "share"), str(run / "uml")])

    return become
