"""A lab without machines behind it, with the attributes of the protocol and no others; one that can restore, and one that cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.backends.base import CapturePoint, Host, Lab, Machine, Restorable
from lab.errors import InfrastructureError


class FakeLab:
    """Keeps the Lab protocol."""

    name = "fake"
    capabilities: frozenset[str] = frozenset()
    capture_points: Sequence[CapturePoint] = ()
    pace = 1.0
    joined = False

    def __init__(self, machines: Sequence[Machine] = (), *, state: Path | None = None) -> None:
        self.machines, self.state = machines, state
        self.hosts: Mapping[str, Host] = {machine.name: machine.way for machine in machines}
        self.did: list[str] = []

    def up(self) -> Mapping[str, Host]:
        self.did.append("up")
        return self.hosts

    def start(self, name: str) -> Host:
        return self.hosts[name]

    def reset(self) -> None:
        self.did.append("reset")

    def death(self) -> InfrastructureError | None:
        return None

    def down(self) -> None:
        self.did.append("down")


class FakeRestorableLab(FakeLab):
    """Keeps Restorable too. What an act raises is put into `raises`."""

    def __init__(self) -> None:
        super().__init__()
        self.raises: dict[str, InfrastructureError] = {}

    def keep(self) -> None:
        self._act("keep")

    def restore(self) -> None:
        self._act("restore")

    def rebuild(self) -> None:
        self._act("rebuild")

    def _act(self, name: str) -> None:
        self.did.append(name)
        if name in self.raises:
            raise self.raises[name]


def promised(protocol: type) -> set[str]:
    """Return the public names of a protocol."""
    return {name for name in vars(protocol) if not name.startswith("_")}


def keeps(lab: object) -> bool:
    """Whether an object has what Lab promises, and Restorable entirely or not at all."""
    has = {name for name in dir(lab) if not name.startswith("_")}
    return promised(Lab) <= has and (promised(Restorable) <= has or not promised(Restorable) & has)
