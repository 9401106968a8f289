"""`lab revert`."""

from __future__ import annotations

import argparse
import os

from lab.backends import choose
from lab.backends.base import Lab
from lab.backends.embedded import log_folder
from lab.cli.verb import Parser, Verb, say
from lab.prepare.release import Released, anything_left, release_lab
from lab.server.session import WindowsSession
from lab.server.steps import SCRIPTS
from lab.topology import Topology, load_topology
from lab.waiting import stretch

EXIT_DIFFERENT = 1
EXISTING = "inventory"
"""The lab whose machines are there also when it is not up."""


def arguments(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("--lab", metavar="NAME", default=os.environ.get(choose.VARIABLE, choose.DEFAULT), help=f"whose machines: {choose.HELP}")


def run(chosen: argparse.Namespace) -> int:
    """Put back whatever the lab's journals know; 0 only if the server is as it was before."""
    topology = load_topology()
    running = choose.running_lab(chosen.lab, topology, log_folder=log_folder())
    lab: Lab = running or choose.make_lab(chosen.lab, topology, log_folder=log_folder(), progress=say)
    if not lab.joined and lab.name != EXISTING:
        print(f"nothing to revert: the {lab.name} lab is not up, and its machines go with it")
        return 0
    if not anything_left(lab.state):
        print("nothing to revert: " + (f"{lab.state} has no journal" if lab.state else f"the {lab.name} lab keeps no journal"))
        return 0
    stretch(lab.pace)
    try:
        if not lab.joined:
            lab.up()
        return tell(_release(lab, topology))
    finally:
        lab.down()


def _release(lab: Lab, topology: Topology) -> Released:
    endpoint = lab.hosts[topology.server.name].winrm
    assert endpoint is not None
    with WindowsSession(endpoint) as windows:
        return release_lab(lab, windows, scripts=SCRIPTS, progress=say)


def tell(released: Released) -> int:
    """Print how the server compares with before; return the exit code."""
    if released.server is None:
        print("no step was in force on the server; Linux machines: " + (", ".join(released.machines) or "none"))
        return 0
    if not released.differences:
        print("the server is as it was before")
        return 0
    print("the server is not as it was before:")
    for line in released.differences:
        print(f"  {line}")
    return EXIT_DIFFERENT


VERB = Verb(
    name="revert",
    summary="put back what a run left on the lab's machines",
    description="""\
Puts back what the journals in the state folder know: what a test applied, then the lab's first step (adapters, firewall), then the Linux
machines (hosts, adapters, packages); and compares the server with how it was, field by field. For machines of one's own after a crash, or
after `kill -9`; an ordinary run reverts by itself. Exit code 0 if everything is as before, 1 if something is different.""",
    examples=(("lab revert --lab inventory:office.yaml", "machines that already exist"), ("lab revert --lab vagrant", "virtual machines that are up")),
    arguments=arguments,
    run=run,
)
