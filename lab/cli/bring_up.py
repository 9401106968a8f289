"""`lab up`."""

from __future__ import annotations

import argparse
import os

from lab.backends import choose
from lab.backends.base import Detachable, Lab
from lab.backends.embedded import log_folder
from lab.cli.status import describe
from lab.cli.verb import Parser, Verb, say
from lab.prepare.lab import prepare_lab
from lab.server.session import WindowsSession
from lab.server.steps import SCRIPTS
from lab.topology import Topology, load_topology
from lab.waiting import stretch


def arguments(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("--lab", metavar="NAME", default=os.environ.get(choose.VARIABLE, choose.DEFAULT), help=choose.HELP)


def run(chosen: argparse.Namespace) -> int:
    """Bring the lab up and leave it running."""
    topology = load_topology()
    lab = choose.make_lab(chosen.lab, topology, log_folder=log_folder(), detached=True, progress=say)
    stretch(lab.pace)
    try:
        lab.up()
        if lab.machines:
            _prepare(lab, topology)
    except BaseException:
        lab.down()
        raise
    print()
    if not isinstance(lab, Detachable):
        lab.down()  # only lets go of the machines: they stay prepared
        print(f"the machines are prepared; `lab revert --lab {chosen.lab}` puts them back")
        return 0
    print(describe(lab))
    print("\nnext: pytest e2e -k ikev2" + ("" if lab.name == choose.DEFAULT else f" --lab={lab.name}")
          + "   |   lab ssh client   |   lab winrm \"Get-Service RemoteAccess\"   |   lab down")
    return 0


def _prepare(lab: Lab, topology: Topology) -> None:
    endpoint = lab.hosts[topology.server.name].winrm
    assert endpoint is not None
    with WindowsSession(endpoint) as windows:
        prepare_lab(lab, topology, windows, scripts=SCRIPTS, progress=say)


VERB = Verb(
    name="up",
    summary="bring the lab up and leave it running",
    description="""\
Brings a lab up that goes on when this command has ended; pytest joins it, `lab down` ends it.
  embedded   one User-Mode-Linux process of yours (no root, no KVM) in which server, client, LAN host and the others are namespaces. The first
             time the guest's image is built (about a minute). Nothing of this machine's network is touched.
  vagrant    virtual machines: a Windows 10 (LAB_SERVER_BOX=your-box) or the stand-in for it, a client, a LAN host. docs/vagrant.md
  inventory:FILE   machines that already exist: prepares them and leaves them prepared. docs/inventory.md""",
    examples=(("lab up", "boot, print the hosts"), ("lab up --lab vagrant", "virtual machines"),
              ("LAB_RUN_FOLDER=/mnt/ram lab up", "keep the guest's memory elsewhere than in /dev/shm"),
              ("LAB_TOPOLOGY=mine.yaml lab up", "other hosts, networks or addresses")),
    arguments=arguments,
    run=run,
)
