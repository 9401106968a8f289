"""A lab that outlives the process that brought it up: joined, found busy, ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from guests import leftovers, processes_of, start_owner

from lab.backends.embedded import EmbeddedLab
from lab.errors import GuestDied, LabBusy
from lab.topology import load_topology


def test_a_detached_lab_outlives_its_maker_and_is_joined_and_ended(base: Path, tmp_path: Path, new_lab: Callable[..., EmbeddedLab]) -> None:
    assert EmbeddedLab.running(load_topology(), log_folder=tmp_path) is None
    maker = start_owner(base, tmp_path, "detached")
    assert maker.stdout is not None
    run = Path(maker.stdout.readline().strip())
    maker.kill()
    maker.wait()
    maker.stdout.close()

    joined = EmbeddedLab.running(load_topology(), log_folder=tmp_path)
    assert joined is not None
    assert (joined.run.folder, joined.joined) == (run, True)
    assert joined.start("client2").ssh is not None
    joined.reset()

    with pytest.raises(LabBusy, match=f"a lab is up already: {run.name}") as busy:
        new_lab(detached=True).up()
    assert "lab down" in busy.value.hint
    assert list(run.parent.iterdir()) == [run]
    assert joined.run.request(op="beat") == {"ok": "alive"}

    joined.down()  # whoever joined leaves it as it is
    again = EmbeddedLab.running(load_topology(), log_folder=tmp_path)
    assert again is not None
    assert again.hosts == joined.hosts
    again.end_joined()
    assert leftovers(base) == []
    assert processes_of(run) == {}

    with pytest.raises(GuestDied, match=f"{run.name} is gone"):
        joined.run.request(op="beat")
