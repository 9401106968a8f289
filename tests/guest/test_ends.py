"""Whoever is killed, nothing of a run is left: the owner, its supervisor, both; before the guest is ready and after."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from guests import Guest, leftovers, processes_of, start_owner

from lab.backends.embedded import EmbeddedLab
from lab.embedded import runs
from lab.errors import GuestDied
from lab.waiting import Deadline, wait_until


@pytest.fixture
def owner(base: Path, tmp_path: Path) -> Iterator[object]:
    """Bringing a lab up, just started."""
    process = start_owner(base, tmp_path)
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def await_file(base: Path, pattern: str) -> Path:
    return wait_until(lambda: next(base.glob(f"*/{pattern}"), None), Deadline(30), lambda: AssertionError(f"no {pattern}"))


@pytest.mark.parametrize("moment", ["run-*", "run-*/share/code", "run-*/wire", "run-*/pids", "run-*/uml/u/mconsole"])
def test_a_killed_owner_leaves_nothing_after_one_second__during_boot(owner, base: Path, moment: str) -> None:
    await_file(base, moment)
    owner.kill()
    owner.wait()

    wait_until(lambda: not leftovers(base), Deadline(1), lambda: AssertionError(f"left: {leftovers(base)}"))


def test_a_killed_owner_leaves_nothing_after_one_second__when_the_guest_is_ready(owner, base: Path, tmp_path: Path) -> None:
    run = Path(owner.stdout.readline().strip())
    assert len(processes_of(run)) > 3  # supervisor, network, guest and its helpers
    owner.kill()
    owner.wait()

    wait_until(lambda: not leftovers(base), Deadline(1), lambda: AssertionError(f"left: {leftovers(base)}"))
    assert "@ready" in (tmp_path / f"{run.name}.console.log").read_text()


def test_an_owner_outlives_its_killed_supervisor_and_does_its_work(new_lab: Callable[..., EmbeddedLab], base: Path) -> None:
    lab = new_lab()
    lab.up()
    folder = lab.run.folder
    lab.run.process.send_signal(signal.SIGKILL)

    wait_until(lambda: not leftovers(base), Deadline(1), lambda: AssertionError(f"left: {leftovers(base)}"))
    with pytest.raises(GuestDied, match="its supervisor was killed"):
        lab.run.request(op="beat")
    assert not folder.exists()


def test_what_a_killed_supervisor_left_is_swept_at_the_next_start(
    owner, base: Path, new_lab: Callable[..., EmbeddedLab]
) -> None:
    run = Path(owner.stdout.readline().strip())
    supervisor = next(pid for pid, command in processes_of(run).items() if "supervisor" in command)
    os.kill(owner.pid, signal.SIGSTOP)  # or it would do the supervisor's work
    os.kill(supervisor, signal.SIGKILL)
    owner.kill()
    owner.wait()
    assert [command for command in processes_of(run).values() if "linux.uml" in command]
    assert [command for command in processes_of(run).values() if "slirp4netns" in command]

    told: list[str] = []
    lab = new_lab(progress=told.append)
    lab.up()

    assert told[0] == f"removed {run.name}, left behind by a killed supervisor"
    assert not run.exists()
    assert processes_of(run) == {}
    lab.down()
    assert leftovers(base) == []


def test_a_sweep_leaves_runs_alone_that_are_supervised(guest: Guest) -> None:
    assert runs.sweep() == []
    assert guest.lab.run.folder in runs.base().iterdir()
    assert guest.lab.run.request(op="beat") == {"ok": "alive"}


def test_a_signal_to_the_supervisor_ends_the_guest_in_good_order(owner, base: Path) -> None:
    run = await_file(base, "run-*/pids").parent
    supervisor = next(pid for pid, command in processes_of(run).items() if "supervisor" in command)
    began = time.monotonic()
    os.kill(supervisor, signal.SIGTERM)
    os.kill(supervisor, signal.SIGTERM)  # the second must not disturb the end

    wait_until(lambda: not run.exists() and supervisor not in processes_of(run), Deadline(1), lambda: AssertionError(str(leftovers(base))))
    assert time.monotonic() - began < 1
