"""Which accelerator serves is found out by booting; a QEMU that hangs or dies is survived."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from vagrant_fakes import Cast, assert_all_ended

from lab import budgets
from lab.backends.vagrant import virtualization
from lab.backends.vagrant.virtualization import DONE, Boot, Survey, boot, boot_sector, driver, survey
from lab.errors import ConfigError, HostError

QEMU = virtualization.EMULATOR
GOOD = {"stdout": "T\nW\n", "code": DONE}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No result of an earlier test, no choice of the user's, and a device that can be opened."""
    monkeypatch.delenv(virtualization.VARIABLE, raising=False)
    (tmp_path / "kvm").touch()
    monkeypatch.setattr(virtualization, "DEVICE", tmp_path / "kvm")
    monkeypatch.setattr(budgets, "VAGRANT_INTERRUPT", 0.2)
    survey.cache_clear()
    yield
    survey.cache_clear()


def accelerator(name: str, **scene: object) -> dict[str, object]:
    return {"words": [name], **scene}


def test_the_boot_sector_is_one() -> None:
    sector = boot_sector()
    assert len(sector) == 512
    assert sector.endswith(b"\x55\xaa")
    assert sector.startswith(b"\xfa")


@pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is not installed here")
def test_emulation_boots_it() -> None:
    found = boot("qemu")
    assert found.objection == ""
    assert 0 < found.work < found.seconds < budgets.VM_PROBE


@pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is not installed here")
def test_without_its_work_it_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    halted = (b"\xfa\xf4" + b"\xeb\xfd").ljust(510, b"\0") + b"\x55\xaa"
    monkeypatch.setattr(virtualization, "boot_sector", lambda: halted)
    assert boot("qemu", budget=1).objection == "does not boot: not done after 1.0 s"


def test_a_kvm_that_serves_is_taken(cast: Cast) -> None:
    cast(QEMU, [GOOD])
    assert driver() == "kvm"


@pytest.mark.parametrize(("scene", "objection"), [
    ({"stderr": "qemu: kvm_buf_set_msrs: Assertion `ret == cpu->kvm_msr_buf->nmsrs' failed.\n", "signal": 6},
     "QEMU ended with -6: qemu: kvm_buf_set_msrs: Assertion `ret == cpu->kvm_msr_buf->nmsrs' failed."),
    ({"stderr": "Could not access KVM kernel module: No such file or directory\n", "code": 1}, "QEMU ended with 1: Could not access KVM kernel module"),
    ({"stdout": "T\n", "code": DONE}, "QEMU ended with 21: it says nothing"),
    ({"stdout": "T\nW\n", "code": 1}, "QEMU ended with 1: it says nothing"),
    ({"code": 0}, "QEMU ended with 0: it says nothing"),
])  # fmt: skip
def test_a_kvm_that_dies_is_not(cast: Cast, scene: dict[str, object], objection: str) -> None:
    cast(QEMU, [accelerator("tcg", **GOOD), accelerator("kvm", **scene)])
    assert driver() == "qemu"
    assert survey().kvm.objection.startswith(objection)


@pytest.mark.parametrize(("said", "objection"), [("", "does not boot: not done after"), ("T\n", "works too slowly: not done after")])
def test_a_kvm_that_hangs_is_ended(cast: Cast, tmp_path: Path, said: str, objection: str) -> None:
    pids = tmp_path / "pids"
    cast(QEMU, [accelerator("tcg", **GOOD), accelerator("kvm", stdout=said, hang=str(pids))])
    assert driver() == "qemu"
    assert survey().kvm.objection.startswith(objection)
    assert_all_ended(pids)


@pytest.mark.parametrize(("work", "chosen"), [(0.1, "kvm"), (0.8, "kvm"), (1.0, "qemu")])
def test_a_kvm_much_slower_than_emulation_is_of_no_use(monkeypatch: pytest.MonkeyPatch, work: float, chosen: str) -> None:
    emulated = Boot(driver="qemu", seconds=0.6, work=0.3)
    monkeypatch.setattr(virtualization, "boot", lambda which, **_: emulated if which == "qemu" else Boot(driver="kvm", seconds=work, work=work))
    assert driver() == chosen


def test_no_device(cast: Cast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cast(QEMU, [accelerator("tcg", **GOOD)])
    monkeypatch.setattr(virtualization, "DEVICE", tmp_path / "none")
    assert driver() == "qemu"
    assert survey().kvm.objection == f"there is no {tmp_path / 'none'}"


def test_a_device_that_may_not_be_opened(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    cast(QEMU, [accelerator("tcg", **GOOD)])
    monkeypatch.setattr(virtualization.os, "access", lambda *_: False)
    assert driver() == "qemu"
    assert 'adduser "$USER" kvm' in survey().kvm.objection


def test_nothing_boots(cast: Cast) -> None:
    with pytest.raises(HostError, match="no virtual machine boots here") as caught:
        driver()
    assert "cannot be started: No such file or directory" in caught.value.message
    assert "apt install qemu-system-x86" in caught.value.hint


@pytest.mark.parametrize("chosen", ["kvm", "qemu"])
def test_the_user_may_choose(cast: Cast, monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    monkeypatch.setenv(virtualization.VARIABLE, chosen)
    assert driver() == chosen


def test_the_user_may_not_choose_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(virtualization.VARIABLE, "tcg")
    with pytest.raises(ConfigError, match="LAB_LIBVIRT_DRIVER is 'tcg', kvm or qemu is expected"):
        driver()


def test_it_is_looked_at_once(cast: Cast, tmp_path: Path) -> None:
    cast(QEMU, [{"calls": str(tmp_path / "calls"), **GOOD}])
    assert [driver(), driver()] == ["kvm", "kvm"]
    assert len((tmp_path / "calls").read_text().splitlines()) == 2


def test_a_survey_prefers_kvm() -> None:
    fine, useless = Boot(driver="kvm"), Boot(driver="kvm", objection="slow")
    assert Survey(kvm=fine, qemu=Boot(driver="qemu", objection="missing")).driver == "kvm"
    assert Survey(kvm=useless, qemu=Boot(driver="qemu")).driver == "qemu"
