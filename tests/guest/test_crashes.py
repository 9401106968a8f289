"""A guest that panics, hangs or does not come up: named, with its last console lines, an infrastructure error; what was said stays."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from guests import HERE, ROOT, Guest, leftovers

from lab import budgets
from lab.backends.embedded import EmbeddedLab
from lab.errors import BootTimeout, GuestDied, InfrastructureError
from lab.waiting import Deadline, wait_until


def ended(lab: EmbeddedLab, within: float) -> None:
    wait_until(lambda: lab.run.ended, Deadline(within), lambda: AssertionError("the end was not noticed"))


def test_a_panic_is_named_with_the_last_console_lines_and_what_was_said_survives(
    new_lab: Callable[..., EmbeddedLab], base: Path, tmp_path: Path
) -> None:
    lab = new_lab()
    guest = Guest(lab)
    lab.up()
    guest.sh("echo last words of a daemon >> /run/lab/log/daemon.log", host="client")
    logs = tmp_path / "logs" / f"{lab.run.folder.name}.daemons.log"
    wait_until(lambda: "last words" in logs.read_text(), Deadline(5), lambda: AssertionError(logs.read_text()))
    guest.sh("(sleep 0.2; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 &")

    ended(lab, within=5)
    with pytest.raises(GuestDied, match="kernel panic") as death:
        lab.run.request(op="beat")
    assert "Kernel panic - not syncing: sysrq triggered crash" in death.value.evidence
    assert death.value.hint
    assert leftovers(base) == []
    assert "Kernel panic - not syncing" in (tmp_path / "logs" / f"{lab.run.folder.name}.console.log").read_text()
    said = logs.read_text()
    assert "client/daemon.log: last words of a daemon\n" in said
    assert "client/charon.log: " in said
    assert "server/charon.log: " in said


def test_a_hang_is_named_within_its_budget(new_lab: Callable[..., EmbeddedLab], base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "HEARTBEAT", 1.0)
    lab = new_lab()
    lab.up()
    guest_pid = int((lab.run.folder / "pids").read_text().split()[0])
    os.kill(guest_pid, signal.SIGSTOP)

    ended(lab, within=8)  # the heart beats every 2 s, its silence lasts 1 s; as much again for a loaded machine
    with pytest.raises(GuestDied, match="the guest hangs: no answer on its control line for 1 s") as death:
        lab.run.request(op="beat")
    assert "@ready" in death.value.evidence
    assert leftovers(base) == []


def test_a_hang_is_noticed_before_a_host_is_blamed_for_it() -> None:
    shortest = min(budgets.PROBE_ANSWER, budgets.WINRM_CALL)

    assert shortest > budgets.HEARTBEAT + 4  # two beats


def test_a_guest_that_is_not_ready_in_time_is_a_boot_timeout(
    new_lab: Callable[..., EmbeddedLab], base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "BOOT", 0.7)

    with pytest.raises(BootTimeout, match="not ready after 1 s") as timeout:
        new_lab().up()
    assert "@python" in timeout.value.evidence
    assert "LAB_TIME_SCALE" in timeout.value.hint
    assert leftovers(base) == []


def test_a_daemon_that_ends_during_boot_is_named_at_once_with_its_last_words(
    new_lab: Callable[..., EmbeddedLab], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.embedded.share._twin_configuration", lambda *_: {"user": "nobody"})

    with pytest.raises(GuestDied, match=r"a daemon ended .*: server twin 1") as death:
        new_lab().up()
    assert re.search(r"server/twin.log: .*KeyError", death.value.evidence)


def test_a_server_that_is_killed_ends_the_guest_and_is_named(new_lab: Callable[..., EmbeddedLab], base: Path) -> None:
    """As the guest's kernel does when its memory is full. charon's end is none of the guest's: it is started anew."""
    lab = new_lab()
    guest = Guest(lab)
    lab.up()
    guest.sh("pkill -9 -x charon-systemd")
    assert lab.run.request(op="beat") is not None
    guest.sh("kill -9 $(pgrep -f lab/twin/launch.py | head -1)")

    ended(lab, within=2)
    with pytest.raises(GuestDied, match=r"its server has ended .*: server twin -9 \(killed: .* memory is full"):
        lab.run.request(op="beat")
    assert leftovers(base) == []


def test_a_killed_network_process_is_named(new_lab: Callable[..., EmbeddedLab], base: Path) -> None:
    lab = new_lab()
    lab.up()
    os.kill(int((lab.run.folder / "pids").read_text().split()[1]), signal.SIGKILL)

    ended(lab, within=2)
    with pytest.raises(GuestDied, match="slirp4netns was ended by SIGKILL"):
        lab.run.request(op="beat")
    assert leftovers(base) == []


def test_the_guests_own_refusal_is_no_death(guest: Guest) -> None:
    with pytest.raises(InfrastructureError, match="the guest could not nonsense: unknown operation") as refusal:
        guest.lab.run.request(op="nonsense")
    assert not isinstance(refusal.value, GuestDied)


def test_pytest_calls_a_panic_in_the_middle_of_a_test_infrastructure(base: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "panic_in_first_test", "--fresh", "-q", "-p", "no:cacheprovider", "--evidence",
         str(tmp_path / "evidence"), "e2e/test_ikev2_names.py", "-k", "matches_the_alternative"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(HERE)}, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 70, done.stdout[-3000:]
    first = "test_ikev2_names.py::test_ikev2_remote_id__matches_the_alternative_name[ikev2]"
    assert re.search(rf"infrastructure: e2e/{re.escape(first)}: the guest of run-\w+ is gone: .* \(a kernel panic\)", done.stdout)
    assert "Kernel panic - not syncing: sysrq triggered crash" in done.stdout
    assert [file for file in (tmp_path / "evidence").glob("*.console.log") if "Kernel panic" in file.read_text()]
    assert leftovers(base) == []
