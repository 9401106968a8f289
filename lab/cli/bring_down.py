"""`lab down`."""

from __future__ import annotations

import argparse

from lab.backends.embedded import EmbeddedLab, log_folder
from lab.cli.verb import Verb
from lab.topology import load_topology


def run(_: argparse.Namespace) -> int:
    """End the lab, if one is up."""
    lab = EmbeddedLab.running(load_topology(), log_folder=log_folder())
    if lab is None:
        print("no lab is up")
        return 0
    name = lab.run.folder.name
    lab.end_joined()
    print(f"{name} is down; nothing of it is left but its console in {log_folder()}")
    return 0


VERB = Verb(
    name="down",
    summary="end the lab that `lab up` left running",
    description="Ends the guest and removes its folder, keys and secrets. Harmless when no lab is up.",
    examples=(("lab down", "end it"),),
    run=run,
)
