"""`lab up`."""

from __future__ import annotations

import argparse

from lab.backends.embedded import EmbeddedLab, log_folder
from lab.cli.status import describe
from lab.cli.verb import Verb
from lab.topology import load_topology


def run(_: argparse.Namespace) -> int:
    """Bring the lab up and leave it running."""
    lab = EmbeddedLab(load_topology(), log_folder=log_folder(), detached=True, progress=lambda line: print(line, flush=True))
    lab.up()
    print()
    print(describe(lab))
    print("\nnext: pytest e2e -k ikev2   |   lab ssh client   |   lab winrm \"Get-Service RemoteAccess\"   |   lab down")
    return 0


VERB = Verb(
    name="up",
    summary="bring the lab up and leave it running",
    description="""\
Boots the embedded lab: one User-Mode-Linux process of yours (no root, no KVM) in which server, client, LAN host and the others are
namespaces. The first time the guest's image is built (about a minute). The lab goes on when this command has ended; pytest joins it,
`lab down` ends it. Nothing of this machine's network is touched; the ways in are ports on 127.0.0.1.""",
    examples=(("lab up", "boot, print the hosts"), ("LAB_RUN_FOLDER=/mnt/ram lab up", "keep the guest's memory elsewhere than in /dev/shm"),
              ("LAB_TOPOLOGY=mine.yaml lab up", "other hosts, networks or addresses")),
    run=run,
)
