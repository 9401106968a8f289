"""Processes are ended and awaited: those that obey, those that do not, those that are gone already."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from lab.wire.processes import children_of, end, wait_for

OBEDIENT = "echo ready; exec cat"
DEAF = "trap '' TERM; echo ready; while :; do read -r line; done"


@pytest.fixture
def start() -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Starts a shell's command and waits until it is ready; its input stays open."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_children_are_found(start: Callable[[str], subprocess.Popen[bytes]]) -> None:
    process = start("tail -f /dev/null & echo ready; wait")

    children = children_of(process.pid)
    assert len(children) == 1
    assert children_of(1 << 22) == []  # no process has such a number
    os.kill(children[0], signal.SIGTERM)


def test_an_obedient_process_ends_at_once(start: Callable[[str], subprocess.Popen[bytes]]) -> None:
    process, began = start(OBEDIENT), time.monotonic()

    end([process.pid], patience=5)

    assert process.wait() == -signal.SIGTERM
    assert time.monotonic() - began < 4


def test_a_deaf_one_is_killed(start: Callable[[str], subprocess.Popen[bytes]]) -> None:
    process = start(DEAF)

    end([process.pid], patience=0.1)

    assert process.wait() == -signal.SIGKILL


def test_who_is_left_is_told(start: Callable[[str], subprocess.Popen[bytes]]) -> None:
    obedient, deaf = start(OBEDIENT), start(DEAF)

    assert wait_for([obedient.pid, deaf.pid], signal.SIGTERM, 0.3) == [deaf.pid]
    assert wait_for([1 << 22], signal.SIGTERM, 0.3) == []
