"""What is sent to a Linux machine: the same bytes for the same code, other ones for other code, and enough to run there."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab import shipping
from lab.box import recipe
from lab.embedded import share

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


@pytest.mark.parametrize("folders", [recipe.CODE, share.GUEST_SIDE], ids=["box", "guest"])
def test_whatever_the_twin_imports_goes_with_it(folders: tuple[str, ...]) -> None:
    """Also what is imported late, where only a path that is walked would show that it is missing."""
    sent = dict(shipping.sources(folders))
    wanted = {(name, module) for name, file in sent.items() if name.startswith("lab/twin/") and name.endswith(".py")
              for module in _imported(ast.parse(file.read_text()))}
    assert ("lab/twin/rras/eap/microsoft.py", "lab.ike.eap") in wanted
    assert {(name, module) for name, module in wanted if not {f"{module.replace('.', '/')}{end}" for end in (".py", "/__init__.py")} & set(sent)} == set()


def _imported(tree: ast.AST) -> set[str]:
    """Return our own modules that code imports, leaving out what only a type checker reads."""
    skipped = {inner for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) for inner in ast.walk(node)}
    nodes = [node for node in ast.walk(tree) if node not in skipped]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {one for one in plain | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)} if one.partition(".")[0] == "lab"}


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
