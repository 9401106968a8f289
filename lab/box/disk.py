"""A bootable disk without privilege: a partition table, a FAT partition with SYSLINUX, kernel and initial file system, an ext2 root.

The two boxes have the same root; only the kernel's command line on the FAT partition differs. Our code is compiled here by the system's
own Python, run out of the tar with the system's own loader: bytecode of another version would be compiled anew at every start.
"""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab import shipping
from lab.box.recipe import CODE, COMMAND_LINE, Variant
from lab.embedded.image.build import run_tool
from lab.embedded.image.recipe import PYTHON
from lab.errors import HostError
from lab.pki import winrm_identity

MBR = Path("/usr/lib/SYSLINUX/mbr.bin")
"""SYSLINUX's boot code for a partitioned disk (package syslinux): starts the active partition."""
TOOLS: Mapping[str, str] = {"genext2fs": "genext2fs", "mformat": "mtools", "mcopy": "mtools", "syslinux": "syslinux",
                            "qemu-img": "qemu-utils", "mmdebstrap": "mmdebstrap"}
"""The programs that make a disk, with their packages."""
SECTOR, FIRST, BOOT_SECTORS = 512, 2048, 131072
"""Bytes; where the first partition begins (1 MiB); size of the FAT partition (64 MiB)."""
FREE_BLOCKS = 60_000
"""Blocks of 4 KiB that a machine may fill."""
FAT16, LINUX, ACTIVE = 0x0E, 0x83, 0x80
LIBRARY = "usr/lib/x86_64-linux-gnu"
SYSLINUX = """\
DEFAULT linux
PROMPT 0
TIMEOUT 0
LABEL linux
  KERNEL /vmlinuz
  APPEND initrd=/initrd {options}
"""


def make_root(base: Path, work: Path, lock: int) -> Path:
    """Return the root file system: the system with our code. `work` gets kernel and initial file system too."""
    _take_out(base, work)
    _compile(work)
    whole = work / "whole.tar"  # one: of several genext2fs reads the last only
    shutil.copyfile(base, whole)
    _add_ours(work, whole)
    root = work / "root.ext2"
    blocks = base.stat().st_size // 4096 * 112 // 100 + FREE_BLOCKS
    run_tool(["genext2fs", "-B", "4096", "-b", str(blocks), "-N", "60000", "-a", str(whole), str(root)], lock)
    whole.unlink()
    return root


def make_disk(variant: Variant, root: Path, work: Path, target: Path, lock: int) -> None:
    """Write the disk of one box as qcow2; `work` is what `make_root` filled."""
    boot, raw = work / f"{variant.name}.fat", work / f"{variant.name}.raw"
    boot.unlink(missing_ok=True)
    settings = work / "syslinux.cfg"
    settings.write_text(SYSLINUX.format(options=f"{COMMAND_LINE} {variant.starts}"))
    run_tool(["mformat", "-i", str(boot), "-C", "-T", str(BOOT_SECTORS), "-h", "64", "-s", "32", "-H", str(FIRST), "::"], lock)
    for file, name in ((work / "vmlinuz", "vmlinuz"), (work / "initrd", "initrd"), (settings, "syslinux.cfg")):
        run_tool(["mcopy", "-i", str(boot), str(file), f"::/{name}"], lock)
    run_tool(["syslinux", "--install", str(boot)], lock)
    with raw.open("wb") as disk:
        disk.write(_boot_record(root.stat().st_size // SECTOR))
        disk.seek(FIRST * SECTOR)
        with boot.open("rb") as source:
            shutil.copyfileobj(source, disk)
    with raw.open("r+b") as disk, root.open("rb") as source:
        _copy_sparse(source, disk, (FIRST + BOOT_SECTORS) * SECTOR)
    run_tool(["qemu-img", "convert", "-O", "qcow2", str(raw), str(target)], lock)
    raw.unlink()


def boot_code() -> bytes:
    """Return what the BIOS starts. Raises HostError where it is not installed."""
    if not MBR.exists():
        raise HostError(f"{MBR} is missing", hint="apt install syslinux, or `make setup`")
    return MBR.read_bytes()[:440]


def _boot_record(root_sectors: int) -> bytes:
    """Return the first sector: boot code and two partitions."""
    code = boot_code().ljust(446, b"\0")
    entries = [(ACTIVE, FAT16, FIRST, BOOT_SECTORS), (0, LINUX, FIRST + BOOT_SECTORS, root_sectors)]
    table = b"".join(struct.pack("<B3sB3sII", flag, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", first, count) for flag, kind, first, count in entries)
    return code + table.ljust(64, b"\0") + b"\x55\xaa"


def _copy_sparse(source: io.BufferedReader, disk: io.BufferedRandom, offset: int) -> None:
    """Copy a file into the disk, leaving holes where it is zero."""
    at = offset
    while piece := source.read(1 << 20):
        if piece.strip(b"\0"):
            disk.seek(at)
            disk.write(piece)
        at += len(piece)
    disk.truncate(at)


def _take_out(base: Path, work: Path) -> None:
    """Take kernel and initial file system out of the tar, and as much of Python as compiles a file."""
    found: set[str] = set()
    with tarfile.open(base) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if name.startswith(("boot/vmlinuz-", "boot/initrd.img-")):
                _write(tar, member, work / ("vmlinuz" if "vmlinuz" in name else "initrd"))
                found.add(name.split("-")[0])
            elif member.isfile() and name.startswith((f"usr/bin/python{PYTHON}", f"usr/lib/python{PYTHON}/", f"{LIBRARY}/lib", f"{LIBRARY}/ld-")):
                _write(tar, member, work / "python" / name)
            elif member.issym() and name.startswith(f"{LIBRARY}/lib") and "/" not in member.linkname:
                link = work / "python" / name
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(member.linkname)
    if len(found) != 2:
        raise HostError("the boxes' system has no kernel", hint="lab box build --rebuild; lab/box/packages.txt names its package")


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = tar.extractfile(member)
    assert source is not None
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(source, file)
    target.chmod(member.mode | 0o600)


def _compile(work: Path) -> None:
    """Copy our code to `work`/code, with bytecode of the system's Python beside it."""
    for name, file in shipping.sources(CODE):
        target = work / "code" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    python, library = work / "python", work / "python" / LIBRARY
    command = [str(library / "ld-linux-x86-64.so.2"), "--library-path", str(library), str(python / f"usr/bin/python{PYTHON}"), "-S", "-E", "-m",
               "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash", "-s", str(work), "-p", "/opt/lab", str(work / "code")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONHOME": str(python / "usr")})
    if done.returncode:
        raise HostError("the twin's code could not be compiled for its box", evidence=(done.stdout + done.stderr)[-2000:])


def _add_ours(work: Path, target: Path) -> None:
    """Append our code, the settings of the twin's charon, and a certificate for WinRM over HTTPS."""
    identity = winrm_identity()
    with tarfile.open(target, "a") as tar:
        _add(tar, "opt/lab", None)
        for file in (work / "code", *sorted((work / "code").rglob("*"))):  # genext2fs drops what has no folder before it
            _add(tar, f"opt/lab/{file.relative_to(work)}", file.read_bytes() if file.is_file() else None)
        _add(tar, "etc/lab/winrm.crt", identity.certificate_pem)
        _add(tar, "etc/lab/winrm.key", identity.private_key_pem, mode=0o600)
        settings = (shipping.PACKAGE / "hosts" / "etc" / "strongswan.server.conf").read_bytes()
        _add(tar, "opt/lab/strongswan.conf", settings)


def _add(tar: tarfile.TarFile, name: str, content: str | bytes | None, *, mode: int = 0o644) -> None:
    """Add a file, or a folder (no content), owned by root."""
    member = tarfile.TarInfo(name)
    data = content.encode() if isinstance(content, str) else content
    if data is None:
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(member)
        return
    member.size, member.mode = len(data), mode
    tar.addfile(member, io.BytesIO(data))


def written(files: Iterable[Path]) -> int:
    """Return the bytes that files take on disk."""
    return sum(file.stat().st_blocks * 512 for file in files)
