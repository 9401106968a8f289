"""The guest's clock as the supervisor holds it: a number that only it can write, and the alarm that makes the kernel look."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.embedded.uml.clock import GuestClock

HOUR = 3600 * 10**9


@pytest.fixture
def guest() -> Iterator[subprocess.Popen[bytes]]:
    """A process that tells when it was alarmed."""
    program = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {14})\nprint('up', flush=True)\nwhile signal.sigwait({14}): print('alarm', flush=True)"
    process = subprocess.Popen([sys.executable, "-S", "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def offset(clock: GuestClock) -> int:
    return int(struct.unpack("=q", os.pread(clock.reader, 8, 0))[0])


def test_it_adds_up_and_alarms_the_guest_each_time(tmp_path: Path, guest: subprocess.Popen[bytes]) -> None:
    clock = GuestClock(tmp_path / "clock")
    assert offset(clock) == 0

    assert clock.advance(HOUR, guest.pid) == HOUR
    assert guest.stdout is not None
    assert guest.stdout.readline() == b"alarm\n"
    assert clock.advance(1, guest.pid) == offset(clock) == HOUR + 1
    assert guest.stdout.readline() == b"alarm\n"


def test_a_look_alarms_nobody(tmp_path: Path) -> None:
    """A process that does not exist would be an error."""
    assert GuestClock(tmp_path / "clock").advance(0, 2**22 + 1) == 0


def test_it_does_not_go_back(tmp_path: Path, guest: subprocess.Popen[bytes]) -> None:
    clock = GuestClock(tmp_path / "clock")
    clock.advance(HOUR, guest.pid)

    with pytest.raises(ValueError, match="only go forward, not by -1 ns"):
        clock.advance(-1, guest.pid)
    assert offset(clock) == HOUR


def test_the_guest_can_only_read_it_and_nobody_else_that(tmp_path: Path) -> None:
    clock = GuestClock(tmp_path / "clock")

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(clock.reader, b"x")
    with pytest.raises(PermissionError):
        mmap.mmap(clock.reader, mmap.PAGESIZE)
    assert (tmp_path / "clock").stat().st_mode & 0o777 == 0o600
    assert clock.environment == {"LD_PRELOAD": "./clock.so", "LAB_CLOCK": str(clock.reader)}


def test_a_run_has_one_clock(tmp_path: Path) -> None:
    GuestClock(tmp_path / "clock")

    with pytest.raises(FileExistsError):
        GuestClock(tmp_path / "clock")
    assert signal.SIGALRM == 14
