"""`lab claims`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import verdicts
from lab.claims import Claim, Evidence, load_claims
from lab.cli.verb import Parser, Verb
from lab.errors import ConfigError
from lab.verdicts import Record, Verdict

CHECKOUT = Path(__file__).parents[2]
E2E = CHECKOUT / "e2e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A claim, its tests, and its last verdict on each lab."""

    claim: Claim
    tests: list[str]
    counter_tests: list[str]
    verdicts: Mapping[str, Verdict]
    on_windows: bool
    """Whether all tests passed on real Windows."""


def arguments(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("ids", metavar="ID", nargs="*", help="only these claims, with everything that is known of them")
    parser.add_argument("--json", action="store_true", help="for programs: a list of objects with id, tests, counter_tests, verdicts")


def run(chosen: argparse.Namespace) -> int:
    """Print the claims."""
    rows = gather()
    if unknown := set(chosen.ids) - {row.claim.id for row in rows}:
        raise ConfigError(f"e2e/claims.yaml has no claim {', '.join(sorted(unknown))}", hint="`lab claims` lists them")
    shown = [row for row in rows if not chosen.ids or row.claim.id in chosen.ids]
    if chosen.json:
        print(json.dumps([_as_json(row) for row in shown], indent=1))
    elif chosen.ids:
        print("\n\n".join(_whole(row) for row in shown))
    else:
        print(_table(shown))
        print(f"\n{headline(rows)}")
    return 0


def gather() -> list[Row]:
    """Return every claim with its tests (pytest collects them) and verdicts. Raises ConfigError outside of a checkout."""
    claims, records = load_claims(E2E / "claims.yaml"), verdicts.load(CHECKOUT / verdicts.FOLDER)
    found = _collect()
    rows = []
    for name, claim in claims.items():
        tests, counter_tests = found[name]["tests"], found[name]["counter_tests"]
        both = [*tests, *counter_tests]
        by_lab = {lab: verdict for lab, of_lab in records.items() if (verdict := verdicts.of_claim(both, of_lab)) is not None}
        shown = any(verdict is Verdict.PASSED and _on_windows(both, records[lab]) for lab, verdict in by_lab.items())
        rows.append(Row(claim=claim, tests=tests, counter_tests=counter_tests, verdicts=by_lab, on_windows=shown))
    return rows


def _on_windows(tests: Sequence[str], records: Mapping[str, Record]) -> bool:
    return all(records[test].server.startswith("windows") for test in tests)


def _collect() -> dict[str, dict[str, list[str]]]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "claims.json"
        command = [sys.executable, "-m", "pytest", str(E2E), "--collect-only", "-q", "--no-header", f"--claims-json={target}", f"--rootdir={CHECKOUT}"]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        if not target.exists():
            raise ConfigError("pytest could not collect the tests", evidence="\n".join((done.stdout + done.stderr).splitlines()[-8:]))
        content: dict[str, dict[str, list[str]]] = json.loads(target.read_text())
        return content


def headline(rows: Sequence[Row]) -> str:
    """Return how many claims are shown, by what a pass is worth."""
    passed = [row for row in rows if Verdict.PASSED in row.verdicts.values()]
    windows = sum(row.on_windows for row in passed)
    protocol = sum(row.claim.evidence is Evidence.PROTOCOL and not row.on_windows for row in passed)
    model = sum(row.claim.evidence is Evidence.MODEL and not row.on_windows for row in passed)
    tested = sum(bool(row.tests) for row in rows)
    return (f"{len(rows)} claims, {tested} with tests. Shown on real Windows: {windows}; by independent protocol code: {protocol}; "
            f"consistent with our model: {model}; without a verdict: {len(rows) - len(passed)}, of them failed: "
            f"{sum(Verdict.FAILED in row.verdicts.values() for row in rows)}.")


def _table(rows: Sequence[Row]) -> str:
    lines: list[str] = []
    heading = ""
    width = max(len(row.claim.id) for row in rows)
    for row in rows:
        if row.claim.where != heading:
            heading = row.claim.where
            lines += ["", heading] if lines else [heading]
        state = ", ".join(f"{lab}: {verdict.value}" for lab, verdict in row.verdicts.items()) or ("not run" if row.tests else "no test yet")
        counts = f"{len(row.tests):2d} + {len(row.counter_tests):2d}" if row.tests else "       "
        lines.append(f"  {row.claim.id:<{width}}  {row.claim.evidence.value:<8}  {counts}  {state}")
    return "\n".join([f"{'claim':<{width + 2}}  evidence  tests + counter-tests, last verdict", "", *lines])


def _whole(row: Row) -> str:
    claim = row.claim
    lines = [claim.id, f"  {claim.where}", f"  says     {claim.says}", f"  shows    {claim.shows}"]
    lines += [f"  unless   {claim.unless}"] if claim.unless else []
    lines += [f"  differs  {claim.differs}"] if claim.differs else []
    sure = ", ".join(f"{name}: {value.value}" for name, value in (("Windows", claim.windows), ("macOS", claim.macos)) if value)
    lines += [f"  worth    {claim.evidence.value}{f' ({sure})' if sure else ''}"]
    lines += [f"  test     {test}" for test in row.tests] + [f"  counter  {test}" for test in row.counter_tests]
    return "\n".join([*lines, *(f"  verdict  {lab}: {verdict.value}" for lab, verdict in row.verdicts.items())])


def _as_json(row: Row) -> dict[str, object]:
    return {"id": row.claim.id, "where": row.claim.where, "says": row.claim.says, "evidence": row.claim.evidence.value, "differs": row.claim.differs,
            "tests": row.tests, "counter_tests": row.counter_tests, "verdicts": {lab: verdict.value for lab, verdict in row.verdicts.items()}}


VERB = Verb(
    name="claims",
    summary="every claim with its tests, what a pass is worth, and its last verdict",
    description="""\
Lists the claims of e2e/claims.yaml. evidence: protocol = code that we did not write could have refuted it; model = the twin answers as we
believe Windows does, a pass means "consistent with our model". A verdict counts the claim's tests and counter-tests, the worst of them.""",
    examples=(("lab claims", "a line each"), ("lab claims arp-proxy", "one, with everything"), ("lab claims --json", "for programs")),
    arguments=arguments,
    run=run,
)
