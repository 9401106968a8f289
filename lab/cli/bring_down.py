"""`lab down`."""

from __future__ import annotations

import argparse

from lab.backends.embedded import log_folder
from lab.cli.running import find_running, lab_option
from lab.cli.verb import Verb


def run(chosen: argparse.Namespace) -> int:
    """End the lab, if one is up."""
    lab = find_running(chosen.lab)
    if lab is None:
        print("no lab is up")
        return 0
    name = lab.run_name
    lab.end_joined()
    print(f"{name} is down; nothing of it is left but its logs in {log_folder()}")
    return 0


VERB = Verb(
    name="down",
    summary="end the lab that `lab up` left running",
    description="Ends the guest, or destroys the virtual machines, and removes the run's folder, keys and secrets. Harmless when no lab is up.",
    examples=(("lab down", "end it"), ("lab down --lab vagrant", "the virtual machines, also when an embedded lab is up")),
    arguments=lab_option,
    run=run,
)
