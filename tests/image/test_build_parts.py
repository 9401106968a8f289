"""The parts of a build that need no archive: what is missing is told before anything is fetched; wheels and kernel are taken apart."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.embedded.image import build as module
from lab.embedded.image import wheels
from lab.embedded.image.build import LIBRARY, LOADER, NEEDED_MB, build, choose_mode
from lab.embedded.image.recipe import load_recipe
from lab.errors import HostError


def refusal(tmp_path: Path) -> HostError:
    with pytest.raises(HostError) as raised:
        build(load_recipe(), tmp_path, lambda _: None, lock=0)
    return raised.value


@pytest.mark.parametrize("tool", ["mmdebstrap", "genext2fs", "gcc"])
def test_a_missing_tool_is_named_with_its_package(tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: None if name == tool else f"/usr/bin/{name}")

    error = refusal(tmp_path)

    assert error.message == f"{tool} is not installed"
    assert f"apt install {tool}" in error.hint


def test_too_little_space_to_work_in_is_told_with_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=900 << 20))
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    error = refusal(tmp_path)

    assert error.message == f"{tmp_path} has 900 MB free, the build needs {NEEDED_MB}"
    assert "TMPDIR" in error.hint


def test_a_failure_leaves_no_work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> list[Path]:
        raise HostError("pip could not fetch the guest's wheels")

    monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=9 << 30))
    monkeypatch.setattr(wheels, "download", fail)
    work, target = tmp_path / "work", tmp_path / "target"
    work.mkdir()
    target.mkdir()
    monkeypatch.setenv("TMPDIR", str(work))

    assert "pip" in refusal(target).message
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(("user", "unshare", "mode"), [
    (0, FileNotFoundError, "root"), (1000, 0, "unshare"), (1000, 1, "fakechroot"), (1000, FileNotFoundError, "fakechroot"),
])
def test_the_mode_is_what_this_user_may(user: int, unshare: int | type[OSError], mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> subprocess.CompletedProcess[bytes]:
        if isinstance(unshare, int):
            return subprocess.CompletedProcess([], unshare)
        raise unshare

    monkeypatch.setattr(module.os, "geteuid", lambda: user)
    monkeypatch.setattr(module.subprocess, "run", run)

    assert choose_mode() == mode


def test_where_nothing_can_make_the_image_that_is_said_before_anything_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(module, "choose_mode", lambda: "fakechroot")
    monkeypatch.setattr(module.os, "confstr", lambda _: "glibc 2.36")

    error = refusal(tmp_path)

    assert error.message.startswith("user namespaces are forbidden to you here")
    assert "lab image build" in error.hint


# -- wheels -----------------------------------------------------------------------------------------------------------------


def wheel(folder: Path, content: Mapping[str, str]) -> Path:
    file = folder / "some-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return file


def test_a_wheel_is_unpacked_without_scripts_and_never_outside(tmp_path: Path) -> None:
    made = wheel(tmp_path, {"some/__init__.py": "a", "some-1.0.data/purelib/pure.py": "b", "some-1.0.data/platlib/deep/plat.so": "c",
                            "some-1.0.data/scripts/tool": "d", "some-1.0.data/headers/x.h": "e", "../outside.py": "f", "/absolute.py": "g", "empty/": ""})

    wheels.unpack([made], tmp_path / "site")

    found = {str(file.relative_to(tmp_path / "site")): file.read_text() for file in (tmp_path / "site").rglob("*") if file.is_file()}
    assert found == {"some/__init__.py": "a", "pure.py": "b", "deep/plat.so": "c"}
    assert not (tmp_path / "outside.py").exists()
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "site").rglob("*.py")} == {0o644}


def test_a_pip_that_fails_is_told_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", "first\nERROR: hashes do not match\n"))

    with pytest.raises(HostError, match="pip could not fetch") as error:
        wheels.download(tmp_path)
    assert error.value.evidence.endswith("ERROR: hashes do not match")


# -- kernel and loader --------------------------------------------------------------------------------------------------------

CONTENT = {"./usr/bin/linux.uml": b"ELF" + LOADER + b"rest", f"./{LIBRARY}/ld-linux-x86-64.so.2": b"loader", f"./{LIBRARY}/libc.so.6": b"libc",
           "./etc/lab-packages": b"iptables=1 amd64\n", "./etc/passwd": b"root"}


@pytest.fixture
def tar(tmp_path: Path) -> Callable[[Mapping[str, bytes]], Path]:
    def make(content: Mapping[str, bytes]) -> Path:
        with tarfile.open(tmp_path / "image.tar", "w") as archive:
            for name, data in content.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        (tmp_path / "target").mkdir()
        return tmp_path / "image.tar"

    return make


def test_kernel_and_loader_are_taken_out_and_the_kernel_finds_its_loader_beside_it(tar: Callable[..., Path], tmp_path: Path) -> None:
    module._take_out(tar(CONTENT), tmp_path / "target")

    taken = {file.name: file for file in (tmp_path / "target").iterdir()}
    assert set(taken) == {"linux.uml", "ld.so", "libc.so.6", "packages"}
    assert taken["linux.uml"].read_bytes() == b"ELF" + b"ld.so".ljust(len(LOADER), b"\0") + b"rest"
    assert {name: file.stat().st_mode & 0o777 for name, file in taken.items()} == {
        "linux.uml": 0o555, "ld.so": 0o555, "libc.so.6": 0o444, "packages": 0o444}
    assert os.access(taken["linux.uml"], os.X_OK)


def test_an_image_without_a_kernel_is_refused_by_what_it_lacks(tar: Callable[..., Path], tmp_path: Path) -> None:
    without = {name: data for name, data in CONTENT.items() if "linux.uml" not in name}

    with pytest.raises(HostError, match=r"^the image lacks \./usr/bin/linux\.uml") as error:
        module._take_out(tar(without), tmp_path / "target")
    assert "packages.txt" in error.value.hint
