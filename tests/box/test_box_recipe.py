"""A box has another name when its content is another: no old disk is ever taken for a new one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lab import shipping
from lab.box import base, recipe
from lab.box.recipe import VARIANTS, Recipe, box_name, load_recipe
from lab.embedded.image.compiler import PPPD_PLUGINS

HERE = load_recipe()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what a recipe is made from, to be changed."""
    package = tmp_path / "lab"
    shutil.copytree(shipping.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(shipping, "PACKAGE", package)
    monkeypatch.setattr(recipe, "HERE", package / "box")
    monkeypatch.setattr(recipe, "ROOT", package / "box" / "root")
    monkeypatch.setattr(recipe, "GUEST_LOCK", package / "embedded/image/guest.lock")
    monkeypatch.setattr(recipe, "PPPD_PLUGINS", {place: package / "embedded/image" / source.name for place, source in PPPD_PLUGINS.items()})
    return package


def test_the_same_checkout_has_the_same_keys_wherever_it_lies(checkout: Path) -> None:
    assert load_recipe() == HERE
    assert len({box_name(variant.name, HERE) for variant in VARIANTS}) == len(VARIANTS)


@pytest.mark.parametrize(("file", "system", "boxes"), [
    ("twin/main.py", False, True), ("hosts/carrier.py", False, True), ("wire/netlink/links.py", False, True), ("box/disk.py", False, True),
    ("box/base.py", True, True), ("box/packages.txt", True, True), ("box/root/etc/hosts", True, True), ("box/vagrant.pub", True, True),
    ("embedded/image/guest.lock", True, True), ("embedded/image/pppd_addresses.c", True, True), ("embedded/image/pppd_users.c", True, True), ("cli/main.py", False, False), ("backends/vagrant/lab.py", False, False),
])  # fmt: skip
def test_which_change_asks_for_what(checkout: Path, file: str, system: bool, boxes: bool) -> None:
    before = load_recipe()
    with (checkout / file).open("a") as changed:
        changed.write("\nother\n")
    after = load_recipe()
    assert (after.base_key != before.base_key, after.key != before.key) == (system, boxes)


def test_the_order_of_packages_and_comments_change_nothing(checkout: Path) -> None:
    packages = checkout / "box/packages.txt"
    before = load_recipe()
    packages.write_text("\n".join(["# another remark", *reversed(packages.read_text().splitlines())]))
    after = load_recipe()
    assert Recipe(packages=(), base_key=after.base_key, key=after.key) == Recipe(packages=(), base_key=before.base_key, key=before.key)


def test_the_boxes_have_what_the_firewall_needs() -> None:
    """Its modules come with Debian's kernel and load with the first table."""
    assert "iptables" in HERE.packages


def test_the_boxes_can_do_l2tp_and_start_none_of_it_by_themselves() -> None:
    """Debian's kernel for clouds has no PPP; a daemon of its own package would hold UDP 1701 before the twin's."""
    assert {"xl2tpd", "ppp", "linux-image-amd64"} <= set(HERE.packages)
    assert {"xl2tpd.service", "pppd-dns.service", "strongswan.service"} <= set(base.MASKED)
