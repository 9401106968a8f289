"""Runs the suite against every inverted twin and compares what turned red with the ledger (lab/twin/fidelity.yaml).

    ci/matrix.py --mapped                          the tests that an entry maps: is each of them red? The better part of an hour
    ci/matrix.py                                   all tests against all behaviours: hours
    ci/matrix.py arp-only-for-clients pool-static  all tests against these

tests/guest/test_inversions.py runs two mapped tests of each behaviour at every push. With all tests this shows the other half of "exactly":
that no other test turns red. LAB_TIME_SCALE=0.5 meets silence after half of the usual patience, as in CI. Exit code 1 if the ledger is wrong; the differences are printed as the ledger should say them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from fixtures.changed import Change, run_changed
from lab.errors import InfrastructureError
from lab.fidelity import Behaviour, load_ledger


def compare(behaviour: Behaviour, tests: Sequence[str]) -> list[str]:
    """Return how the ledger's entry differs from what happened to these tests (none: all); a lab that broke is a difference too."""
    change = Change(invert=behaviour.id)
    try:
        red = run_changed({change: tests})[change].red
    except InfrastructureError as error:
        return [f"? {line}" for line in str(error).splitlines()]
    mapped = set(behaviour.shown_by)
    return [f"+ {test}" for test in sorted(red - mapped)] + [f"- {test}" for test in sorted(mapped - red)]


def main() -> int:
    """Compare all; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--mapped", action="store_true", help="run only the tests that an entry maps")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), metavar="N", help="labs at a time (default: one per CPU)")
    options = parser.parse_args()
    ledger = load_ledger().behaviours
    if unknown := [one for one in options.ids if one not in ledger]:
        parser.error(f"the ledger has no behaviour {unknown[0]!r}; it has {', '.join(ledger)}")
    wanted = [behaviour for behaviour in ledger.values() if not options.ids or behaviour.id in options.ids]
    wrong = 0
    with ThreadPoolExecutor(options.workers) as pool:
        found = pool.map(lambda one: compare(one, one.shown_by if options.mapped else ()), wanted)
        for behaviour, differences in zip(wanted, found, strict=True):
            print(f"{'wrong' if differences else 'exact'}  {behaviour.id}", *[f"    {line}" for line in differences], sep="\n", flush=True)
            wrong += bool(differences)
    print(f"{len(wanted) - wrong} of {len(wanted)} entries are exact")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
