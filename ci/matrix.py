"""Runs the whole suite against every inverted twin and compares what turned red with the ledger (lab/twin/fidelity.yaml).

    ci/matrix.py                     all behaviours: half an hour on two CPUs
    ci/matrix.py arp-only-for-clients pool-static

tests/guest/test_inversions.py runs the mapped tests at every push; this shows the other half of "exactly": that no other test turns red.
Exit code 1 if the ledger is wrong; the differences are printed as the ledger should say them.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from fixtures.changed import Change, run_changed
from lab.fidelity import Behaviour, load_ledger


def compare(behaviour: Behaviour) -> list[str]:
    """Return how the ledger's entry differs from what happened."""
    change = Change(invert=behaviour.id)
    red, mapped = run_changed({change: ()})[change].red, set(behaviour.shown_by)
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
