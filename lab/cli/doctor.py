"""`lab doctor`."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable

from lab.backends import choose
from lab.cli.verb import Parser, Verb
from lab.doctor import Finding, Grade, examine
from lab.doctor.inventory import examine_inventory
from lab.doctor.vagrant import examine_vagrant, examine_vagrant_server
from lab.errors import ConfigError, HostError

EXAMINERS: dict[str, Callable[[str], list[Finding]]] = {
    "embedded": lambda _: examine(), "vagrant": lambda _: [*examine_vagrant(), *examine_vagrant_server()], "inventory": examine_inventory}
"""By the name of the lab; told what stands behind its colon: an inventory's file."""
SIGNS = {Grade.GOOD: "ok  ", Grade.NOTE: "note", Grade.BAD: "BAD "}


def arguments(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("--lab", default=os.environ.get(choose.VARIABLE, choose.DEFAULT), help=f"for which lab: {choose.HELP}")
    parser.add_argument("--json", action="store_true", help="for programs: a list of findings")


def run(chosen: argparse.Namespace) -> int:
    """Examine this machine; exit code 69 if the lab cannot run on it."""
    findings = _examine(chosen.lab)
    bad = [finding for finding in findings if finding.grade is Grade.BAD]
    if chosen.json:
        print(json.dumps([{"check": one.check, "grade": one.grade.value, "finding": one.text, "remedy": one.remedy} for one in findings], indent=1))
        return 69 if bad else 0
    for finding in findings:
        print(_line(finding))
    if bad:
        raise HostError(f"the {chosen.lab} lab cannot run here: {', '.join(finding.check for finding in bad)}", hint=bad[0].remedy)
    print(f"\n{_next(chosen.lab)}")
    return 0


def _examine(lab: str) -> list[Finding]:
    """Return the findings for a lab. Raises ConfigError if there is no such lab."""
    name, _, rest = lab.partition(":")
    if name not in EXAMINERS:
        raise ConfigError(f"the doctor knows no lab {lab!r}, {', '.join(EXAMINERS)} is expected", hint=f"--lab takes {choose.HELP}")
    return EXAMINERS[name](rest)


def _next(lab: str) -> str:
    if lab == choose.DEFAULT:
        return "this machine is fit: `lab up`, or `make e2e`"
    if lab.startswith("inventory:"):
        return f"the server is fit: `pytest e2e --lab {lab}`"
    return f"this machine is fit: `lab up --lab {lab}`, or `pytest e2e --lab {lab}`"


def _line(finding: Finding) -> str:
    line = f"{SIGNS[finding.grade]}  {finding.check:<16}{finding.text}"
    return f"{line}\n      {'':<16}-> {finding.remedy}" if finding.remedy else line


VERB = Verb(
    name="doctor",
    summary="is this machine fit for the lab?",
    description="""\
Examines what the lab needs of this machine, by trying it. Embedded: packages, ptrace, a folder for the guest's memory, room for the image,
where the guest's packages come from. Vagrant: its version and plugins, libvirt, boxes, and whether KVM serves, by booting a machine of 512
bytes. Both: memory, disk, what earlier runs left. A server that is up (of `lab up --lab vagrant`, or of an inventory): what it is, how long its
evaluation lasts, whether it waits for a restart, its clock. Changes nothing. Exit code 0 if the lab can run, 69 if not.""",
    examples=(("lab doctor", "a list, with a remedy for whatever is wrong"), ("lab doctor --lab vagrant", "for virtual machines"),
              ("lab doctor --lab inventory:office.yaml", "a server that exists already"),
              ("lab doctor --json", "the same for programs")),
    arguments=arguments,
    run=run,
)
