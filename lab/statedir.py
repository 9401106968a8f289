"""Where the project keeps what must outlive a process: journals of changed machines, virtual machines that are up.

One folder per lab, readable by its owner alone (journals hold keys and passwords, because a revert needs them).
"""

from __future__ import annotations

import os
from pathlib import Path

from lab.errors import HostError

VARIABLE = "LAB_STATE"


def state_folder(*names: str) -> Path:
    """Return a folder in the project's state folder, made if need be. Raises HostError when it cannot be made."""
    chosen = os.environ.get(VARIABLE)
    root = Path(chosen) if chosen else Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local" / "state")) / "incoming-connections"
    folder = root.joinpath(*names)
    try:
        for one in (root, *[root.joinpath(*names[:count]) for count in range(1, len(names) + 1)]):
            one.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise HostError(f"the state folder {one} cannot be made: {error.strerror}", hint=f"set {VARIABLE} to a folder that can") from error
    return folder
