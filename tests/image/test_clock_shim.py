"""The shim over the kernel's clock, compiled and preloaded into a program of this machine: both clocks move, and no other."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.embedded.image.compiler import CLOCK, CLOCK_LIBRARY, compile_library
from lab.embedded.uml.clock import VARIABLE
from lab.errors import HostError

READ = ("import json, time\nprint(json.dumps({name: time.clock_gettime(getattr(time, name))"
        " for name in ('CLOCK_REALTIME', 'CLOCK_MONOTONIC', 'CLOCK_PROCESS_CPUTIME_ID')}))")


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("shim") / CLOCK_LIBRARY
    compile_library(CLOCK, target)
    return target


def read(shim: Path, descriptor: str | None, *, pass_fds: tuple[int, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"LD_PRELOAD": str(shim)} | ({} if descriptor is None else {VARIABLE: descriptor})
    return subprocess.run([sys.executable, "-S", "-c", READ], capture_output=True, text=True, check=False, env=environment, pass_fds=pass_fds)


@pytest.mark.parametrize("seconds", [0, 1.5, 86400, 10 * 365 * 86400])
def test_the_clocks_of_the_kernel_move_by_the_offset_and_others_do_not(seconds: float, shim: Path, tmp_path: Path) -> None:
    file = tmp_path / "offset"
    file.write_bytes(struct.pack("=q", int(seconds * 1e9)).ljust(4096, b"\0"))
    with file.open("rb") as offset:
        done = read(shim, str(offset.fileno()), pass_fds=(offset.fileno(),))

    found = dict(eval(done.stdout))
    assert found["CLOCK_REALTIME"] - time.time() == pytest.approx(seconds, abs=2)
    assert found["CLOCK_MONOTONIC"] - time.monotonic() == pytest.approx(seconds, abs=2)
    assert found["CLOCK_PROCESS_CPUTIME_ID"] < 60


def test_without_an_offset_time_is_what_it_is(shim: Path) -> None:
    assert dict(eval(read(shim, None).stdout))["CLOCK_REALTIME"] == pytest.approx(time.time(), abs=2)


@pytest.mark.parametrize("descriptor", ["999", ""])
def test_an_offset_that_cannot_be_read_ends_the_program_with_the_reason(descriptor: str, shim: Path) -> None:
    done = subprocess.run([sys.executable, "-S", "-c", READ], capture_output=True, text=True, check=False, stdin=subprocess.PIPE,
                          env=os.environ | {"LD_PRELOAD": str(shim), VARIABLE: descriptor})

    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == "@fail clock: LAB_CLOCK is no descriptor of a readable file\n"


def test_it_needs_nothing_of_any_libc(shim: Path) -> None:
    image = shim.read_bytes()

    assert image.startswith(b"\x7fELF")
    assert b"libc.so" not in image
    assert b"GLIBC" not in image
    assert shim.stat().st_mode & 0o777 == 0o444


def test_what_gcc_says_is_told(tmp_path: Path) -> None:
    source = tmp_path / "clock.c"
    source.write_text("int broken(void) { return nothing; }\n")

    with pytest.raises(HostError, match=r"^gcc cannot compile clock\.c") as refusal:
        compile_library(source, tmp_path / "clock.so")
    assert "nothing" in refusal.value.evidence
    assert not (tmp_path / "clock.so").exists()
