"""What is in the image, and the key that names it: a hash of everything that decides its content but the archive's own state."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SUITE = "trixie"
PYTHON = "3.13"
ABI = "cp313"
ARCHITECTURE = "amd64"
GUEST_LOCK = HERE / "guest.lock"
"""Wheels of the guest's Python, with hashes; made by `make lock` from the `guest` extra of pyproject.toml."""

EXCLUDED_FOLDERS = ("doc", "man", "info", "locale", "lintian", "i18n", "bash-completion", "bug", "zoneinfo")
KERNEL_PARTS = ("net", "drivers/net", "crypto", "lib", "fs/overlayfs")
"""Modules that are kept; everything else of the kernel's tree is left out."""
KERNEL_LEFT_OUT = (
    "net/openvswitch", "net/sctp", "net/tipc", "net/batman-adv", "net/bluetooth", "net/rxrpc", "net/ceph", "net/mac80211",
    "net/wireless", "net/sunrpc", "net/atm", "net/ax25", "net/rose", "net/netrom", "net/x25", "net/phonet", "net/can",
    "net/ieee802154", "net/mac802154", "net/6lowpan", "net/appletalk", "net/rds", "net/smc", "net/nfc", "net/caif", "net/lapb",
    "drivers/net/usb", "drivers/net/wireless", "drivers/net/ethernet", "drivers/net/wan", "drivers/net/hamradio",
    "drivers/net/can", "drivers/net/ieee802154",
)
"""Not net/llc: the bridge module needs it."""

BUILDERS = ("build.py", "wheels.py", "compiler.py", "clock.c", "pppd_addresses.c", "pppd_users.c")
"""Files whose content decides what is built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All inputs of a build."""

    packages: tuple[str, ...]
    init: bytes
    lock: bytes
    key: str
    """First 16 hexadecimal digits of the hash; the image's name in the cache."""


def load_recipe() -> Recipe:
    """Return the recipe that this checkout describes."""
    lines = (HERE / "packages.txt").read_text().splitlines()
    packages = tuple(line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip())
    init, lock = (HERE / "init").read_bytes(), GUEST_LOCK.read_bytes()
    digest = hashlib.sha256()
    for part in (*sorted(packages), SUITE, PYTHON, ARCHITECTURE, *EXCLUDED_FOLDERS, *KERNEL_PARTS, *KERNEL_LEFT_OUT):
        digest.update(part.encode() + b"\0")
    for content in (init, lock, *((HERE / name).read_bytes() for name in BUILDERS)):
        digest.update(hashlib.sha256(content).digest())
    return Recipe(packages=packages, init=init, lock=lock, key=digest.hexdigest()[:16])
