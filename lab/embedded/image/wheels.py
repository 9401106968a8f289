"""Wheels for the guest's Python, fetched and unpacked by the host's pip, whatever Python the host has.

`--no-deps` with a complete lock file is needed for correctness: pip evaluates environment markers with the host's Python.
Several platform tags are named because pip does not expand one to the older ones.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

from lab.embedded.image.recipe import ABI, GUEST_LOCK, PYTHON
from lab.errors import HostError

PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux_2_5", "manylinux1")


def download(folder: Path) -> list[Path]:
    """Fetch the locked wheels; return their paths.

    Raises:
        HostError: pip could not; with what it said.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:",
               "--python-version", PYTHON, "--implementation", "cp", "--abi", ABI, "--abi", "abi3", "--abi", "none",
               "--dest", str(folder), "--requirement", str(GUEST_LOCK)]
    for platform in (*[f"{name}_x86_64" for name in PLATFORMS], "any"):
        command += ["--platform", platform]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HostError("pip could not fetch the guest's wheels", evidence="\n".join(done.stderr.splitlines()[-8:]),
                        hint="check this machine's pip configuration: `pip download aiohttp`")
    return sorted(folder.glob("*.whl"))


def unpack(wheels: list[Path], target: Path) -> None:
    """Unpack wheels into a site directory: the same bytes whichever Python runs this. Scripts and headers are left out."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                path = PurePosixPath(name)
                if name.endswith("/") or path.is_absolute() or ".." in path.parts:
                    continue
                if path.parts[0].endswith(".data"):
                    if path.parts[1] not in ("purelib", "platlib"):
                        continue
                    path = PurePosixPath(*path.parts[2:])
                file = target / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.read(name))
                file.chmod(0o644)
