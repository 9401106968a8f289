"""Runs the whole suite against every inverted twin and compares what turned red with the ledger (lab/twin/fidelity.yaml).

    ci/matrix.py                     all behaviours; half an hour on one CPU, two at a time on two
    ci/matrix.py arp-only-for-clients pool-static

tests/guest/test_inversions.py runs the mapped tests at every push; this shows the other half of "exactly": that no other test turns red.
Exit code 1 if the ledger is wrong; the differences are printed as the ledger should say them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.fidelity import Behaviour, load_ledger

ROOT = Path(__file__).parents[1]


def red_tests(identifier: str) -> set[str]:
    """Return the node ids of the tests that fail against an inverted twin, as the ledger writes them."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "e2e", "-q", "--fresh", f"--invert={identifier}", f"--junitxml={report}",
                   f"--evidence={folder}/evidence"]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
        return failed_in(report)


def failed_in(report: Path) -> set[str]:
    """Return the tests that a JUnit report calls failed or broken."""
    cases = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - written by pytest a moment ago
    return {_node(case) for case in cases if case.find("failure") is not None or case.find("error") is not None}


def _node(case: ET.Element) -> str:
    name = case.attrib["name"].replace("[ikev2]", "").replace("[ikev2-", "[")
    return f"{case.attrib['classname'].replace('.', '/')}.py::{name}"


def compare(behaviour: Behaviour) -> list[str]:
    """Return how the ledger's entry differs from what happened."""
    red = red_tests(behaviour.id)
    mapped = set(behaviour.shown_by)
    return [f"+ {test}" for test in sorted(red - mapped)] + [f"- {test}" for test in sorted(mapped - red)]


def main() -> int:
    """Compare all; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("ids", nargs="*", metavar="ID")
    chosen, ledger = parser.parse_args().ids, load_ledger().behaviours
    wanted = [behaviour for behaviour in ledger.values() if not chosen or behaviour.id in chosen]
    wrong = 0
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for behaviour, differences in zip(wanted, pool.map(compare, wanted), strict=True):
            print(f"{'wrong' if differences else 'exact'}  {behaviour.id}", *[f"    {line}" for line in differences], sep="\n", flush=True)
            wrong += bool(differences)
    print(f"{len(wanted) - wrong} of {len(wanted)} entries are exact")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
