"""Whatever Vagrant says when it fails becomes one sentence with a remedy."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from vagrant_fakes import Cast, assert_all_ended, await_file

from lab import budgets
from lab.backends.vagrant import process
from lab.backends.vagrant.command import Vagrant
from lab.backends.vagrant.failures import KNOWN
from lab.errors import BootTimeout, HostError, InfrastructureError, LabBusy, LabError

RECORDED = yaml.safe_load(Path(__file__).with_name("recorded.yaml").read_text())
CALLS: dict[str, Callable[[Vagrant], object]] = {
    "status": Vagrant.status,
    "up": lambda vagrant: vagrant.up(["server"], provider="libvirt"),
    "boxes": Vagrant.boxes,
    "add_box": lambda vagrant: vagrant.add_box("x", Path("x.box"), "libvirt"),
    "remove_box": lambda vagrant: vagrant.remove_box("nobox", "libvirt"),
    "save_snapshot": lambda vagrant: vagrant.save_snapshot("server", "clean"),
    "restore_snapshot": lambda vagrant: vagrant.restore_snapshot("server", "clean"),
    "snapshots": lambda vagrant: vagrant.snapshots("server"),
    "ssh_config": lambda vagrant: vagrant.ssh_config("client"),
    "winrm_config": lambda vagrant: vagrant.winrm_config("server"),
}


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["name"])
def test_a_failure_is_one_sentence_with_its_remedy(case: dict[str, str | int], cast: Cast, vagrant: Vagrant) -> None:
    cast("vagrant", [{"stdout": case.get("stdout", ""), "stderr": case.get("stderr", ""), "code": case.get("code", 1)}])

    with pytest.raises(LabError) as caught:
        CALLS[str(case["call"])](vagrant)

    error = caught.value
    assert type(error).__name__ == case["error"]
    assert str(case["says"]) in error.message
    assert "\n" not in error.message
    assert str(case["hint"]) in error.hint
    said = f"{case.get('stdout', '')}{case.get('stderr', '')}".split()
    assert said[-1].replace("\\n", "\n").split()[-1] in error.evidence
    assert "\x1b" not in error.evidence


def test_every_known_failure_has_been_recorded() -> None:
    texts = [" ".join(f"{case.get('stdout', '')} {case.get('stderr', '')}".replace("\\n", "\n").split()) for case in RECORDED]
    assert [failure.says for failure in KNOWN if not any(re.search(failure.words, text) for text in texts)] == []


def test_no_vagrant_at_all(cast: Cast, vagrant: Vagrant) -> None:
    with pytest.raises(HostError, match="vagrant is not installed") as caught:
        vagrant.status()
    assert "apt install vagrant" in caught.value.hint


def test_where_there_is_no_vagrant_the_other_labs_hear_nothing_of_it(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import lab.backends.vagrant.command"], env={"PATH": str(tmp_path)}, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.parametrize("found", ["2.3.3", "2.2.19", "1.9.8"])
def test_an_old_vagrant(cast: Cast, vagrant: Vagrant, found: str) -> None:
    cast("vagrant", [{"words": ["--version"], "stdout": f"Vagrant {found}\n"}])
    with pytest.raises(HostError, match=rf"too old: 2\.3\.4 is expected, got {found}"):
        vagrant.version()


@pytest.mark.parametrize(("text", "version"), [("Vagrant 2.3.4\n", (2, 3, 4)), ("Vagrant 2.4.10.dev\n", (2, 4, 10))])
def test_a_new_vagrant(cast: Cast, vagrant: Vagrant, text: str, version: tuple[int, int, int]) -> None:
    cast("vagrant", [{"words": ["--version"], "stdout": text}])
    assert vagrant.version() == version


def test_a_version_that_is_none(cast: Cast, vagrant: Vagrant) -> None:
    cast("vagrant", [{"stdout": "hello\n"}])
    with pytest.raises(InfrastructureError, match=r"'hello', \"Vagrant 2\.3\.4\" is expected"):
        vagrant.version()


def test_a_hung_up_is_ended_with_all_its_children(cast: Cast, vagrant: Vagrant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "VAGRANT_INTERRUPT", 0.2)
    pids = tmp_path / "pids"
    cast("vagrant", [{"words": ["up"], "stdout": "==> server: Waiting for machine to boot.\n", "hang": str(pids)}])

    with pytest.raises(BootTimeout, match="had not ended after 2 s and was ended") as caught:
        vagrant.up([], provider="libvirt", budget=2)

    assert "Waiting for machine to boot" in caught.value.evidence
    assert "LAB_TIME_SCALE" in caught.value.hint
    assert_all_ended(pids)


def test_any_other_hung_command_is_ended_too(cast: Cast, vagrant: Vagrant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "VAGRANT_INTERRUPT", 0.2)
    monkeypatch.setattr(budgets, "VAGRANT_CALL", 1.0)
    pids = tmp_path / "pids"
    cast("vagrant", [{"words": ["status"], "hang": str(pids)}])

    with pytest.raises(InfrastructureError, match="`vagrant status --machine-readable` had not ended"):
        vagrant.status()
    assert_all_ended(pids)


def test_an_interrupt_of_ours_ends_it(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "VAGRANT_INTERRUPT", 0.2)
    pids = tmp_path / "pids"
    cast("vagrant", [{"words": ["up"], "stdout": "==> server: Booting\n", "hang": str(pids)}])

    def interrupt(_: str) -> None:
        await_file(pids)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Vagrant(tmp_path, environment={}, log=tmp_path / "log", progress=interrupt).up([], provider="libvirt")
    assert_all_ended(pids)


def test_somebody_kills_it(cast: Cast, vagrant: Vagrant) -> None:
    cast("vagrant", [{"words": ["up"], "stdout": "==> server: Booting\n", "signal": int(signal.SIGKILL)}])
    with pytest.raises(InfrastructureError, match="ended from outside, by SIGKILL") as caught:
        vagrant.up([], provider="libvirt")
    assert "lab reap" in caught.value.hint


def test_a_second_vagrant_finds_the_lock_held(cast: Cast, vagrant: Vagrant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "VAGRANT_INTERRUPT", 0.2)
    pids = tmp_path / "pids"
    locked = next(case for case in RECORDED if case["name"] == "another process works on the machine")
    cast("vagrant", [{"words": ["up"], "lock": str(tmp_path / "lock"), "locked": {"stderr": locked["stderr"], "code": 1}, "hang": str(pids)}])

    def hold() -> None:
        with pytest.raises(BootTimeout):
            vagrant.up([], provider="libvirt", budget=2)

    first = threading.Thread(target=hold)
    first.start()
    await_file(pids)

    with pytest.raises(LabBusy, match="another vagrant works on the machine"):
        Vagrant(tmp_path, environment={}, log=tmp_path / "second.log", progress=lambda _: None).up([], provider="libvirt")

    first.join()
    assert_all_ended(pids)


def test_a_child_that_stays_does_not_keep_the_answer(cast: Cast, vagrant: Vagrant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "APPEAR", 0.3)
    script = tmp_path / "bin/vagrant"
    script.write_text('#!/bin/sh\n/bin/sleep 30 &\necho $! > "$0.pid"\necho "Vagrant 2.3.4"\n')
    script.chmod(0o755)
    try:
        assert vagrant.version() == (2, 3, 4)
    finally:
        process.os.kill(int(Path(f"{script}.pid").read_text()), signal.SIGKILL)
