"""The doctor: what is wrong with a machine gets a finding with a remedy; the installer reads the same list of packages."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from lab import rundir
from lab.cli.main import main
from lab.doctor import Grade
from lab.doctor import embedded as doctor
from lab.embedded.image import build, cache
from lab.errors import HostError

ROOT = Path(__file__).parents[1]


def finding(check: str) -> doctor.Finding:
    return next(one for one in doctor.examine() if one.check == check)


def test_missing_packages_are_named_with_their_purpose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor.build, "choose_mode", lambda: "root")

    found = finding("packages")
    assert found.grade is Grade.BAD
    assert "tshark (reads the captures)" in found.text
    assert "apt install" in found.remedy
    assert "slirp4netns" in found.remedy


@pytest.mark.parametrize(("allowed", "wanted"), [(True, {"uidmap"}), (False, {"fakechroot", "fakeroot"})])
def test_an_ordinary_user_is_asked_for_what_the_installer_would_install(monkeypatch: pytest.MonkeyPatch, allowed: bool, wanted: set[str]) -> None:
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(doctor.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0 if allowed else 1))

    assert {package.name for package in doctor.system_packages()} & {"uidmap", "fakechroot", "fakeroot"} == wanted


def test_forbidden_ptrace_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ptrace_problem", lambda: "ptrace is forbidden by Yama (kernel.yama.ptrace_scope = 2): sudo sysctl kernel.yama.ptrace_scope=1")

    found = finding("ptrace")
    assert (found.grade, found.remedy) == (Grade.BAD, "sudo sysctl kernel.yama.ptrace_scope=1")


def test_a_folder_that_was_passed_over_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    small = rundir.Candidate(folder=Path("/dev/shm"), objection="has 64 MB free, 400 are needed")
    monkeypatch.setattr(doctor.rundir, "survey", lambda: [small, rundir.Candidate(folder=Path("/tmp"), objection="")])

    found = finding("run folder")
    assert (found.grade, found.text) == (Grade.NOTE, "the guest's memory goes to /tmp; passed over: /dev/shm has 64 MB free, 400 are needed")


def test_no_folder_at_all_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    noexec = rundir.Candidate(folder=Path("/dev/shm"), objection="is mounted noexec")
    monkeypatch.setattr(doctor.rundir, "survey", lambda: [noexec])

    assert finding("run folder").grade is Grade.BAD


def test_forbidden_user_namespaces_are_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.build, "choose_mode", lambda: "fakechroot")
    monkeypatch.setattr(build.os, "confstr", lambda _: "glibc 2.41")

    found = finding("image build")
    assert found.grade is Grade.NOTE
    assert "fakechroot" in found.text


def test_forbidden_user_namespaces_with_an_old_libc_are_bad_until_there_is_an_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor.build, "choose_mode", lambda: "fakechroot")
    monkeypatch.setattr(build.os, "confstr", lambda _: "glibc 2.39")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))

    found = finding("image build")
    assert found.grade is Grade.BAD
    assert "this machine's C library (2.39) is too old to run the guest's programs (2.41)" in found.text
    assert "sudo env LAB_CACHE=" in found.remedy


def test_where_namespaces_are_forbidden_the_image_is_built_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(build.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1))

    assert build.choose_mode() == "fakechroot"


def test_no_room_for_the_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: os.terminal_size((0, 0)) and type("Usage", (), {"free": 5 << 20})())

    found = finding("image")
    assert found.grade is Grade.BAD
    assert f"5 MB free of {cache.NEEDED_MB} needed" in found.text


def test_exit_codes_and_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    good = doctor.Finding(check="python", grade=Grade.GOOD, text="fine")
    bad = doctor.Finding(check="ptrace", grade=Grade.BAD, text="forbidden", remedy="allow it")
    monkeypatch.setattr("lab.cli.doctor.examine", lambda: [good])
    assert main(["doctor"]) == 0
    monkeypatch.setattr("lab.cli.doctor.examine", lambda: [good, bad])
    assert main(["doctor"]) == 69
    assert "hint: allow it" in capsys.readouterr().err
    assert main(["doctor", "--json"]) == 69
    assert json.loads(capsys.readouterr().out)[1] == {"check": "ptrace", "grade": "bad", "finding": "forbidden", "remedy": "allow it"}


def test_a_cache_folder_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "below"))

    with pytest.raises(HostError, match="cannot be made"):
        cache.cache_root()


# -- ci/install-packages --------------------------------------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """A PATH with a few tools and none of the packages."""
    for tool in ("sh", "id", "dirname", "tr", "echo", "env", "python3"):
        found = subprocess.run(["sh", "-c", f"command -v {tool}"], capture_output=True, text=True, check=True).stdout.strip()
        if found.startswith("/"):
            (tmp_path / tool).symlink_to(found)
    return {"PATH": str(tmp_path)}


def install(*arguments: str, environment: dict[str, str], answer: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["/bin/sh", str(ROOT / "ci/install-packages"), *arguments], env=environment, input=answer, capture_output=True,
                          text=True, check=False)


def test_the_installer_lists_what_is_missing(bare: dict[str, str]) -> None:
    done = install("--list", environment=bare)

    assert done.returncode == 1
    assert {"mmdebstrap", "genext2fs", "tshark"} <= set(done.stdout.split())


@pytest.mark.parametrize(("kind", "package"), [("tests", "mono-mcs"), ("vagrant", "libvirt-clients"), ("wine", "mingw-w64-tools")])
def test_what_only_some_need_is_asked_for_by_name(bare: dict[str, str], kind: str, package: str) -> None:
    assert package in install(kind, "--list", environment=bare).stdout.split()
    assert package not in install("--list", environment=bare).stdout.split()


def test_the_installer_without_apt_says_what_to_install(bare: dict[str, str]) -> None:
    done = install(environment=bare)

    assert done.returncode == 1
    assert "there is no apt here" in done.stderr
    assert "slirp4netns" in done.stderr


def stand_in(program: Path, content: str) -> None:
    """Put a script in a program's place."""
    program.unlink(missing_ok=True)
    program.write_text(f"#!/bin/sh\n{content}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(("answer", "code", "installed"), [("n\n", 1, False), ("", 1, False), ("y\n", 0, True), ("\n", 0, True)])
def test_the_installer_asks_an_ordinary_user_once(bare: dict[str, str], tmp_path: Path, answer: str, code: int, installed: bool) -> None:
    log = tmp_path / "log"
    for name, content in (("id", "echo 1000"), ("apt-get", f'echo "apt-get $*" >> {log}'), ("sudo", 'exec "$@"'), ("unshare", "exit 1")):
        stand_in(tmp_path / name, content)

    done = install(environment=bare, answer=answer)

    assert done.returncode == code
    assert done.stdout.count("Go on? [Y/n]") == 1
    assert "    mmdebstrap" in done.stdout
    assert log.exists() is installed
    if installed:
        assert "fakechroot" in log.read_text()  # user namespaces are forbidden there


@pytest.mark.parametrize(("kind", "disabled"), [("tests", ["systemctl disable --quiet radius.service", "update-rc.d radius disable"]), ("vagrant", [])])
def test_a_service_that_came_with_the_tests_programs_is_neither_started_nor_enabled(bare: dict[str, str], tmp_path: Path, kind: str, disabled: list[str]) -> None:
    log, policy = tmp_path / "log", Path("/usr/sbin/policy-rc.d")
    files = "/lib/systemd/system/radius.service\n/etc/init.d/radius\n/usr/share/doc/radius.service\n"
    sed = subprocess.run(["sh", "-c", "command -v sed"], capture_output=True, text=True, check=True).stdout.strip()
    for name, content in (("id", "echo 1000"), ("apt-get", ""), ("unshare", "exit 1"), ("systemctl", ""), ("update-rc.d", ""), ("dpkg", f"printf '{files}'"),
                          ("sed", f'exec {sed} "$@"'), ("sudo", f'echo "$*" >> {log}')):
        stand_in(tmp_path / name, content)

    done = install(kind, "--yes", environment=bare)

    assert done.returncode == 0, done.stderr
    done_as_root = log.read_text().splitlines()
    kept = f"tee {policy}" in done_as_root
    assert kept is (kind == "tests" and not policy.exists()), "while packages are installed, no service starts"
    assert (f"rm -f {policy}" == done_as_root[-1]) is kept, "and never for longer"
    assert [line for line in done_as_root if "disable" in line] == disabled
