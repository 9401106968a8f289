"""What killed runs left is removed, by exact names; everything else stays."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from vagrant_fakes import Cast, await_file, is_alive

from lab.backends.vagrant import hypervisors, reap, runs
from lab.backends.vagrant.hypervisors import Libvirt, Volume
from lab.backends.vagrant.reap import leftovers, survey
from lab.cli import reap as verb
from lab.errors import ConfigError, HostError, InfrastructureError, LabError
from lab.waiting import Deadline, wait_until

DEAD, BUSY, KEPT, GONE = "lab00dead", "lab0b0b05", "labdec0de", "lab0ff0ff"
FOREIGN = {"win10", "labour_server", "lab12345_server", "lab00deadf_server", "my-lab00dead_server", "LAB00DEAD_server", DEAD}
BASE = "incoming-connections-server_vagrant_box_image_0_{}_box_0.img"


class Host:
    """A libvirt with machines of ours and of others, and the folders of our runs."""

    def __init__(self, folder: Path, cast: Cast) -> None:
        self.file = folder / "virsh.json"
        script = folder / "bin/virsh"
        words = shlex.join([sys.executable, "-S", "-E", str(Path(__file__).with_name("fake_virsh.py")), str(self.file)])
        script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        script.chmod(0o755)
        cast("vagrant", [{"words": ["box"], "stdout": ""}, {}])
        self.cast = cast
        self.set(domains=dict.fromkeys(FOREIGN, True), networks={"default": True, "labour-wan": True}, pools={"default": {"win10.qcow2": ""}})

    @property
    def state(self) -> dict[str, dict[str, object]]:
        """What libvirt has now."""
        return json.loads(self.file.read_text())

    def set(self, **state: object) -> None:
        """Change something of it."""
        self.file.write_text(json.dumps({**(self.state if self.file.exists() else {}), **state}))

    def add_run(self, name: str, *, running: bool = True, folder: bool = True, detached: bool = False, hours: float = 0) -> Path:
        """Give it all that a run has: two machines with a disk each, a network, its folder."""
        state = self.state
        for machine in ("server", "client"):
            state["domains"][f"{name}_{machine}"] = running
            state["pools"]["default"][f"{name}_{machine}.img"] = ""
        state["networks"][f"{name}-wan"] = running
        self.set(**state)
        run = runs.runs_folder() / name
        if folder:
            run.mkdir()
            (run / "lock").touch()
            runs.write_record(run, runs.Record(detached=detached, since=time.time() - hours * 3600))
        return run

    def names(self) -> set[str]:
        """All names at the hypervisor."""
        state = self.state
        return {*state["domains"], *state["networks"], *(volume for pool in state["pools"].values() for volume in pool)}  # type: ignore[attr-defined]


@pytest.fixture
def host(tmp_path: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A libvirt with other people's machines."""
    monkeypatch.delenv(hypervisors.VARIABLE, raising=False)
    return Host(tmp_path, cast)


@pytest.fixture
def owner() -> Iterator[None]:
    """A living process that owns the run BUSY."""
    with runs.owned(runs.runs_folder() / BUSY, new=True) as ours:
        assert ours
        yield


def of(name: str, older_than: float | None = None) -> reap.Leftover:
    return next(one for one in leftovers(older_than) if one.name == name)


@pytest.mark.parametrize("running", [True, False])
def test_a_killed_run_is_removed_and_nothing_else(host: Host, running: bool) -> None:
    before = host.names()
    folder = host.add_run(DEAD, running=running)
    host.cast("vagrant", [{"words": ["global-status", "--prune"], "folder": str(folder / ".vagrant")}, {"words": ["box"]}, {}])  # as Vagrant 2.3.4 does

    reap.reap(of(DEAD))

    assert host.names() == before
    assert not folder.exists()
    assert leftovers() == []


@pytest.mark.parametrize(("hours", "older_than", "left_over"), [(7, 6 * 3600, True), (5, 6 * 3600, False), (700, None, False)])
def test_a_lab_that_was_left_running_on_purpose_only_by_its_age(host: Host, hours: float, older_than: float | None, left_over: bool) -> None:
    host.add_run(KEPT, detached=True, hours=hours)
    assert [one.name for one in leftovers(older_than)] == [KEPT] * left_over


@pytest.mark.parametrize("older_than", [None, 0.0])
def test_a_run_with_a_living_owner_is_left_alone(host: Host, owner: None, older_than: float | None) -> None:
    runs.write_record(runs.runs_folder() / BUSY, runs.Record(detached=True, since=0))
    assert leftovers(older_than) == []


def test_a_run_that_somebody_took_up_again_is_left_alone(host: Host, told: list[str]) -> None:
    host.add_run(BUSY)
    found, before = of(BUSY), host.names()
    with runs.owned(runs.runs_folder() / BUSY):
        reap.reap(found, told.append)
    assert host.names() == before
    assert told == [f"{BUSY}: somebody has taken it up again"]


def test_a_run_that_was_killed_before_it_had_a_record(host: Host) -> None:
    folder = host.add_run(DEAD)
    (folder / "run.json").write_text("{")
    assert of(DEAD).why == "the process that owned it is gone"


def test_machines_without_a_folder_are_doubtful(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.add_run(GONE, folder=False)
    assert of(GONE).doubtful

    run_verb()
    assert f"{GONE}_server" in host.names()
    assert "`lab reap --doubtful` removes it" in capsys.readouterr().out

    run_verb("--doubtful")
    assert not any(GONE in name for name in host.names())
    assert host.names() >= FOREIGN


def test_a_disk_alone_is_found_too(host: Host) -> None:
    host.set(pools={"other": {f"{GONE}_server.img": "", "win10.qcow2": ""}})
    reap.reap(of(GONE))
    assert host.state["pools"] == {"other": {"win10.qcow2": ""}}


def test_what_is_gone_already_is_no_failure(host: Host) -> None:
    host.add_run(DEAD)
    found = of(DEAD)
    host.set(domains={}, networks={}, pools={"default": {}})
    reap.reap(found)
    assert leftovers() == []


def test_a_refusal_keeps_the_folder_for_the_next_time(host: Host) -> None:
    folder = host.add_run(DEAD)
    host.set(refuse=["vol-delete"])

    with pytest.raises(InfrastructureError, match=r"vol-delete --pool default lab00dead_server\.img` failed") as caught:
        reap.reap(of(DEAD))
    assert "cannot do that today" in caught.value.evidence
    assert folder.exists()

    host.set(refuse=[])
    reap.reap(of(DEAD))
    assert not folder.exists()


@pytest.mark.parametrize(("down", "says"), [
    ("Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory", "cannot be reached at qemu:///system"),
    ("authentication unavailable: no polkit agent available", "refuses this user at qemu:///system"),
])  # fmt: skip
def test_a_libvirt_that_cannot_be_asked_is_told_and_runs_with_machines_there_are_kept(host: Host, down: str, says: str) -> None:
    folder = host.add_run(DEAD)
    (folder / ".vagrant/machines/server/libvirt").mkdir(parents=True)
    (folder / ".vagrant/machines/server/libvirt/id").touch()
    host.set(down=down)

    assert any(says in remark for remark in survey().remarks)
    with pytest.raises(HostError, match=says):
        reap.reap(of(DEAD))
    assert folder.exists()


def test_without_virsh_it_says_so_and_removes_runs_that_have_nothing_there(host: Host, tmp_path: Path) -> None:
    empty, full = host.add_run(DEAD), host.add_run(KEPT)
    (full / "machines/server/libvirt").mkdir(parents=True)
    (full / "machines/server/libvirt/id").touch()
    (tmp_path / "bin/virsh").unlink()

    assert "libvirt was not looked at: virsh is not installed (apt install libvirt-clients)" in survey().remarks
    reap.reap(of(DEAD))
    assert not empty.exists()
    with pytest.raises(HostError, match="has machines of libvirt, which cannot be asked: virsh is not installed"):
        reap.reap(of(KEPT))
    assert full.exists()


def test_what_vagrant_made_after_the_survey_is_removed_too(host: Host) -> None:
    before = host.names()
    folder = host.add_run(DEAD)
    found, state = of(DEAD), host.state
    state["domains"][f"{DEAD}_lan"] = True
    state["pools"]["default"][f"{DEAD}_lan.img"] = ""
    host.set(**state)
    reap.reap(found)
    assert (host.names(), folder.exists()) == (before, False)


@pytest.mark.parametrize("place", ["folder", "environment"])
def test_a_vagrant_that_outlived_its_owner_is_ended(host: Host, tmp_path: Path, place: str) -> None:
    folder = host.add_run(DEAD)
    pids = tmp_path / "pids"
    host.cast("vagrant", [{"words": ["up"], "hang": str(pids)}, {}])
    script = tmp_path / "bin/vagrant"
    script.write_text(f"#!{sys.executable}\n{Path(__file__).with_name('fake_program.py').read_text()}".replace(
        "main(sys.argv[1], sys.argv[2:])", f"main({str(script) + '.json'!r}, sys.argv[1:])"))
    where = {"cwd": folder} if place == "folder" else {"env": {**os.environ, "VAGRANT_DOTFILE_PATH": str(folder / "vagrant")}}
    process = subprocess.Popen([script, "up"], start_new_session=True, **where)  # type: ignore[call-overload]
    other = subprocess.Popen([script, "up"], start_new_session=True, cwd=tmp_path)
    try:
        await_file(pids)
        reap.reap(of(DEAD))
        wait_until(lambda: not is_alive(process.pid), Deadline(5), lambda: AssertionError("it lives"))
        assert is_alive(other.pid)
    finally:
        os.killpg(other.pid, 9)
        other.wait()
        process.wait()


@pytest.mark.parametrize(("added", "used", "stale"), [
    ("", None, {1, 2}),
    ("incoming-connections-server", None, {1}),
    ("incoming-connections-other", None, {1, 2}),
    ("", 1, {2}),
])  # fmt: skip
def test_disks_of_boxes_go_with_the_box_unless_a_machine_needs_them(host: Host, added: str, used: int | None, stale: set[int]) -> None:
    others = {"lab-windows10_vagrant_box_image_0_1_box_0.img": "", "generic_vagrant_box_image_4.1_box.img": ""}
    bases = {BASE.format(number): "" for number in (1, 2)}
    user = {"win.img": f"/pools/default/{BASE.format(used)}" if used else ""}
    host.set(pools={"default": {**others, **bases, **user}})
    if added:
        host.cast("vagrant", [{"words": ["box"], "stdout": f"1,,box-name,{added}\n1,,box-provider,libvirt\n1,,box-version,0\n"}])

    found = leftovers()
    assert {one.name for one in found} == {BASE.format(number) for number in stale}
    for one in found:
        reap.reap(one)
    assert set(host.state["pools"]["default"]) == {*others, *user, *bases} - {BASE.format(number) for number in stale}  # type: ignore[arg-type]


def test_a_box_with_a_slash_in_its_name_is_recognised(host: Host) -> None:
    volume = "incoming-connections-VAGRANTSLASH-windows-10_vagrant_box_image_0_1_box_0.img"
    host.set(pools={"default": {volume: ""}})
    host.cast("vagrant", [{"words": ["box"], "stdout": "1,,box-name,incoming-connections/windows-10\n1,,box-provider,libvirt\n1,,box-version,0\n"}])
    assert leftovers() == []

    host.cast("vagrant", [{"words": ["box"], "stdout": ""}])
    assert [one.name for one in leftovers()] == [volume]


def test_disks_of_boxes_stay_where_vagrant_cannot_tell(host: Host) -> None:
    host.set(pools={"default": {BASE.format(1): ""}})
    host.cast("vagrant", [{"code": 1}])
    found = survey()
    assert found.leftovers == ()
    assert any("volumes of boxes were not looked at" in remark for remark in found.remarks)


def test_virtualbox_by_the_same_rule(host: Host, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    listed = f'"{DEAD}_server" {{1b}}\n"Windows 10" {{2c}}\n"x{DEAD}_server" {{3d}}\n'
    host.cast("VBoxManage", [{"words": ["list", "vms"], "stdout": listed}, {"calls": str(calls)}])

    reap.reap(of(DEAD))

    told = [json.loads(line) for line in calls.read_text().splitlines()]
    assert told == [["controlvm", f"{DEAD}_server", "poweroff"], ["unregistervm", f"{DEAD}_server", "--delete"]]


# -- the verb -------------------------------------------------------------------------------------------------------------


def run_verb(*options: str) -> int:
    own = argparse.ArgumentParser()
    verb.arguments(own)
    return verb.run(own.parse_args(options))


def test_a_dry_run_only_tells(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.add_run(DEAD)
    before = host.names()
    assert run_verb("--dry-run") == 0
    assert f"{DEAD}: the process that owned it is gone: {DEAD}_server, {DEAD}_client, {DEAD}-wan" in capsys.readouterr().out
    assert host.names() == before


def test_one_failure_does_not_keep_the_others(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.add_run(DEAD)
    host.add_run(KEPT)
    host.set(refuse=[f"{DEAD}_server"])
    with pytest.raises(InfrastructureError, match="1 of 2 could not be removed"):
        run_verb()
    assert not any(KEPT in name for name in host.names())
    assert f"{KEPT}: removed its folder" in capsys.readouterr().out


def test_nothing_was_left(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verb() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing was left"


@pytest.mark.parametrize(("age", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2d", 172800)])
def test_ages(age: str, seconds: float) -> None:
    assert verb.seconds(age) == seconds


@pytest.mark.parametrize("age", ["6", "h", "-1h", "6 h", "6w", ""])
def test_wrong_ages(age: str) -> None:
    with pytest.raises(ConfigError, match="a number and s, m, h or d is expected"):
        verb.seconds(age)


# -- names, locks, and the real virsh -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("thing", "run"), [
    ("lab00dead_server", "lab00dead"), ("lab00dead-wan", "lab00dead"), ("lab00dead_server.img", "lab00dead"),
    *((name, None) for name in FOREIGN), ("lab00dead_", None), ("lab00dead.img", None),
])  # fmt: skip
def test_whose_is_it(thing: str, run: str | None) -> None:
    assert runs.run_of(thing) == run


def test_a_new_run_has_its_name_only_with_its_lock(tmp_path: Path) -> None:
    run = tmp_path / runs.new_name()
    with runs.owned(run, new=True) as ours:
        assert ours
        assert runs.is_owned(run)
        with runs.owned(run) as again:
            assert not again
        assert [one.name for one in tmp_path.iterdir()] == [run.name]
    assert not runs.is_owned(run)
    assert runs.NAME.fullmatch(run.name)


def test_a_run_that_has_ended_is_nobody_s_and_is_not_made_again(tmp_path: Path) -> None:
    run = tmp_path / runs.new_name()
    with runs.owned(run) as ours:
        assert not ours
    assert not run.exists()


def test_only_one_brings_up_a_detached_run_at_a_time(host: Host) -> None:
    with runs.alone() as first, runs.alone() as second:
        assert (first, second) == (True, False)
    with runs.alone() as again:
        assert again


@pytest.mark.skipif(shutil.which("virsh") is None, reason="virsh is not installed here: its fake stands unverified")
def test_the_real_virsh_answers_as_the_fake_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hypervisors.VARIABLE, "test:///default")  # libvirt's own test driver: in the process of each call
    real = Libvirt()

    seen = real.look()
    assert (seen.machines, seen.networks, seen.volumes) == (("test",), ("default",), ())
    assert real.version() == "Running hypervisor: TEST 0.0.2"
    for remove in (lambda: real.remove_network("nosuch"), lambda: real.remove_machine("nosuch"),
                   lambda: real.remove_volume(Volume(pool="default-pool", name="nosuch", path="/nosuch"))):
        remove()
    with pytest.raises(LabError):
        real.base_of(Volume(pool="default-pool", name="nosuch", path="/nosuch"))
