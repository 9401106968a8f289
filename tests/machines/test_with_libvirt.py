"""ci/with-libvirt: a libvirt of a command's own; nothing of it outlives the command, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from machine_lab import ROOT, wait_for

SCRIPT = ROOT / "ci" / "with-libvirt"
pytestmark = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("libvirtd") is None, reason="unsupported here: needs root and libvirtd")


def folders() -> set[Path]:
    return set(Path("/var/tmp").glob("with-libvirt.*"))


def is_running(mark: str) -> bool:
    """Whether any process has the mark in its command line; ours has it not."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in entry.read_bytes():
                return True
        except OSError:
            continue
    return False


def test_a_command_has_a_libvirt_and_its_exit_code_is_told() -> None:
    before = folders()  # these tests may run inside another one
    done = subprocess.run([SCRIPT, "sh", "-c", "virsh -c qemu:///system version && exit 7"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 7, done.stderr
    assert "Running hypervisor: QEMU" in done.stdout
    assert folders() == before


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_whatever_ends_it_ends_everything(tmp_path: Path, how: signal.Signals) -> None:
    started, before = tmp_path / "started", folders()
    command = f"import pathlib, signal; pathlib.Path({str(started)!r}).touch(); signal.pause()"
    process = subprocess.Popen([SCRIPT, sys.executable, "-c", command], start_new_session=True)
    assert wait_for(started.exists, 30)
    process.send_signal(how)
    process.wait(20)
    assert wait_for(lambda: not is_running(str(started)), 10), "the command outlived its wrapper"
    for left in folders() - before:  # kill -9 leaves the folder, which nobody uses
        assert wait_for(lambda left=left: not is_running(str(left)), 10), "a daemon outlived its wrapper"
        shutil.rmtree(left)


def test_an_interrupt_reaches_the_command(tmp_path: Path) -> None:
    started, ended, before = tmp_path / "started", tmp_path / "ended", folders()
    command = (f"import pathlib, signal\ntry:\n    pathlib.Path({str(started)!r}).touch()\n    signal.pause()\n"
               f"except KeyboardInterrupt: pathlib.Path({str(ended)!r}).touch(); raise SystemExit(5)")
    process = subprocess.Popen([SCRIPT, sys.executable, "-c", command], start_new_session=True)
    assert wait_for(started.exists, 30)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) in (5, 130)  # the shell between them may tell the interrupt instead
    assert ended.exists()
    assert folders() == before
