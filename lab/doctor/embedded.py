"""The doctor: what the embedded lab needs of this machine, examined by trying it. Changes nothing."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import rundir
from lab.doctor.findings import Finding, Grade, available_mb
from lab.embedded import runs
from lab.embedded.image import archive, build, cache
from lab.embedded.image.recipe import load_recipe
from lab.embedded.uml.confine import landlock_version
from lab.embedded.uml.ptrace import ptrace_problem
from lab.errors import HostError

PACKAGES = Path(__file__).parents[1] / "system-packages.txt"
INSTALL = "make setup"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPackage:
    """A line of system-packages.txt."""

    name: str
    shown_by: str
    """A program on PATH, or a file."""
    kind: str
    """always, user (an ordinary user's machine) or nouserns (an ordinary user without user namespaces)."""
    purpose: str

    @property
    def is_there(self) -> bool:
        """Whether it is installed, however it came."""
        if self.shown_by.startswith("/"):
            return Path(self.shown_by).exists()
        return shutil.which(self.shown_by, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin") is not None


def system_packages() -> list[SystemPackage]:
    """Return what this machine should have, as root or as an ordinary user."""
    lines = [line for line in PACKAGES.read_text().splitlines() if line and not line.startswith("#")]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    kinds = {"always"}
    if os.geteuid() != 0:  # as ci/install-packages: the build's own choice would depend on the packages that are asked for here
        kinds.add("user" if _may_have_a_user_namespace() else "nouserns")
    return [SystemPackage(name=name, shown_by=shown, kind=kind, purpose=purpose) for name, shown, kind, purpose in rows if kind in kinds]


def _may_have_a_user_namespace() -> bool:
    with contextlib.suppress(FileNotFoundError):
        return subprocess.run(["unshare", "--user", "--map-root-user", "true"], capture_output=True, check=False).returncode == 0
    return False


def examine() -> list[Finding]:
    """Return every finding, in the order in which one would mend them."""
    checks: tuple[Callable[[], Finding], ...] = (
        _machine, _python, _packages, _ptrace, _landlock, _memory, _run_folder, _build_mode, _sources, _image, _left_over)
    return [check() for check in checks]


def _machine() -> Finding:
    what = f"{platform.system()} on {platform.machine()}, {len(os.sched_getaffinity(0))} CPUs"
    fit = (platform.system(), platform.machine()) == ("Linux", "x86_64")
    return Finding(check="machine", grade=Grade.GOOD if fit else Grade.BAD, text=what,
                   remedy="" if fit else "the embedded lab needs Linux on x86-64 (User-Mode Linux)")


def _python() -> Finding:
    return Finding(check="python", grade=Grade.GOOD, text=f"{platform.python_version()} in {sys.prefix}")


def _packages() -> Finding:
    wanted = system_packages()
    missing = [package for package in wanted if not package.is_there]
    if not missing:
        return Finding(check="packages", grade=Grade.GOOD, text=", ".join(package.name for package in wanted))
    text = "missing: " + "; ".join(f"{package.name} ({package.purpose})" for package in missing)
    return Finding(check="packages", grade=Grade.BAD, text=text, remedy=f"{INSTALL}, or: apt install {' '.join(one.name for one in missing)}")


def _ptrace() -> Finding:
    problem = ptrace_problem()
    if not problem:
        return Finding(check="ptrace", grade=Grade.GOOD, text="a process may trace its children")
    what, _, remedy = problem.partition(": ")
    return Finding(check="ptrace", grade=Grade.BAD, text=what, remedy=remedy)


def _landlock() -> Finding:
    version = landlock_version()
    if version:
        return Finding(check="landlock", grade=Grade.GOOD, text=f"version {version}: the guest cannot open this machine's files")
    return Finding(check="landlock", grade=Grade.NOTE, text="this kernel has none: root in the guest could read what you can read",
                   remedy="a kernel with Landlock (5.13 or newer, lsm=landlock,…); run only guests that you trust")


def _memory() -> Finding:
    available = available_mb()
    enough = available >= rundir.NEEDED_MB
    return Finding(check="memory", grade=Grade.GOOD if enough else Grade.BAD, text=f"{available} MB available, a guest takes up to {rundir.NEEDED_MB}",
                   remedy="" if enough else "end something else, or take a larger machine")


def _run_folder() -> Finding:
    passed_over: list[str] = []
    for candidate in rundir.survey():
        if not candidate.objection:
            text = f"the guest's memory goes to {candidate.folder}"
            why = f"; passed over: {', '.join(passed_over)}" if passed_over else ""
            return Finding(check="run folder", grade=Grade.NOTE if passed_over else Grade.GOOD, text=text + why)
        passed_over.append(f"{candidate.folder} {candidate.objection}")
    return Finding(check="run folder", grade=Grade.BAD, text="; ".join(passed_over), remedy=f"set {rundir.VARIABLE} to a folder that can")


def _build_mode() -> Finding:
    mode = build.choose_mode()
    if problem := build.objection_to(mode):
        there = any(image.key == load_recipe().key for image in cache.list_images())
        return Finding(check="image build", grade=Grade.NOTE if there else Grade.BAD, text=problem, remedy=build.REMEDY)
    notes = {"root": "the image is built as root", "unshare": "the image is built in a user namespace"}
    return Finding(check="image build", grade=Grade.GOOD if mode in notes else Grade.NOTE,
                   text=notes.get(mode, "user namespaces are forbidden here: the image is built with fakechroot, which takes longer"))


def _sources() -> Finding:
    lines = archive.sources()
    if lines:
        return Finding(check="debian archive", grade=Grade.GOOD, text="the guest's packages come from where this machine's apt gets its own")
    return Finding(check="debian archive", grade=Grade.NOTE, text="apt knows no Debian archive here: mmdebstrap's default is taken",
                   remedy=f"{archive.VARIABLE} names another mirror")


def _image() -> Finding:
    try:
        root = cache.cache_root()
    except HostError as error:
        return Finding(check="image", grade=Grade.BAD, text=error.message, remedy=error.hint)
    key = load_recipe().key
    if any(image.key == key for image in cache.list_images()):
        return Finding(check="image", grade=Grade.GOOD, text=f"{key} is in {root}")
    free = shutil.disk_usage(root).free >> 20
    if free < cache.NEEDED_MB:
        return Finding(check="image", grade=Grade.BAD, text=f"not built yet, and {root} has {free} MB free of {cache.NEEDED_MB} needed",
                       remedy=f"set {cache.VARIABLE} to a larger folder")
    return Finding(check="image", grade=Grade.NOTE, text="not built yet: about a minute, once", remedy="lab image build")


def _left_over() -> Finding:
    try:
        left = runs.left_over()
    except HostError as error:
        return Finding(check="earlier runs", grade=Grade.BAD, text=error.message, remedy=error.hint)
    if left:
        return Finding(check="earlier runs", grade=Grade.NOTE, text=f"a killed supervisor left {', '.join(left)}", remedy="the next `lab up` removes it")
    return Finding(check="earlier runs", grade=Grade.GOOD, text="left nothing behind")

