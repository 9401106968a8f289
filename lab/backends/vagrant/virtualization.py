"""Which of QEMU's accelerators serves here, found out by booting: that /dev/kvm exists proves nothing.

The probe is a boot sector of our own (bootsector.txt), which needs no kernel and no image. Rule: KVM is taken if it boots and works not
much slower than emulation. Measured on a machine whose KVM is itself emulated: emulation needs 0.65 s in all, KVM 2.8 s until the first
interrupts and had not finished after 15 s; Debian's kernel seems to hang there while it unpacks itself, and no model of CPU helps.
"""

from __future__ import annotations

import functools
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lab import budgets
from lab.backends.vagrant.process import run_to_end
from lab.errors import ConfigError, HostError

Driver = Literal["kvm", "qemu"]
"""As vagrant-libvirt's `driver`: hardware virtualization, or emulation (TCG)."""

VARIABLE = "LAB_LIBVIRT_DRIVER"
LISTING = Path(__file__).with_name("bootsector.txt")
EMULATOR = "qemu-system-x86_64"
DEVICE = Path("/dev/kvm")
OPTIONS = ("-m", "16", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4")
ACCELERATORS: dict[Driver, tuple[str, ...]] = {"kvm": ("-accel", "kvm", "-cpu", "host"), "qemu": ("-accel", "tcg")}
DONE = 2 * ord("\n") + 1
"""QEMU's exit code after the boot sector's last instruction: isa-debug-exit makes it of the byte written."""
JITTER = 0.3
"""Seconds by which two equal times may differ on a busy machine."""
MUCH_SLOWER = 2.0
"""Real hardware works two to ten times faster than emulation; the margin is for a machine that is busy with something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """How one boot went."""

    driver: Driver
    objection: str = ""
    """Why it cannot serve; empty: it booted and worked."""
    seconds: float = 0.0
    """From start to end."""
    work: float = 0.0
    """Of these, the work: 100 million random writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What both accelerators are worth."""

    kvm: Boot
    qemu: Boot

    def objection_to(self, driver: Driver) -> str:
        """Why an accelerator cannot serve; empty if it can."""
        return (self.kvm if driver == "kvm" else self.qemu).objection

    @property
    def driver(self) -> Driver:
        """The better one. Raises HostError if neither boots."""
        if not self.kvm.objection:
            return "kvm"
        if self.qemu.objection:
            raise HostError(f"no virtual machine boots here: with KVM, {self.kvm.objection}; emulated, {self.qemu.objection}",
                            hint=f"apt install qemu-system-x86; `{EMULATOR} --version` must work")
        return "qemu"


def boot_sector() -> bytes:
    """Return the 512 bytes."""
    lines = [line for line in LISTING.read_text().splitlines() if not line.startswith("#")]
    return b"".join(bytes.fromhex(line.partition("|")[0]) for line in lines).ljust(510, b"\0") + b"\x55\xaa"


def boot(driver: Driver, *, budget: float = budgets.VM_PROBE) -> Boot:
    """Boot the probe; whatever happens, it is ended after `budget` seconds."""
    marks: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="lab-probe-") as folder:
        disk = Path(folder, "boot.img")
        disk.write_bytes(boot_sector())
        command = [EMULATOR, *ACCELERATORS[driver], *OPTIONS, "-drive", f"if=floppy,format=raw,readonly=on,file={disk}"]
        began = time.monotonic()
        try:
            outcome = run_to_end(command, folder=Path(folder), environment=os.environ, budget=budget,
                                 listener=lambda line: marks.update({line: time.monotonic()}))
        except OSError as error:
            return Boot(driver=driver, objection=f"{EMULATOR} cannot be started: {error.strerror}")
    seconds = time.monotonic() - began
    if outcome.overdue:
        how_far = "works too slowly" if "T" in marks else "does not boot"
        return Boot(driver=driver, objection=f"{how_far}: not done after {outcome.budget:.1f} s", seconds=seconds)
    if outcome.code != DONE or not {"T", "W"} <= marks.keys():
        last = (outcome.errors or "it says nothing").splitlines()[-1]
        return Boot(driver=driver, objection=f"QEMU ended with {outcome.code}: {last}", seconds=seconds)
    return Boot(driver=driver, seconds=seconds, work=marks["W"] - marks["T"])


@functools.cache
def survey() -> Survey:
    """Boot both and compare; once per process. Takes a second, and three where KVM is of no use."""
    emulated = boot("qemu")
    return Survey(kvm=_examine_kvm(emulated), qemu=emulated)


def _examine_kvm(emulated: Boot) -> Boot:
    if not DEVICE.exists():
        return Boot(driver="kvm", objection=f"there is no {DEVICE}")
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return Boot(driver="kvm", objection=f"{DEVICE} may not be opened by this user, so nobody can tell (adduser \"$USER\" kvm)")
    patience = budgets.VM_PROBE if emulated.objection else min(budgets.VM_PROBE, emulated.seconds * MUCH_SLOWER + budgets.VM_PROBE_MARGIN)
    accelerated = boot("kvm", budget=patience)
    if not accelerated.objection and not emulated.objection and accelerated.work > emulated.work * MUCH_SLOWER + JITTER:
        slower = f"works in {accelerated.work:.1f} s what emulation does in {emulated.work:.1f} s"
        return Boot(driver="kvm", objection=slower, seconds=accelerated.seconds, work=accelerated.work)
    return accelerated


def driver() -> Driver:
    """Return the driver for libvirt's machines: what LAB_LIBVIRT_DRIVER says, else what booting shows.

    Raises:
        ConfigError: the variable has another value.
        HostError: no virtual machine boots here.
    """
    chosen = os.environ.get(VARIABLE, "")
    if not chosen:
        return survey().driver
    if chosen == "kvm":
        return "kvm"
    if chosen == "qemu":
        return "qemu"
    raise ConfigError(f"{VARIABLE} is {chosen!r}, kvm or qemu is expected", hint="unset it: the lab finds out by booting")
