"""`lab reap`."""

from __future__ import annotations

import argparse
import re

from lab.backends.vagrant.reap import Leftover, reap, survey
from lab.cli.verb import Parser, Verb
from lab.errors import ConfigError, InfrastructureError, LabError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(age: str) -> float:
    """Return an age in seconds: 90s, 30m, 6h, 2d. Raises ConfigError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", age)
    if not found:
        raise ConfigError(f"--older-than is {age!r}, a number and s, m, h or d is expected", hint="lab reap --older-than 6h")
    return float(found[1]) * UNITS[found[2]]


def arguments(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("--older-than", metavar="AGE", help="also labs that `lab up --lab vagrant` left, if they are older: 30m, 6h, 2d")
    parser.add_argument("--doubtful", action="store_true", help="also what has a run's name but no folder here: whose is it?")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be removed")


def run(chosen: argparse.Namespace) -> int:
    """Remove what was left; InfrastructureError if something of it could not be removed."""
    found = survey(None if chosen.older_than is None else seconds(chosen.older_than))
    for remark in found.remarks:
        print(f"note: {remark}")
    meant = [one for one in found.leftovers if chosen.doubtful or not one.doubtful]
    for one in found.leftovers:
        print(f"{one.name}: {one.why}: {one.contents}")
        if one not in meant:
            print("      may be another user's, or of another LAB_STATE: `lab reap --doubtful` removes it")
    if not found.leftovers:
        print("nothing was left")
    if chosen.dry_run:
        return 0
    failures = [failure for one in meant if (failure := _reap(one))]
    if failures:
        raise InfrastructureError(f"{len(failures)} of {len(meant)} could not be removed: {failures[0].message}",
                                  evidence="\n".join(str(failure) for failure in failures), hint=failures[0].hint)
    return 0


def _reap(leftover: Leftover) -> LabError | None:
    """Remove one; its error does not keep the others."""
    try:
        reap(leftover, print)
    except LabError as error:
        return error
    return None


VERB = Verb(
    name="reap",
    summary="remove what killed runs on virtual machines left",
    description="""\
Looks for runs of the vagrant lab whose process is gone, and removes their machines, networks and disks at libvirt and VirtualBox, each by
its exact name, then their folders; also disks of our boxes that are no longer added. Labs that are in use are left alone. The embedded lab
needs none of this: the next `lab up` sweeps.""",
    examples=(
        ("lab reap --dry-run", "what was left?"),
        ("lab reap", "remove it"),
        ("lab reap --older-than 6h", "and labs that somebody forgot to bring down"),
    ),
    arguments=arguments,
    run=run,
)
