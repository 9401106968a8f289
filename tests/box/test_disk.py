"""The disk of a box, made by the real programs and taken apart again: partitions, the FAT with the kernel, the root where it belongs."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.box import disk
from lab.box.recipe import COMMAND_LINE, VARIANTS, Variant
from lab.errors import HostError

NEEDED = ("mformat", "mcopy", "mtype", "syslinux", "qemu-img")
MISSING = [tool for tool in NEEDED if shutil.which(tool) is None] + [str(disk.MBR)] * (not disk.MBR.exists())
SECTOR, MIB = 512, 1 << 20
real_tools = pytest.mark.skipif(bool(MISSING), reason=f"not installed here: {', '.join(MISSING)}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The raw disk of each variant, over one root that is zero in the middle."""
    work = tmp_path_factory.mktemp("disk")
    (work / "vmlinuz").write_bytes(b"kernel")
    (work / "initrd").write_bytes(b"initrd" * 1000)
    root = work / "root.ext2"
    root.write_bytes(b"\x01" * MIB + bytes(3 * MIB) + b"\x02" * (MIB // 2))
    found = {}
    for variant in VARIANTS:
        image, raw = work / f"{variant.name}.img", work / f"{variant.name}.back"
        with Path("/dev/null").open() as lock:
            disk.make_disk(variant, root, work, image, lock.fileno())
        subprocess.run(["qemu-img", "convert", "-O", "raw", str(image), str(raw)], check=True)
        found[variant.name] = raw
    return found


@real_tools
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.name)
def test_partitions_are_where_the_boot_code_and_the_kernel_look(made: Mapping[str, Path], variant: Variant) -> None:
    with made[variant.name].open("rb") as raw:
        record = raw.read(SECTOR)
        table = [struct.unpack_from("<B3xB3xII", record, 446 + 16 * number) for number in range(4)]
        (active, fat, first, count), (passive, linux, root, size) = table[:2]

        assert record[510:] == b"\x55\xaa"
        assert record[:440] == disk.MBR.read_bytes()[:440]
        assert (active, fat, passive, linux, table[2:]) == (0x80, 0x0E, 0, 0x83, [(0, 0, 0, 0)] * 2)
        assert (root, size * SECTOR) == (first + count, 4 * MIB + MIB // 2)
        raw.seek(first * SECTOR)
        boot = raw.read(SECTOR)
        assert b"SYSLINUX" in boot
        assert struct.unpack_from("<I", boot, 28) == (first,), "a BIOS starts it only if it knows the hidden sectors before it"
        raw.seek(root * SECTOR)
        assert raw.read(2 * MIB) == b"\x01" * MIB + bytes(MIB)
        raw.seek(root * SECTOR + 4 * MIB)
        assert raw.read() == b"\x02" * (MIB // 2)


@real_tools
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.name)
def test_the_kernel_is_started_as_the_variant_says(made: Mapping[str, Path], variant: Variant) -> None:
    def content(name: str) -> str:
        return subprocess.run(["mtype", "-i", f"{made[variant.name]}@@1M", f"::/{name}"], capture_output=True, text=True, check=True).stdout

    assert content("vmlinuz") == "kernel"
    assert content("initrd") == "initrd" * 1000
    assert f"APPEND initrd=/initrd {COMMAND_LINE} {variant.starts}" in content("syslinux.cfg")


@real_tools
def test_what_is_zero_takes_no_room(made: Mapping[str, Path]) -> None:
    assert disk.written(made.values()) < 10 * MIB
    assert all(raw.stat().st_size > 64 * MIB for raw in made.values())


def test_a_system_without_a_kernel_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "base.tar", "w"):
        pass
    with pytest.raises(HostError, match="the boxes' system has no kernel"):
        disk.make_root(tmp_path / "base.tar", tmp_path, 0)
