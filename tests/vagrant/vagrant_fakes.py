"""Programs for PATH that play a part (fake_program.py), and how to see that nothing of them is left."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.waiting import Deadline, wait_until

Scene = Mapping[str, object]
Cast = Callable[[str, Sequence[Scene]], None]
PROGRAM = Path(__file__).with_name("fake_program.py")


class Stage:
    """A folder for PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def play(self, name: str, scenes: Sequence[Scene]) -> None:
        """Put a program there."""
        part = self.folder / f"{name}.json"
        part.write_text(json.dumps(scenes))
        script = self.folder / name
        words = shlex.join([sys.executable, "-S", "-E", str(PROGRAM), str(part)])
        script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        script.chmod(0o755)


def is_alive(process: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet has ended all the same."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def assert_all_ended(pids: Path) -> None:
    """No process of a scene that hung is left; a kill takes a moment."""
    processes = [int(one) for one in pids.read_text().split()]
    assert len(processes) == 2
    wait_until(lambda: not any(map(is_alive, processes)), Deadline(2), lambda: AssertionError(f"{processes} are left"))


def await_file(path: Path) -> None:
    """Wait until somebody has made a file."""
    wait_until(path.exists, Deadline(10), lambda: AssertionError(f"{path} does not appear"))
