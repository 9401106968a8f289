"""Bad input and unfit machines: one clear sentence with the remedy, an exit code of its own, nothing left behind."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from guests import HERE, ROOT, in_own_mounts, lab_up, leftovers, run_lab

from lab.backends.embedded import EmbeddedLab
from lab.embedded import runs
from lab.embedded.image import cache
from lab.errors import HostError, LabBusy
from lab.rundir import NEEDED_MB, VARIABLE

PTRACE = 101
FORBID_PTRACE = f"from lab.embedded.uml import confine; confine._no_new_privileges(); confine._filter(confine._forbid(({PTRACE},)))"


def refused(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    """The command ended with this code, and its one error names these things and a remedy."""
    __tracebackhide__ = True
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr.startswith("error: "), done.stderr
    assert done.stderr.count("error: ") == 1
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


needs_mounts = pytest.mark.skipif(in_own_mounts("true", ["true"], ROOT).returncode != 0, reason="this machine lets us have no mount namespace, to have a small /dev/shm in")


def test_a_wrong_topology_is_told_with_its_place(base: Path, tmp_path: Path) -> None:
    file = tmp_path / "topology.yaml"
    file.write_text((ROOT / "lab" / "topology.yaml").read_text().replace("wan: 203.0.113.20,", "wan: 198.51.100.20,"))

    refused(run_lab(base, LAB_TOPOLOGY=str(file)), 2, str(file), "hosts.client.addresses.wan", "198.51.100.20 is not in 203.0.113.0/24")
    assert leftovers(base) == []


def test_slirp4netns_missing(base: Path, tmp_path: Path) -> None:
    refused(run_lab(base, PATH=str(tmp_path)), 69, "slirp4netns is not installed", "hint: apt install slirp4netns")
    assert leftovers(base) == []


def test_ptrace_forbidden(base: Path) -> None:
    refused(run_lab(base, before=FORBID_PTRACE), 69, "ptrace is forbidden", "--cap-add=SYS_PTRACE")
    assert leftovers(base) == []


def test_a_run_folder_that_does_not_exist(base: Path) -> None:
    refused(run_lab(base / "nowhere"), 69, f"{base}/nowhere does not exist", f"hint: set {VARIABLE}")


def test_a_run_folder_with_too_long_a_path(base: Path) -> None:
    folder = base / ("x" * 80)
    folder.mkdir()

    refused(run_lab(folder), 69, "too long for the sockets of a run", f"hint: set {VARIABLE}")
    assert leftovers(folder) == []
    shutil.rmtree(folder)


@needs_mounts
def test_a_run_folder_without_room(base: Path) -> None:
    done = in_own_mounts(f"mount -t tmpfs -o size=64m none {base}", lab_up(), base)

    refused(done, 69, "no folder can hold the guest's memory", f"{base} has 64 MB free, {NEEDED_MB} are needed", f"hint: set {VARIABLE}")


@needs_mounts
def test_a_small_and_a_noexec_folder_are_passed_over_and_the_next_is_named(base: Path, tmp_path: Path) -> None:
    """As in a container: /dev/shm of 64 MB; or hardened: mounted noexec."""
    small, noexec, good = base / "small", base / "noexec", base / "good"
    for folder in (small, noexec, good):
        folder.mkdir()
    program = f"""
import sys
from pathlib import Path
from lab import rundir
from lab.backends.embedded import EmbeddedLab
from lab.topology import load_topology
rundir.candidates = lambda: [Path({str(small)!r}), Path({str(noexec)!r}), Path({str(good)!r})]
lab = EmbeddedLab(load_topology(), log_folder=Path({str(tmp_path)!r}), progress=print)
lab.up()
print("lies in", lab.run.folder.parent.parent, lab.run.request(op="beat"))
lab.down()
"""
    mounts = f"mount -t tmpfs -o size=64m none {small} && mount -t tmpfs -o noexec,size=1g none {noexec}"
    done = in_own_mounts(mounts, [sys.executable, "-c", program], base)

    assert f"not in {small}, which has 64 MB free, {NEEDED_MB} are needed: the run is in {good}" in done.stdout, done.stderr
    assert f"not in {noexec}, which is mounted noexec: the run is in {good}" in done.stdout
    assert f"lies in {good} {{'ok': 'alive'}}" in done.stdout, done.stderr
    for folder in (small, noexec, good):
        shutil.rmtree(folder)


@needs_mounts
def test_memory_that_runs_out_of_room_is_named(base: Path, tmp_path: Path) -> None:
    program = f"""
import os, sys, threading
from pathlib import Path
sys.path.append({str(HERE)!r})
from guests import Guest
from lab.backends.embedded import EmbeddedLab
from lab.topology import load_topology
from lab.waiting import Deadline, wait_until
with Guest(EmbeddedLab(load_topology(), log_folder=Path({str(tmp_path)!r}))) as guest:
    free = os.statvfs({str(base)!r})
    os.posix_fallocate(os.open({str(base / "other")!r}, os.O_CREAT | os.O_RDWR), 0, (free.f_bavail - 1000) * free.f_frsize)
    threading.Thread(target=guest.sh, args=["head -c 120M /dev/zero > /tmp/big"], daemon=True).start()
    wait_until(lambda: not guest.lab.is_alive, Deadline(20), lambda: AssertionError("the guest lives"))
    print(guest.lab.death())
"""
    done = in_own_mounts(f"mount -t tmpfs -o size={NEEDED_MB + 10}m none {base}", [sys.executable, "-c", program], base)

    assert re.search(rf"a kernel panic: {base}/incoming-connections-\d+ had no room for its memory", done.stdout), done.stderr


def test_a_port_in_use(new_lab: Callable[..., EmbeddedLab], base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken, free = other.getsockname()[1], runs.free_ports
        monkeypatch.setattr(runs, "free_ports", lambda count: [*free(count - 1), taken])

        with pytest.raises(LabBusy, match=f"port {taken} of 127.0.0.1 is in use") as busy:
            new_lab().up()
    assert "try again" in busy.value.hint
    assert leftovers(base) == []


@pytest.fixture
def spoilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The kernel of a cache of its own, that has one wrong byte; and nothing can be built."""
    real = cache.ensure_image(print)
    own = tmp_path / "cache" / "images" / real.key
    own.mkdir(parents=True)
    for file in real.folder.iterdir():
        if file.stat().st_size < 1 << 25:
            shutil.copy2(file, own)
        else:
            (own / file.name).symlink_to(file)
    kernel = own / "linux.uml"
    times = kernel.stat()
    content = bytearray(kernel.read_bytes())
    content[0] ^= 0xFF
    kernel.chmod(0o755)
    kernel.write_bytes(content)
    os.utime(kernel, ns=(times.st_atime_ns, times.st_mtime_ns))

    def build(*_: object, **__: object) -> None:
        raise HostError("nothing can be built here")

    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "build", build)
    return kernel


def test_a_corrupt_image_whose_times_tell_is_built_anew(spoilt: Path, new_lab: Callable[..., EmbeddedLab], base: Path) -> None:
    os.utime(spoilt)
    told: list[str] = []

    with pytest.raises(HostError, match="nothing can be built here"):
        new_lab(progress=told.append).up()
    assert "the cached image is corrupt (linux.uml was changed): building it again" in told
    assert leftovers(base) == []


def test_a_corrupt_image_whose_times_do_not_tell_is_named_when_the_guest_does_not_come_up(
    spoilt: Path, new_lab: Callable[..., EmbeddedLab], base: Path
) -> None:
    with pytest.raises(HostError, match=r"the cached image is corrupt: linux\.uml has another content") as error:
        new_lab().up()
    assert "lab image build --verify" in error.value.hint
    assert "Exec format error" in error.value.evidence
    assert leftovers(base) == []
