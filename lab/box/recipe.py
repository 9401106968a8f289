"""What is in the stand-in boxes, and the keys that name them: the system's, and the boxes' with our own code in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lab import shipping
from lab.embedded.image.compiler import PPPD_PLUGINS
from lab.embedded.image.recipe import GUEST_LOCK, PYTHON, SUITE

HERE = Path(__file__).parent
ROOT = HERE / "root"
"""Files of the boxes, as they lie there."""
CODE = (*shipping.EVERYWHERE, shipping.TWIN)
"""Folders of `lab` whose code is in the twin's box; a Windows machine gets none of ours either."""
COMMAND_LINE = "root=/dev/vda2 rw rootfstype=ext2 net.ifnames=0 console=ttyS0 quiet mitigations=off audit=0 systemd.condition_first_boot=0 systemd.condition_needs_update=0"


BOX_VAGRANTFILE = """\
Vagrant.configure("2") do |config|
  config.ssh.shell = "sh"
end
"""
"""Settings that a box brings with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One of the boxes: the same disk, another start."""

    name: str
    purpose: str
    starts: str
    """What its kernel's command line adds."""


VARIANTS = (
    Variant(name="twin", purpose="the twin of Windows 10: WinRM on 5985 and 5986, no SSH",
            starts="systemd.wants=lab-twin.service systemd.mask=ssh.service"),
    Variant(name="linux", purpose="a machine for clients and LAN hosts: SSH", starts="systemd.mask=lab-twin.service"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All inputs of a build."""

    packages: tuple[str, ...]
    base_key: str
    """Names the system: everything but our code."""
    key: str
    """Names the boxes."""


def load_recipe() -> Recipe:
    """Return the recipe that this checkout describes."""
    lines = (HERE / "packages.txt").read_text().splitlines()
    packages = tuple(line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip())
    digest = hashlib.sha256()
    for part in (*sorted(packages), SUITE, PYTHON):
        digest.update(part.encode() + b"\0")
    for file in (GUEST_LOCK, *PPPD_PLUGINS.values(), HERE / "base.py", HERE / "vagrant.pub", *sorted(path for path in ROOT.rglob("*") if path.is_file())):
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    base_key = digest.hexdigest()[:12]
    digest.update((HERE / "disk.py").read_bytes() + repr((COMMAND_LINE, VARIANTS, BOX_VAGRANTFILE)).encode())
    for name, file in shipping.sources(CODE):
        digest.update(name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return Recipe(packages=packages, base_key=base_key, key=digest.hexdigest()[:12])


def box_name(variant: str, recipe: Recipe) -> str:
    """Return what Vagrant calls a box: another name for other content, so that no old disk is ever taken for a new one."""
    return f"incoming-connections-{variant}-{recipe.key}"
