"""`lab doctor`."""

from __future__ import annotations

import argparse
import json

from lab.cli.verb import Parser, Verb
from lab.doctor import Finding, Grade, examine
from lab.errors import HostError

SIGNS = {Grade.GOOD: "ok  ", Grade.NOTE: "note", Grade.BAD: "BAD "}


def arguments(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="for programs: a list of findings")


def run(chosen: argparse.Namespace) -> int:
    """Examine this machine; exit code 69 if the lab cannot run on it."""
    findings = examine()
    bad = [finding for finding in findings if finding.grade is Grade.BAD]
    if chosen.json:
        print(json.dumps([{"check": one.check, "grade": one.grade.value, "finding": one.text, "remedy": one.remedy} for one in findings], indent=1))
        return 69 if bad else 0
    for finding in findings:
        print(_line(finding))
    if bad:
        raise HostError(f"the embedded lab cannot run here: {', '.join(finding.check for finding in bad)}", hint=bad[0].remedy)
    print("\nthis machine is fit: `lab up`, or `make e2e`")
    return 0


def _line(finding: Finding) -> str:
    line = f"{SIGNS[finding.grade]}  {finding.check:<16}{finding.text}"
    return f"{line}\n      {'':<16}-> {finding.remedy}" if finding.remedy else line


VERB = Verb(
    name="doctor",
    summary="is this machine fit for the embedded lab?",
    description="""\
Examines what the embedded lab needs of this machine, by trying it: packages, ptrace, a folder for the guest's memory, room for the image,
where the guest's packages come from, what earlier runs left. Changes nothing. Exit code 0 if the lab can run here, 69 if not.""",
    examples=(("lab doctor", "a list, with a remedy for whatever is wrong"), ("lab doctor --json", "the same for programs")),
    arguments=arguments,
    run=run,
)
