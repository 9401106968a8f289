"""What is sent to a Linux machine: the same bytes for the same code, other ones for other code, and enough to run there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab import shipping

ALONE = """
import sys
sys.path[:0] = [sys.argv[1]]
import lab.hosts.carrier, lab.probe.agent.main, vici
import lab
assert lab.__file__.startswith(sys.argv[1])
print("complete")
"""


def test_it_runs_where_nothing_else_of_ours_is(tmp_path: Path) -> None:
    _, data = shipping.bundle()
    subprocess.run(["tar", "-x", "-C", tmp_path], input=data, check=True)  # as on a machine
    done = subprocess.run([sys.executable, "-S", "-E", "-c", ALONE, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "complete", done.stderr


def test_nothing_of_the_workshop_is_sent() -> None:
    names = {name for name, _ in shipping.sources(shipping.EVERYWHERE)}
    assert {"lab/__init__.py", "lab/hosts/carrier.py", "lab/probe/__init__.py"} <= names
    assert "lab/hosts/etc/strongswan.client.conf" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("fixtures", "lab/twin", "lab/server", "lab/backends"))]
    assert len(names) == len(list(shipping.sources(shipping.EVERYWHERE)))


def test_the_digest_follows_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = shipping.bundle()
    assert shipping.bundle() == first
    package = tmp_path / "lab"
    shutil.copytree(shipping.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(shipping, "PACKAGE", package)
    assert shipping.bundle() == first, "where it lies, and when it was written, does not matter"

    (package / "hosts/carrier.py").write_text("other")
    assert shipping.bundle()[0] != first[0]
