"""Telling a person what goes on: one line per phase, wherever the lines go."""

from __future__ import annotations

import time
from collections.abc import Callable

Progress = Callable[[str], None]
"""Told one line per phase."""


def quiet(_: str) -> None:
    """Report nothing."""


class Stages:
    """Progress with the seconds since it began."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._began = progress, time.monotonic()

    def __call__(self, stage: str) -> None:
        """Tell that a stage begins."""
        self._progress(f"[{time.monotonic() - self._began:5.1f} s] {stage}")
