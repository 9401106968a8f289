"""Tests on real virtual machines: the stand-in boxes, real Vagrant, real libvirt. Slow: `make vagrant-tests`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine_lab import MachineLab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say where it cannot be done."""
    if subprocess.run(["virsh", "-c", "qemu:///system", "version"], capture_output=True, check=False).returncode:
        for item in (one for one in items if "machines" in getattr(one, "fixturenames", ()) or one.path.name == "test_machines.py"):
            item.add_marker(pytest.mark.skip(reason="unsupported here: no libvirt daemon answers (ci/on-virtual-machines starts one as root)"))


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MachineLab]:
    """A detached vagrant lab; `lab down` at the end leaves nothing."""
    state: Path = tmp_path_factory.mktemp("state")
    lab = MachineLab(state)
    before = lab.things()
    lab.must("up", "--lab", "vagrant", budget=900)
    yield lab
    lab.must("down", "--lab", "vagrant")
    assert lab.things() == before
    assert not lab.runs()
