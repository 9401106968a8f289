"""The doctor for virtual machines: each thing that lacks is a finding with a remedy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from vagrant_fakes import Cast, Scene

from lab.backends.vagrant import hypervisors, virtualization
from lab.backends.vagrant.virtualization import Boot, Survey
from lab.cli.main import main
from lab.doctor import Grade
from lab.doctor import vagrant as doctor
from lab.doctor.findings import Finding

RECORDED = {case["name"]: case for case in yaml.safe_load(Path(__file__).with_name("recorded.yaml").read_text())}
NO_GEM = {"words": ["status"], "stderr": RECORDED["the gem winrm is missing"]["stderr"], "code": 1}
VERSION = {"words": ["--version"], "stdout": "Vagrant 2.3.4\n"}
PLUGINS = {"words": ["plugin"], "stdout": "1,vagrant-libvirt,plugin-version,0.11.2%!(VAGRANT_COMMA) system\n"}
NO_PLUGINS = {"words": ["plugin"], "stdout": "1,,ui,info,No plugins installed.\n"}
STATUS = {"words": ["status"], "stdout": "1,default,state,not_created\n"}
NO_BOXES = {"words": ["box"], "stdout": ""}
OURS = "1,,box-name,incoming-connections-server-0a\n1,,box-provider,libvirt\n1,,box-version,0\n"
WINDOWS = "1,,box-name,lab/windows10\n1,,box-provider,libvirt\n1,,box-version,0\n"
VIRSH = [{"words": ["version"], "stdout": "Using API: QEMU 9.0.0\nRunning hypervisor: QEMU 7.2.22\n"}, {}]
FAST = Survey(kvm=Boot(driver="kvm", seconds=0.3), qemu=Boot(driver="qemu", seconds=0.6))
SLOW = Survey(kvm=Boot(driver="kvm", objection="does not boot: not done after 2.1 s"), qemu=Boot(driver="qemu", seconds=0.6))
NEITHER = Survey(kvm=SLOW.kvm, qemu=Boot(driver="qemu", objection="cannot be started"))


@pytest.fixture(autouse=True)
def _plenty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that is large and virtualizes, unless a test says otherwise."""
    monkeypatch.delenv(virtualization.VARIABLE, raising=False)
    monkeypatch.delenv(hypervisors.VARIABLE, raising=False)
    monkeypatch.setattr(virtualization, "survey", lambda: FAST)
    monkeypatch.setattr(doctor, "available_mb", lambda: 16000)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 100_000 << 20})())
    return


def finding(check: str) -> Finding:
    return next(one for one in doctor.examine_vagrant() if one.check == check)


def test_a_machine_that_is_fit(cast: Cast) -> None:
    cast("vagrant", [VERSION, PLUGINS, STATUS, {"words": ["box"], "stdout": OURS + WINDOWS}])
    cast("virsh", VIRSH)
    found = doctor.examine_vagrant()
    assert {one.check: one.grade for one in found if one.grade is not Grade.GOOD} == {}
    assert [one.check for one in found] == [
        "vagrant", "provider", "winrm gem", "boxes", "libvirt", "virtualization", "memory", "disk", "earlier runs"]


def test_without_vagrant_what_does_not_need_it_is_examined_all_the_same(cast: Cast) -> None:
    cast("virsh", VIRSH)
    found = {one.check: one for one in doctor.examine_vagrant()}
    assert (found["vagrant"].grade, found["vagrant"].text) == (Grade.BAD, "vagrant is not installed")
    assert "apt install vagrant" in found["vagrant"].remedy
    assert found["libvirt"].grade is Grade.GOOD
    assert "boxes" not in found


@pytest.mark.parametrize(("check", "scenes", "grade", "text", "remedy"), [
    ("vagrant", [{"words": ["--version"], "stdout": "Vagrant 2.2.14\n"}], Grade.BAD, "too old: 2.3.4 is expected, got 2.2.14", "apt install"),
    ("provider", [VERSION, NO_PLUGINS, STATUS, NO_BOXES], Grade.BAD, "neither vagrant-libvirt nor VirtualBox", "apt install vagrant-libvirt"),
    ("winrm gem", [VERSION, PLUGINS, NO_GEM, NO_BOXES], Grade.NOTE, "small probe of its own", ""),
    ("boxes", [VERSION, PLUGINS, STATUS, NO_BOXES], Grade.NOTE, "stand-ins: none; Windows: none", "lab box build"),
    ("boxes", [VERSION, PLUGINS, STATUS, {"words": ["box"], "stdout": OURS}], Grade.NOTE, "incoming-connections-server-0a (libvirt); Windows: none",
     "docs/windows-box.md"),
    ("boxes", [VERSION, PLUGINS, STATUS, {"words": ["box"], "stdout": WINDOWS}], Grade.NOTE, "stand-ins: none; Windows: lab/windows10", "lab box build"),
])  # fmt: skip
def test_vagrant_and_its_parts(cast: Cast, check: str, scenes: Sequence[Scene], grade: Grade, text: str, remedy: str) -> None:
    cast("vagrant", scenes)
    cast("virsh", VIRSH)
    found = finding(check)
    assert found.grade is grade
    assert text in found.text
    assert remedy in found.remedy


@pytest.mark.parametrize(("error", "text", "remedy"), [
    ("Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory", "cannot be reached", "systemctl start libvirtd"),
    ("authentication unavailable: no polkit agent available", "refuses this user", 'adduser "$USER" libvirt'),
])  # fmt: skip
def test_a_libvirt_that_cannot_be_used(cast: Cast, error: str, text: str, remedy: str) -> None:
    cast("virsh", [{"stderr": f"error: failed to connect to the hypervisor\nerror: {error}\n", "code": 1}])
    found = finding("libvirt")
    assert found.grade is Grade.BAD
    assert text in found.text
    assert remedy in found.remedy


def test_without_libvirt_virtualbox_will_do(cast: Cast) -> None:
    cast("vagrant", [VERSION, NO_PLUGINS, STATUS, NO_BOXES])
    cast("VBoxManage", [{}])
    assert finding("libvirt").grade is Grade.NOTE
    assert finding("provider").text == "VirtualBox, on which this lab has not been tried"


@pytest.mark.parametrize(("survey", "chosen", "grade", "text", "remedy"), [
    (FAST, "", Grade.GOOD, "KVM boots the probe in 0.3 s, emulation in 0.6 s (driver kvm)", ""),
    (SLOW, "", Grade.NOTE, "KVM is of no use: does not boot: not done after 2.1 s (driver qemu)", "Windows needs KVM"),
    (SLOW, "kvm", Grade.BAD, "KVM is of no use", "LAB_LIBVIRT_DRIVER is kvm: unset it"),
    (FAST, "qemu", Grade.NOTE, "KVM boots the probe", "LAB_LIBVIRT_DRIVER is qemu: unset it"),
    (FAST, "tcg", Grade.BAD, "LAB_LIBVIRT_DRIVER is 'tcg'", "unset it"),
    (NEITHER, "", Grade.BAD, "no virtual machine boots here", "qemu-system-x86"),
])  # fmt: skip
def test_virtualization(cast: Cast, monkeypatch: pytest.MonkeyPatch, survey: Survey, chosen: str, grade: Grade, text: str, remedy: str) -> None:
    monkeypatch.setattr(virtualization, "survey", lambda: survey)
    monkeypatch.setenv(virtualization.VARIABLE, chosen)
    found = finding("virtualization")
    assert found.grade is grade
    assert text in found.text
    assert remedy in found.remedy


@pytest.mark.parametrize(("available", "grade"), [(1535, Grade.BAD), (1536, Grade.NOTE), (5119, Grade.NOTE), (5120, Grade.GOOD)])
def test_memory(cast: Cast, monkeypatch: pytest.MonkeyPatch, available: int, grade: Grade) -> None:
    monkeypatch.setattr(doctor, "available_mb", lambda: available)
    assert finding("memory").grade is grade


@pytest.mark.parametrize(("free", "grade"), [(3999, Grade.BAD), (4000, Grade.NOTE), (20000, Grade.GOOD)])
def test_disk(cast: Cast, monkeypatch: pytest.MonkeyPatch, free: int, grade: Grade) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free << 20})())
    assert finding("disk").grade is grade


def test_what_earlier_runs_left(cast: Cast, tmp_path: Path) -> None:
    (tmp_path / "state/vagrant/lab00dead").mkdir(parents=True)
    found = finding("earlier runs")
    assert (found.grade, found.text) == (Grade.NOTE, "left lab00dead")
    assert "lab reap --dry-run" in found.remedy


def test_the_verb(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--lab", "vagrant"]) == 69
    assert "the vagrant lab cannot run here: vagrant, libvirt" in capsys.readouterr().err

    cast("vagrant", [VERSION, PLUGINS, STATUS, NO_BOXES])
    cast("virsh", VIRSH)
    assert main(["doctor", "--lab", "vagrant"]) == 0
    assert "this machine is fit: `lab up --lab vagrant`" in capsys.readouterr().out
    assert main(["doctor", "--lab", "vagrant", "--json"]) == 0
    assert {one["check"] for one in json.loads(capsys.readouterr().out)} >= {"vagrant", "libvirt", "virtualization"}

    assert main(["doctor", "--lab", "parallels"]) == 2
    assert "the doctor knows no lab 'parallels'" in capsys.readouterr().err
