"""The recipe: everything that decides an image's content changes its key, nothing else does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.embedded.image import recipe
from lab.embedded.image.recipe import HERE, load_recipe

INPUTS = ("packages.txt", "init", "guest.lock", "build.py", "wheels.py", "compiler.py", "clock.c", "pppd_addresses.c", "pppd_users.c")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the recipe's inputs and nothing else."""
    for name in INPUTS:
        shutil.copy(HERE / name, tmp_path / name)
    monkeypatch.setattr(recipe, "HERE", tmp_path)
    monkeypatch.setattr(recipe, "GUEST_LOCK", tmp_path / "guest.lock")
    return tmp_path


def appended(name: str, text: str) -> Callable[[Path], object]:
    return lambda here: (here / name).write_text((here / name).read_text() + text)


def reverse_the_packages(here: Path) -> None:
    lines = (here / "packages.txt").read_text().splitlines()
    (here / "packages.txt").write_text("\n".join(reversed(lines)) + "\n")


def test_the_key_depends_on_these_files_only(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = load_recipe().key
    monkeypatch.undo()

    assert load_recipe().key == alone  # our own code, the place of the checkout: all that is not among the inputs
    assert len(alone) == 16


@pytest.mark.parametrize("change", [
    appended("packages.txt", "tcpdump\n"), appended("init", "echo\n"), appended("guest.lock", "x==1\n"), appended("build.py", "#\n"),
    appended("wheels.py", "#\n"), appended("compiler.py", "#\n"), appended("clock.c", "/**/\n"), appended("pppd_addresses.c", "/**/\n"), appended("pppd_users.c", "/**/\n"), lambda here: (here / "packages.txt").write_text("iptables\n"),
])
def test_a_change_of_an_input_changes_the_key(change: Callable[[Path], object], here: Path) -> None:
    before = load_recipe().key

    change(here)

    assert load_recipe().key != before


@pytest.mark.parametrize("change", [appended("packages.txt", "\n# a remark\n"), reverse_the_packages])
def test_remarks_and_order_of_packages_do_not(change: Callable[[Path], object], here: Path) -> None:
    before = load_recipe().key

    change(here)

    assert load_recipe().key == before


@pytest.mark.parametrize("constant", ["SUITE", "PYTHON", "ARCHITECTURE"])
def test_another_suite_python_or_architecture_changes_the_key(constant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_recipe().key

    monkeypatch.setattr(recipe, constant, "other")

    assert load_recipe().key != before


def test_packages_are_read_without_remarks(here: Path) -> None:
    (here / "packages.txt").write_text("# head\niptables   # filter\n\n  iproute2\n")

    assert load_recipe().packages == ("iptables", "iproute2")
