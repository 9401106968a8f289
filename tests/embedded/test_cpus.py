"""A guest gets a CPU that other guests leave free."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.embedded.uml.cpus import free_cpu

GUEST, LOADED, OTHER = b"./linux.uml\0mem=256M\0", b"./ld.so\0--library-path\0x\0./linux.uml\0", b"vim\0notes\0linux.uml.txt\0"


@pytest.mark.parametrize(("running", "worker", "cpu"), [
    ([], 0, 3),
    ([], 1, 2),
    ([], 4, 3),
    ([(GUEST, "3")], 0, 2),
    ([(LOADED, "3")], 0, 2),
    ([(OTHER, "3")], 0, 3),
    ([(GUEST, "0-3")], 0, 3),
    ([(GUEST, "3"), (GUEST, "2"), (GUEST, "1")], 0, 0),
    ([(GUEST, str(cpu)) for cpu in (0, 1, 1, 2, 3)], 1, 2),
])
def test_the_cpu_with_the_fewest_guests(tmp_path: Path, running: list[tuple[bytes, str]], worker: int, cpu: int) -> None:
    for number, (command, pinned) in enumerate(running):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "cmdline").write_bytes(command)
        (tmp_path / str(number) / "status").write_text(f"Name:\tx\nCpus_allowed_list:\t{pinned}\n")
    (tmp_path / "99").mkdir()  # one that ended while it was looked at

    assert free_cpu(worker, allowed=range(4), processes=tmp_path) == cpu
