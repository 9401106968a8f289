"""Which CPU a guest is pinned to: one that other guests leave free, so that two runs at a desk do not share one of eight."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

KERNEL = b"linux.uml"
"""Name of the program on a guest's command lines (lab/embedded/uml/kernel.py)."""


def free_cpu(worker: int = 0, *, allowed: Sequence[int] | None = None, processes: Path = Path("/proc")) -> int:
    """Return the number of the CPU with the fewest guests' processes.

    Args:
        worker: number of the pytest worker: among equals each has its own, also when all start in the same instant.
        allowed: CPUs of this process (default: as the kernel says).
        processes: where the kernel lists them.
    """
    candidates = sorted(os.sched_getaffinity(0) if allowed is None else allowed, reverse=True)
    first = worker % len(candidates)
    used = Counter(cpu for entry in processes.glob("[0-9]*") if (cpu := _cpu_of_guest(entry)) is not None)
    return min([*candidates[first:], *candidates[:first]], key=lambda cpu: used[cpu])


def _cpu_of_guest(process: Path) -> int | None:
    with contextlib.suppress(OSError):
        if any(word.endswith(KERNEL) for word in (process / "cmdline").read_bytes().split(b"\0")[:4]):
            pinned = re.search(r"^Cpus_allowed_list:\t(\d+)$", (process / "status").read_text(), re.MULTILINE)
            return int(pinned[1]) if pinned else None
    return None
