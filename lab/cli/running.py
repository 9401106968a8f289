"""The lab that is up, for the verbs that need one; and the option that says which."""

from __future__ import annotations

import os

from lab.backends import choose
from lab.backends.base import Detachable
from lab.backends.embedded import log_folder
from lab.cli.verb import Parser
from lab.errors import ConfigError
from lab.topology import load_topology
from lab.waiting import stretch

DETACHABLE = ("embedded", "vagrant")
"""Labs that `lab up` can leave running, in the order in which they are looked for."""


class NoLab(ConfigError):
    """No lab is up."""


def lab_option(parser: Parser) -> None:
    """Declare `--lab` of a verb that works on a lab that is up."""
    parser.add_argument("--lab", metavar="NAME", choices=DETACHABLE, default=os.environ.get(choose.VARIABLE),
                        help="embedded or vagrant (default: the one that is up)")


def find_running(name: str | None) -> Detachable | None:
    """Return the lab of that name that `lab up` left running, or without a name the first one; None if there is none."""
    topology = load_topology()
    for candidate in [name] if name else DETACHABLE:
        if found := choose.running_lab(candidate, topology, log_folder=log_folder()):
            stretch(found.pace)
            return found
    return None


def running_lab(name: str | None = None) -> Detachable:
    """Return the lab that `lab up` left running. Raises NoLab."""
    found = find_running(name)
    if found is None:
        raise NoLab("no lab is up" if name is None else f"no {name} lab is up", hint="`lab up` brings one up in a few seconds")
    return found
