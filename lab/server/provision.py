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
from lab.server import view
from lab.server.journal import Applied, Fingerprint, Journal
from lab.server.session import WindowsSession
from lab.server.steps import Step
from lab.waiting import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What the runner gave back: the values of the steps that succeeded, and why the next one did not."""

    values: list[JSON]
    failure: StepFailed | None


class Provisioner:
    """Applies and reverts steps on one server."""

    def __init__(
        self, session: WindowsSession, *, scripts: Path, journal: Journal | None = None, before: Fingerprint | None = None,
        evidence: Path | None = None,
    ) -> None:
        """Take over what a journal says is applied.

        Args:
            session: the session with the server.
            scripts: folder of the provisioning scripts.
            journal: survives a crash, so it has every secret in full; None: what is applied is gone with the server.
            before: the server as it is now, if known already; the journal keeps it with the first change.
            evidence: gets what is applied, for people, secrets masked.
        """
        self._session, self._scripts, self._journal, self._before, self._evidence = session, scripts, journal, before, evidence
        self._applied: list[Applied] = list(journal.entries) if journal else []
        self._mask([one.step for one in self._applied])

    @property
    def applied(self) -> Sequence[Applied]:
        """What would be reverted, in the order in which it was applied."""
        return tuple(self._applied)

    def apply(self, steps: Sequence[Step]) -> list[Applied]:
        """Apply steps in their order and verify each.

        Raises:
            StepFailed: one could not be applied or verified; everything is reverted, or the evidence says what is not.
        """
        self._mask(steps)
        found = self._run("inspect", [Applied(step=step, found=None) for step in steps])
        applied = [Applied(step=step, found=value) for step, value in zip(steps, found, strict=True)]
        before = self._fingerprint() if applied else None
        self._write_down([*self._applied, *applied], before)
        try:
            self._must_be_in_force(applied, self._run("apply", applied, then="verify"))
        except LabError as error:
            self._revert_after(error)
            raise
        return applied

    def _revert_after(self, error: LabError) -> None:
        """Put everything back; what goes wrong with that is told beside the error that came first."""
        try:
            self.revert()
        except LabError as second:
            error.evidence = f"{error.evidence}\nand it could not be put back: {second.message}".lstrip()
            error.hint = "`lab revert` tries again, from the journal" if self._journal else error.hint

    def ensure(self, steps: Sequence[Step]) -> list[Applied]:
        """Apply what is not applied yet; of what is, apply again only what is no longer in force. What was found at first stays.

        Raises:
            StepFailed: one could not be applied or verified.
        """
        known = {_identity(one.step): one for one in self._applied}
        there = [known[_identity(step)] for step in steps if _identity(step) in known]
        lost = [one for one, value in zip(there, self._run("verify", there), strict=True) if value is not True]
        self._must_be_in_force(lost, self._run("apply", lost, then="verify"))
        return [*there, *self.apply([step for step in steps if _identity(step) not in known])]

    def verify(self, applied: Sequence[Applied]) -> None:
        """Check that steps are in force. Raises StepFailed that says which is not, and why."""
        self._must_be_in_force(applied, self._run("verify", applied))

    @staticmethod
    def _must_be_in_force(applied: Sequence[Applied], verified: Sequence[JSON]) -> None:
        for one, value in zip(applied, verified, strict=True):
            if value is not True:
                raise StepFailed(f"the step {one.step.name} is not in force: {value}", hint=f"see fixtures/windows/{one.step.script}.ps1")

    def revert(self) -> None:
        """Put back everything that was applied, the latest first; steps marked `last` at the end.

        Raises:
            StepFailed: one could not be reverted: it and others of its name stay in the journal; all others are reverted.
        """
        self._put_back(self._applied)

    def revert_latest(self) -> None:
        """Put back what was applied last, and nothing else. Raises StepFailed."""
        self._put_back(self._applied[-1:])

    def _put_back(self, applied: Sequence[Applied]) -> None:
        latest_first = [one for one in applied[::-1] if not one.step.last]
        at_the_end = {one.step.name: one for one in applied[::-1] if one.step.last}  # of several, what the first one found
        todo, failures = [*latest_first, *at_the_end.values()], list[StepFailed]()
        while todo:
            answer = self._call("revert", todo)
            self._forget(todo[: len(answer.values)])
            if answer.failure is None:
                break
            failures.append(answer.failure)
            stuck = todo[len(answer.values)].step.name
            # What an earlier one of that name found must not be put back before the later one's.
            todo = [one for one in todo[len(answer.values) + 1 :] if one.step.name != stuck]
        if failures:
            raise failures[0]

    def _forget(self, reverted: Sequence[Applied]) -> None:
        last = {one.step.name for one in reverted if one.step.last}
        self._write_down([one for one in self._applied if one.step.name not in last and not any(one is gone for gone in reverted)])

    # -- the runner ---------------------------------------------------------------------------------------------------

    def _run(self, action: str, steps: Sequence[Applied], *, then: str = "") -> list[JSON]:
        """Carry out an action on all steps, and another in the same call; return the values of the last. Raises StepFailed."""
        answer = self._call(action, steps, then=then)
        if answer.failure is not None:
            raise answer.failure
        return answer.values

    def _call(self, action: str, steps: Sequence[Applied], *, then: str = "") -> _Answer:
        if not steps:
            return _Answer(values=[], failure=None)
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
        results = answer["results"]
        results = results if isinstance(results, list) else [results]
        return _Answer(values=[result["value"] if isinstance(result, dict) else None for result in results],
                       failure=self._failure(answer["failed"], steps))

    def _failure(self, failed: JSON, steps: Sequence[Applied]) -> StepFailed | None:
        """Return why a step failed: in Windows' words, which may repeat what it was given, so without secrets."""
        if not isinstance(failed, dict):
            return None
        script = next((one.step.script for one in steps if one.step.name == failed["name"]), failed["name"])
        mask = self._session.transcript.mask
        return StepFailed(mask(f"the step {failed['name']} could not {failed['action']}: {failed['message']}"), evidence=mask(str(failed["position"])),
                          hint=f"fixtures/windows/{script}.ps1")

    def _script(self, name: str) -> str:
        path = self._scripts / f"{name}.ps1"
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"the script {path} cannot be read: {error.strerror}") from error

    # -- what is written down -----------------------------------------------------------------------------------------

    def _mask(self, steps: Sequence[Step]) -> None:
        for step in steps:
            for secret in step.secrets:
                self._session.transcript.mask.add(secret)

    def _fingerprint(self) -> Fingerprint:
        """Return the server before the first change; nothing when nobody will ask for it."""
        if self._journal is None:
            return {}
        if self._journal.entries:
            return self._journal.before
        return self._before if self._before is not None else view.read(self._session, self._scripts).fingerprint

    def _write_down(self, applied: list[Applied], before: Fingerprint | None = None) -> None:
        """Take these as applied, in the journal first."""
        if self._journal is not None:
            self._journal.keep(applied, before=self._journal.before if before is None else before)
        self._applied = applied
        if self._evidence is None:
            return
        entries = [{"step": one.step.name, "script": one.step.script, "found": one.found, "parameters": dict(one.step.parameters)}
                   for one in applied]
        fresh = self._evidence.with_suffix(".new")
        fresh.write_text(json.dumps(self._session.transcript.mask.inside(entries), indent=1))
        fresh.replace(self._evidence)


def _identity(step: Step) -> tuple[str, str, str]:
    """What makes two steps the same change of a server."""
    return step.name, step.script, json.dumps(dict(step.parameters), sort_keys=True)
