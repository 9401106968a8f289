"""Recovery takes the lowest level that brings the fingerprint back, and says why nothing less did. Policy alone: lab and hands are fakes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from fake_lab import FakeLab, FakeRestorableLab, keeps

from lab.backends.base import Restorable
from lab.errors import InfrastructureError, LabError, LinkLost, StepFailed
from lab.prepare.recovery import Level, recover
from lab.server.journal import Fingerprint

BEFORE: Fingerprint = {"flags": 1}
STUCK = StepFailed("the step b could not revert: no")
GONE = LinkLost("WinRM broke")


@dataclass
class FakeHands:
    """A server: what it is like after each act, or what the act raises."""

    after: dict[str, dict[str, object] | LabError]
    did: list[str] = field(default_factory=list)
    now: dict[str, object] | LabError = field(default_factory=lambda: {"flags": 9})

    def _act(self, name: str) -> None:
        self.did.append(name)
        outcome = self.after.get(name, {"flags": 1})
        if isinstance(outcome, StepFailed):
            raise outcome
        self.now = outcome

    def revert(self) -> None:
        self._act("revert")

    def settle(self) -> None:
        self._act("settle")

    def prepare(self) -> None:
        self._act("prepare")

    def fingerprint(self) -> Fingerprint:
        if isinstance(self.now, LabError):
            raise self.now
        return self.now  # type: ignore[return-value]


OTHER: dict[str, object] = {"flags": 2}


@pytest.mark.parametrize(
    ("after", "level", "acts", "because"),
    [
        ({}, Level.JOURNAL, [], ()),
        ({"revert": OTHER}, Level.SNAPSHOT, ["restore"], ("journal: flags was 1, is 2",)),
        ({"revert": STUCK}, Level.SNAPSHOT, ["restore"], ("journal: the step b could not revert: no",)),
        ({"revert": GONE}, Level.SNAPSHOT, ["restore"], ("journal: WinRM broke",)),
        ({"revert": OTHER, "settle": OTHER}, Level.REBUILD, ["restore", "rebuild", "keep"],
         ("journal: flags was 1, is 2", "snapshot: flags was 1, is 2")),
        ({"revert": OTHER, "settle": STUCK, "prepare": OTHER}, Level.REBUILD, ["restore", "rebuild", "keep"],
         ("journal: flags was 1, is 2", "snapshot: the step b could not revert: no", "flags was 1, is 2")),
    ],
    ids=["the journal is enough", "something no journal knows", "a step is stuck", "no answer", "an old snapshot", "a new machine differs"],
)
def test_the_lowest_level_that_does_it(after: dict[str, dict[str, object] | LabError], level: Level, acts: list[str], because: tuple[str, ...]) -> None:
    lab, hands, told = FakeRestorableLab(), FakeHands(after), list[str]()

    recovery = recover(lab, hands, BEFORE, progress=told.append)

    assert (recovery.level, recovery.because) == (level, because)
    assert lab.did == acts
    assert told[0] == "journal: putting the server back"
    assert len(told) == len([act for act in acts if act != "keep"]) + 1
    assert all("because" in line for line in told[1:])


def test_a_snapshot_that_cannot_be_restored_leads_to_a_new_machine() -> None:
    lab, hands = FakeRestorableLab(), FakeHands({"revert": OTHER})
    lab.raises["restore"] = InfrastructureError("there is no snapshot")

    assert recover(lab, hands, BEFORE, progress=lambda _: None).level is Level.REBUILD
    assert hands.did == ["revert", "prepare"]


@pytest.mark.parametrize(
    ("lab", "after", "evidence", "hint"),
    [
        (FakeLab(), {"revert": OTHER}, ["journal: flags was 1, is 2"], "by hand"),
        (FakeRestorableLab(), {"revert": OTHER, "settle": OTHER, "prepare": STUCK},
         ["journal: flags was 1, is 2", "snapshot: flags was 1, is 2", "rebuild: the step b could not revert: no"], "`lab up`"),
    ],
    ids=["a lab that can only revert", "a new machine that cannot be prepared"],
)
def test_when_nothing_helps_everything_is_told(lab: FakeLab, after: dict[str, dict[str, object] | LabError], evidence: list[str], hint: str) -> None:
    with pytest.raises(InfrastructureError, match="the server of the fake lab could not be put back") as caught:
        recover(lab, FakeHands(after), BEFORE, progress=lambda _: None)

    assert caught.value.evidence.splitlines() == evidence
    assert hint in caught.value.hint


def test_the_fakes_keep_the_protocols() -> None:
    assert keeps(FakeLab())
    assert keeps(FakeRestorableLab())
    assert isinstance(FakeRestorableLab(), Restorable)
    assert not isinstance(FakeLab(), Restorable)
    assert not keeps(object())
