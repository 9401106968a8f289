"""Carrying out steps: all of a path in two calls over WinRM, with a journal between them.

First every step is inspected and what it found is written to the journal; then all are applied and verified. Whatever fails,
what had been applied is reverted, so that no server stays half-provisioned; and a journal that a killed run left says what to
revert.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import budgets
from lab.errors import CommandFailed, ConfigError, LabError, StepFailed
from lab.probe.probe import JSON
from lab.server.session import WindowsSession
from lab.server.steps import Step
from lab.waiting import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A step that was applied, and what it had found before."""

    step: Step
    found: JSON


class Provisioner:
    """Applies and reverts steps on one server."""

    def __init__(self, session: WindowsSession, *, scripts: Path, journal: Path | None = None) -> None:
        self._session, self._scripts, self._journal = session, scripts, journal
        self._applied: list[Applied] = []

    def apply(self, steps: Sequence[Step]) -> list[Applied]:
        """Apply steps in their order and verify each.

        Raises:
            StepFailed: one could not be applied or verified; everything is reverted.
        """
        for step in steps:
            for secret in step.secrets:
                self._session.transcript.mask.add(secret)
        found = self._run("inspect", [Applied(step=step, found=None) for step in steps])
        applied = [Applied(step=step, found=value) for step, value in zip(steps, found, strict=True)]
        self._applied += applied
        self._write_journal()
        try:
            self._must_be_in_force(applied, self._run("apply", applied, then="verify"))
        except LabError:
            self.revert()
            raise
        return applied

    def verify(self, applied: Sequence[Applied]) -> None:
        """Check that steps are in force. Raises StepFailed that says which is not, and why."""
        self._must_be_in_force(applied, self._run("verify", applied))

    @staticmethod
    def _must_be_in_force(applied: Sequence[Applied], verified: Sequence[JSON]) -> None:
        for one, value in zip(applied, verified, strict=True):
            if value is not True:
                raise StepFailed(f"the step {one.step.name} is not in force: {value}", hint=f"see fixtures/windows/{one.step.script}.ps1")

    def revert(self) -> None:
        """Put back everything that was applied, the latest first; steps marked `last` at the end."""
        latest_first = [one for one in self._applied[::-1] if not one.step.last]
        at_the_end = {one.step.name: one for one in self._applied[::-1] if one.step.last}  # of several, what the first one found
        self._run("revert", [*latest_first, *at_the_end.values()])
        self._applied.clear()
        self._write_journal()

    def _run(self, action: str, steps: Sequence[Applied], *, then: str = "") -> list[JSON]:
        """Carry out an action on all steps, and another in the same call; return the values of the last."""
        if not steps:
            return []
        entries: list[JSON] = [
            {"name": one.step.name, "script": self._script(one.step.script), "parameters": dict(one.step.parameters), "found": one.found}
            for one in steps
        ]
        actions: list[JSON] = [action, *([then] if then else [])]
        name = f"{' and '.join(map(str, actions))} {', '.join(one.step.name for one in steps)}"
        try:
            answer = self._session.run_script(name, self._script("runner"), {"actions": actions, "steps": entries},
                                              Deadline(budgets.WINRM_CALL + budgets.SERVICE_RESTART))
        except CommandFailed as error:
            raise StepFailed(error.message, evidence=error.evidence, hint="the transcript in the evidence folder has every call") from error
        assert isinstance(answer, dict)
        failed = answer["failed"]
        if isinstance(failed, dict):
            raise StepFailed(f"the step {failed['name']} could not {failed['action']}: {failed['message']}", evidence=str(failed["position"]),
                             hint=f"fixtures/windows/{self._script_of(steps, str(failed['name']))}.ps1")
        results = answer["results"]
        results = results if isinstance(results, list) else [results]
        return [result["value"] if isinstance(result, dict) else None for result in results]

    @staticmethod
    def _script_of(steps: Sequence[Applied], name: str) -> str:
        return next((one.step.script for one in steps if one.step.name == name), name)

    def _script(self, name: str) -> str:
        path = self._scripts / f"{name}.ps1"
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"the script {path} cannot be read: {error.strerror}") from error

    def _write_journal(self) -> None:
        if self._journal is None:
            return
        entries = [{"step": one.step.name, "script": one.step.script, "found": one.found,
                    "parameters": json.loads(self._session.transcript.mask(json.dumps(dict(one.step.parameters))))}
                   for one in self._applied]
        fresh = self._journal.with_suffix(".new")
        fresh.write_text(json.dumps(entries, indent=1))
        fresh.replace(self._journal)
