"""The doctor for virtual machines: what the vagrant lab needs of this machine, examined by trying it. Changes nothing.

Figures: a machine has 512 MB (Vagrantfile), and its disk grows to about 1 GB; a Windows has 4 GB, its box 8 GB and its disk as much again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.backends.embedded import log_folder
from lab.backends.vagrant import reap, virtualization
from lab.backends.vagrant.answers import Box
from lab.backends.vagrant.command import Vagrant
from lab.backends.vagrant.hypervisors import Libvirt, VirtualBox
from lab.backends.vagrant.lab import VagrantLab
from lab.doctor.findings import Finding, Grade, available_mb, failed
from lab.doctor.server import examine_server
from lab.errors import HostError, LabBusy, LabError
from lab.progress import quiet
from lab.topology import load_topology
from lab.waiting import stretch

STAND_INS, STAND_IN_MB, WINDOWS_MB = 3, 512, 4096
DISK_MB, WINDOWS_DISK_MB = 4000, 20000
OURS = "incoming-connections-"
POOL = Path("/var/lib/libvirt/images")
"""Where vagrant-libvirt makes the pool `default` if there is none."""
GEM_TRIAL = """\
Vagrant.configure("2") do |config|
  config.vm.box = "none"
  config.vm.communicator = "winrm"
end
"""


def examine_vagrant() -> list[Finding]:
    """Return every finding, in the order in which one would mend them. Takes about five seconds: it boots a machine."""
    with tempfile.TemporaryDirectory(prefix="lab-doctor-") as folder:
        Path(folder, "Vagrantfile").write_text(GEM_TRIAL)
        vagrant = Vagrant(Path(folder), environment={}, log=Path(folder, "log"), progress=quiet)
        program = _program(vagrant)
        checks: list[Callable[[], Finding]] = [lambda: program]
        if program.grade is not Grade.BAD:
            checks += [lambda: _provider(vagrant), lambda: _gem(vagrant), lambda: _boxes(vagrant)]
        checks += [_daemon, _virtualization, _memory, _disk, _left_over]
        return [check() for check in checks]


def examine_vagrant_server() -> list[Finding]:
    """Return what is found about the server of the lab that `lab up` left running; that none is, is a finding too."""
    topology = load_topology()
    try:
        lab = VagrantLab.running(topology, log_folder=log_folder())
    except LabBusy as error:
        return [Finding(check="server", grade=Grade.NOTE, text=f"not looked at: {error.message}", remedy=error.hint)]
    except LabError as error:
        return [failed("server", error)]
    if lab is None:
        return [Finding(check="server", grade=Grade.NOTE, text="not looked at: no lab is up")]
    try:
        stretch(lab.pace)
        endpoint = lab.hosts[topology.server.name].winrm
        assert endpoint is not None
        return examine_server(endpoint)
    except LabError as error:
        return [failed("server", error)]
    finally:
        lab.down()


def _program(vagrant: Vagrant) -> Finding:
    try:
        version = vagrant.version()
    except LabError as error:
        return failed("vagrant", error)
    return Finding(check="vagrant", grade=Grade.GOOD, text=f"Vagrant {'.'.join(map(str, version))}")


def _provider(vagrant: Vagrant) -> Finding:
    try:
        plugins = vagrant.plugins()
    except LabError as error:
        return failed("provider", error)
    if version := plugins.get("vagrant-libvirt"):
        return Finding(check="provider", grade=Grade.GOOD, text=f"libvirt, by vagrant-libvirt {version}")
    if not VirtualBox().objection:
        return Finding(check="provider", grade=Grade.NOTE, text="VirtualBox, on which this lab has not been tried",
                       remedy="apt install vagrant-libvirt libvirt-daemon-system")
    return Finding(check="provider", grade=Grade.BAD, text="neither vagrant-libvirt nor VirtualBox is installed",
                   remedy="apt install vagrant-libvirt libvirt-daemon-system")


def _gem(vagrant: Vagrant) -> Finding:
    """Try it: with the communicator winrm and without its gem, every command of Vagrant dies."""
    try:
        vagrant.status()
    except HostError as error:
        if "winrm" in error.message:
            return Finding(check="winrm gem", grade=Grade.NOTE, text="not installed: the lab waits for Windows with a small probe of its own")
        return failed("winrm gem", error)
    except LabError as error:
        return failed("winrm gem", error)
    return Finding(check="winrm gem", grade=Grade.GOOD, text="Vagrant itself speaks WinRM")


def _boxes(vagrant: Vagrant) -> Finding:
    try:
        boxes = vagrant.boxes()
    except LabError as error:
        return failed("boxes", error)
    ours = [box for box in boxes if box.name.startswith(OURS)]
    windows = [box for box in boxes if "windows" in box.name.lower()]
    text = f"stand-ins: {_named(ours)}; Windows: {_named(windows)}"
    if ours:
        return Finding(check="boxes", grade=Grade.GOOD if windows else Grade.NOTE, text=text,
                       remedy="" if windows else "a Windows box is built from your own ISO: docs/windows-box.md")
    return Finding(check="boxes", grade=Grade.NOTE, text=text, remedy="`lab box build`; the lab adds them to Vagrant itself")


def _named(boxes: Sequence[Box]) -> str:
    return ", ".join(f"{box.name} ({box.provider})" for box in boxes) or "none"


def _daemon() -> Finding:
    libvirt = Libvirt()
    if libvirt.objection and not VirtualBox().objection:
        return Finding(check="libvirt", grade=Grade.NOTE, text=libvirt.objection, remedy="not needed with VirtualBox")
    try:
        return Finding(check="libvirt", grade=Grade.GOOD, text=f"{libvirt.version()}, at {libvirt.uri}")
    except LabError as error:
        return failed("libvirt", error)


def _virtualization() -> Finding:
    """Say which driver serves, and how fast; a KVM that exists and does not serve is worth a note."""
    found = virtualization.survey()
    try:
        driver = found.driver
        chosen = virtualization.driver()
    except LabError as error:
        return failed("virtualization", error)
    if driver == "kvm":
        text = f"KVM boots the probe in {found.kvm.seconds:.1f} s, emulation in {found.qemu.seconds:.1f} s"
    else:
        text = f"emulation boots the probe in {found.qemu.seconds:.1f} s; KVM is of no use: {found.kvm.objection}"
    if chosen != driver:
        return Finding(check="virtualization", grade=Grade.BAD if found.objection_to(chosen) else Grade.NOTE, text=text,
                       remedy=f"{virtualization.VARIABLE} is {chosen}: unset it")
    remedy = "" if driver == "kvm" else "the stand-ins will do, slowly; Windows needs KVM"
    return Finding(check="virtualization", grade=Grade.GOOD if driver == "kvm" else Grade.NOTE, text=f"{text} (driver {driver})", remedy=remedy)


def _memory() -> Finding:
    available, needed = available_mb(), STAND_INS * STAND_IN_MB
    text = f"{available} MB available; {STAND_INS} stand-ins take {needed}, with a Windows {needed - STAND_IN_MB + WINDOWS_MB}"
    if available < needed:
        return Finding(check="memory", grade=Grade.BAD, text=text, remedy="end something else, or take a larger machine")
    enough = available >= needed - STAND_IN_MB + WINDOWS_MB
    return Finding(check="memory", grade=Grade.GOOD if enough else Grade.NOTE, text=text, remedy="" if enough else "enough for stand-ins only")


def _disk() -> Finding:
    folder = next(one for one in (POOL, *POOL.parents) if one.exists())
    free = shutil.disk_usage(folder).free >> 20
    text = f"{folder} has {free} MB free; stand-ins need {DISK_MB}, a Windows {WINDOWS_DISK_MB}"
    if free < DISK_MB:
        return Finding(check="disk", grade=Grade.BAD, text=text, remedy="make room: `lab reap`, `vagrant box list`")
    return Finding(check="disk", grade=Grade.GOOD if free >= WINDOWS_DISK_MB else Grade.NOTE, text=text,
                   remedy="" if free >= WINDOWS_DISK_MB else "enough for stand-ins only")


def _left_over() -> Finding:
    try:
        found = reap.survey()
    except LabError as error:
        return failed("earlier runs", error)
    if found.leftovers:
        names = ", ".join(one.name for one in found.leftovers)
        return Finding(check="earlier runs", grade=Grade.NOTE, text=f"left {names}", remedy="`lab reap --dry-run` tells what they are")
    return Finding(check="earlier runs", grade=Grade.GOOD, text="left nothing behind, as far as can be seen")
