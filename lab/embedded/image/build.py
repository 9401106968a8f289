"""One build of the image: mmdebstrap makes a tar, genext2fs a disk of it; kernel and loader come out of the same tar, the kernel's
movable clock is compiled beside them, plugins of pppd's into it.

linux.uml of Debian 13 wants a newer libc than Debian 12 has, so it is always started with the image's own loader: its
interpreter's name is replaced by a relative one ("ld.so", in the image's folder, which is its working directory).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from lab.embedded.image import archive, compiler, wheels
from lab.embedded.image.recipe import EXCLUDED_FOLDERS, KERNEL_LEFT_OUT, KERNEL_PARTS, PYTHON, SUITE, Recipe
from lab.errors import HostError
from lab.progress import Progress, Stages

LIBRARY = "usr/lib/x86_64-linux-gnu"
LOADER = b"/lib64/ld-linux-x86-64.so.2\0"
LIBC = (2, 41)
"""Version of the guest's C library."""
NEEDED_MB = 1500
"""Peak of a build: tree, tar, disk."""
PR_SET_PDEATHSIG = 1


def choose_mode() -> str:
    """Return mmdebstrap's mode: root works in containers too; an ordinary user takes namespaces where they are allowed (AppArmor may
    allow them to mmdebstrap alone), else fakechroot, which needs none."""
    if os.geteuid() == 0:
        return "root"
    for probe in (["mmdebstrap", "--unshare-helper", "true"], ["unshare", "--user", "--map-root-user", "--map-auto", "true"]):
        with contextlib.suppress(FileNotFoundError):
            if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
                return "unshare"
    return "fakechroot"


def objection_to(mode: str) -> str:
    """Return why a mode cannot make the image on this machine; empty if it can.

    fakechroot runs the guest's programs under this machine's loader, which must not be older than the guest's C library (tried on
    Debian 12: "undefined symbol: __tunable_is_initialized").
    """
    version = (os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(" ")[2]
    if mode != "fakechroot" or (version and tuple(map(int, version.split("."))) >= LIBC):
        return ""
    return (f"user namespaces are forbidden to you here, and without them this machine's C library ({version or 'unknown'}) is too old to run "
            f"the guest's programs ({LIBC[0]}.{LIBC[1]})")


REMEDY = ("allow them (Ubuntu: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0), or build once as root: "
          'sudo env LAB_CACHE="$HOME/.cache/incoming-connections" .venv/bin/lab image build')
"""Against an objection."""


def build(recipe: Recipe, target: Path, progress: Progress, *, lock: int) -> None:
    """Fill `target` with root.ext2, linux.uml, ld.so, libc.so.6, clock.so, packages and build.log.

    Args:
        recipe: what to build.
        target: an empty folder.
        progress: told one line per stage.
        lock: descriptor of the cache's lock; children inherit it, so that an orphan still holds it.

    Raises:
        HostError: a tool is missing or failed; with the end of its output and the log's place.
    """
    must_have({"mmdebstrap": "mmdebstrap", "genext2fs": "genext2fs", "gcc": "gcc"})
    mode = must_choose_mode()
    with work_folder(NEEDED_MB) as work:
        _build_in(work, recipe, target, Stages(progress), mode=mode, lock=lock)


def must_have(tools: Mapping[str, str]) -> None:
    """Raise HostError for a program that is missing; `tools` says which package has it."""
    for tool, package in tools.items():
        if shutil.which(tool) is None:
            raise HostError(f"{tool} is not installed", hint=f"apt install {package}, or `make setup`")


def must_choose_mode() -> str:
    """Return mmdebstrap's mode. Raises HostError where none can work."""
    mode = choose_mode()
    if problem := objection_to(mode):
        raise HostError(problem, hint=REMEDY)
    return mode


@contextlib.contextmanager
def work_folder(needed_mb: int) -> Iterator[Path]:
    """Give a folder to build in, removed afterwards. Raises HostError where there is no room for it."""
    base = Path(os.environ.get("TMPDIR", "/var/tmp"))  # noqa: S108 - a private folder is made in it
    free = shutil.disk_usage(base).free >> 20
    if free < needed_mb:
        raise HostError(f"{base} has {free} MB free, the build needs {needed_mb}", hint="set TMPDIR to a larger folder")
    work = Path(tempfile.mkdtemp(prefix="lab-image-", dir=base))
    try:
        work.chmod(0o755)  # in unshare mode mmdebstrap's root is another user of ours, so folder and parents must be open to it
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _build_in(work: Path, recipe: Recipe, target: Path, stage: Stages, *, mode: str, lock: int) -> None:
    stage("compile the kernel's clock")  # first: it takes no time, and a compiler that does not work is known at once
    compiler.compile_library(compiler.CLOCK, target / compiler.CLOCK_LIBRARY, lock=lock)
    stage("fetch wheels for the guest's Python")
    (work / "wheels").mkdir()
    wheels.unpack(wheels.download(work / "wheels"), work / "site")
    (work / "init").write_bytes(recipe.init)
    (work / "init").chmod(0o755)
    tar = work / "image.tar"
    stage(f"mmdebstrap {SUITE} ({mode} mode, {len(recipe.packages)} packages and what they need)")
    _mmdebstrap(work, recipe, tar, mode=mode, log=target / "build.log", stage=stage, lock=lock)
    stage("make the disk")
    blocks = tar.stat().st_size // 4096 * 112 // 100 + 6000
    # Never -q: it does not mean quiet but squash (owner root, no group bits).
    run_tool(["genext2fs", "-B", "4096", "-b", str(blocks), "-N", "14000", "-a", str(tar), str(target / "root.ext2")], lock)
    stage("take kernel and loader out of it")
    _take_out(tar, target)
    (target / "root.ext2").chmod(0o444)


def _mmdebstrap(work: Path, recipe: Recipe, tar: Path, *, mode: str, log: Path, stage: Stages, lock: int) -> None:
    site = f"/usr/local/lib/python{PYTHON}/dist-packages"
    hooks = [
        f'mkdir -p "$1"{site} "$1"/lab "$1"/ov',
        f"sync-in {work}/site {site}",
        f"upload {work}/init /lab/init",
        *compiler.compile_plugins(work, lock=lock),
        'chmod 755 "$1"/lab/init',
        'chroot "$1" python3 -m compileall -q -f --invalidation-mode unchecked-hash'
        f" /usr/lib/python3 /usr/lib/python{PYTHON} {site}",
        'mkdir -p "$1"/usr/lib/modules; for d in "$1"/usr/lib/uml/modules/*; do'
        ' ln -s ../uml/modules/${d##*/} "$1"/usr/lib/modules/; chroot "$1" depmod ${d##*/}; done',
        'rm -f "$1"/etc/ssh/ssh_host_* "$1"/usr/share/python3/debpython/__pycache__/*.pyc "$1"/etc/hostname'
        ' "$1"/etc/resolv.conf "$1"/etc/apt/apt.conf.d/99mmdebstrap; : > "$1"/etc/machine-id',
        'chroot "$1" dpkg-query -W -f "\\${Package}=\\${Version} \\${Architecture}\\n" > "$1"/etc/lab-packages',
    ]
    modules = "/usr/lib/uml/modules/*/kernel"
    dpkg = [f"path-exclude=/usr/share/{folder}/*" for folder in EXCLUDED_FOLDERS]
    dpkg += ["path-include=/usr/share/doc/*/copyright", "path-exclude=/usr/lib/*-linux-gnu/gconv/*", f"path-exclude={modules}/*"]
    dpkg += [f"path-include={modules}/{part}/*" for part in KERNEL_PARTS]
    dpkg += [f"path-exclude={modules}/{part}/*" for part in KERNEL_LEFT_OUT]
    command = [
        "mmdebstrap", f"--mode={mode}", "--variant=essential", "--format=tar", f"--include={','.join(recipe.packages)}",
        '--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"', *archive.apt_options(),
        *[f"--dpkgopt={option}" for option in dpkg], "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        *[f"--customize-hook={hook}" for hook in hooks], SUITE, str(tar), *archive.sources(),
    ]
    run_mmdebstrap(command, work, log=log, kept=log.parent.with_suffix(".log"), stage=stage, lock=lock, what="the guest's image")


def run_mmdebstrap(command: list[str], work: Path, *, log: Path, kept: Path, stage: Stages, lock: int, what: str) -> None:
    """Run mmdebstrap with its progress told and everything that it says kept.

    Args:
        command: the whole command line.
        work: folder for its temporary files.
        log: gets all output.
        kept: where the log is after a failure.
        stage: told what it does.
        lock: descriptor that it inherits.
        what: what is being made, for the message.

    Raises:
        HostError: it failed; with the end of its output.
    """
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1751630000", "LC_ALL": "C.UTF-8", "TZ": "UTC", "TMPDIR": str(work)}
    with log.open("wb") as record:
        record.write(re.sub(r"//[^/@\s]+@", "//***@", " ".join(command) + "\n").encode())  # a proxy's or mirror's password
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=record, stderr=subprocess.PIPE, env=environment,
                                   pass_fds=[lock], preexec_fn=_die_with_parent)  # noqa: PLW1509 - one call to prctl
        assert process.stderr is not None
        for raw in process.stderr:
            record.write(raw)
            line = raw.decode(errors="replace").strip()
            if line.startswith("I: ") and line.endswith("..."):
                stage(f"  {line[3:-3]}")
        if process.wait():
            record.flush()
            raise HostError(f"mmdebstrap could not make {what}", evidence="\n".join(log.read_text().splitlines()[-8:]),
                            hint=f"the whole log is {kept}; {archive.VARIABLE} names another mirror")


def _die_with_parent() -> None:
    """In the child: end when the builder is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def run_tool(command: list[str], lock: int) -> None:
    """Run a program of the build. Raises HostError with the end of its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, pass_fds=[lock])
    if done.returncode:
        raise HostError(f"{command[0]} failed", evidence="\n".join((done.stderr or done.stdout).splitlines()[-8:]))


def _take_out(tar: Path, target: Path) -> None:
    wanted = {
        "./usr/bin/linux.uml": "linux.uml", f"./{LIBRARY}/ld-linux-x86-64.so.2": "ld.so", f"./{LIBRARY}/libc.so.6": "libc.so.6",
        "./etc/lab-packages": "packages",
    }
    with tarfile.open(tar) as members:
        for member in members:
            if member.name in wanted:
                source = members.extractfile(member)
                assert source is not None
                content = source.read()
                if wanted[member.name] == "linux.uml":
                    content = content.replace(LOADER, b"ld.so".ljust(len(LOADER), b"\0"))
                file = target / wanted.pop(member.name)
                file.write_bytes(content)
                file.chmod(0o555 if file.name in ("linux.uml", "ld.so") else 0o444)
            if not wanted:
                return
    raise HostError(f"the image lacks {', '.join(wanted)}", hint="the archive has changed; see lab/embedded/image/packages.txt")
