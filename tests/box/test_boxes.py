"""Boxes are published whole or not at all, found again by their recipe, and removed when they are another's."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import fake_tools
import pytest

from lab.box import base, boxes, disk
from lab.box.boxes import box_folder, ensure_boxes, list_boxes, prune
from lab.box.disk import TOOLS
from lab.box.recipe import VARIANTS
from lab.embedded.image import wheels
from lab.errors import HostError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache and a work folder of this test's own; no wheels are fetched; the tools are fakes."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "work"))
    (tmp_path / "work").mkdir()
    (tmp_path / "mbr.bin").write_bytes(b"\xfa" * 440)
    monkeypatch.setattr(disk, "MBR", tmp_path / "mbr.bin")
    monkeypatch.setattr(wheels, "download", lambda _: [])
    monkeypatch.setattr(wheels, "unpack", lambda _, target: target.mkdir())
    monkeypatch.setattr(base.build, "must_choose_mode", lambda: "root")
    monkeypatch.setattr(boxes, "NEEDED_MB", 1)


def put_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, failing: str = "", name: str = "bin") -> Path:
    calls = fake_tools.put_on(tmp_path / name, failing=failing)
    monkeypatch.setenv("PATH", f"{tmp_path / name}:/usr/bin:/bin")
    return calls


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_both_boxes_are_built_once_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, told = put_tools(tmp_path, monkeypatch), list[str]()
    built = ensure_boxes(told.append)

    assert set(built) == {variant.name for variant in VARIANTS}
    for box in built.values():
        with tarfile.open(box.path) as tar:
            assert tar.getnames() == ["metadata.json", "Vagrantfile", "box.img"]
            metadata = tar.extractfile("metadata.json")
            assert metadata is not None
            assert json.load(metadata)["provider"] == "libvirt"
    assert list((tmp_path / "work").iterdir()) == []
    assert set(calls.read_text().split()) == set(TOOLS)

    calls.write_text("")
    assert ensure_boxes(told.append) == built
    assert calls.read_text() == ""


@pytest.mark.parametrize("failing", sorted(TOOLS))
def test_after_a_failure_nothing_is_published_and_what_it_said_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    put_tools(tmp_path, monkeypatch, failing=failing)
    with pytest.raises(HostError) as caught:
        ensure_boxes(lambda _: None)

    assert failing in caught.value.message
    assert "it broke" in caught.value.evidence
    assert list_boxes() == []
    assert list((tmp_path / "work").iterdir()) == []
    if failing == "mmdebstrap":
        (log,) = box_folder().glob("*.log")
        assert str(log) in caught.value.hint
        assert "it broke" in log.read_text()
        assert not list(box_folder().glob("base-*.tar"))


def test_a_second_try_goes_on_from_the_system_that_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_tools(tmp_path, monkeypatch, failing="qemu-img")
    with pytest.raises(HostError):
        ensure_boxes(lambda _: None)
    (tmp_path / "calls").unlink()
    calls = put_tools(tmp_path, monkeypatch, name="mended")
    assert len(ensure_boxes(lambda _: None)) == len(VARIANTS)
    assert "mmdebstrap" not in calls.read_text()


def test_a_rebuild_that_fails_takes_nothing_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_tools(tmp_path, monkeypatch)
    built = ensure_boxes(lambda _: None)
    before = {box.path: box.path.read_bytes() for box in built.values()}
    put_tools(tmp_path, monkeypatch, failing="qemu-img", name="broken")
    with pytest.raises(HostError):
        ensure_boxes(lambda _: None, rebuild=True)
    assert {path: path.read_bytes() for path in before} == before


def test_what_a_killed_builder_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_tools(tmp_path, monkeypatch)
    (box_folder() / "base-0123456789ab.new").write_text("half a system")
    ensure_boxes(lambda _: None)
    assert not [name for name in names_in(box_folder()) if name.endswith(".new")]


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_a_tool_that_is_missing_is_named_before_anything_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    calls = fake_tools.put_on(tmp_path / "bin")
    (tmp_path / "bin" / tool).unlink()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(HostError, match=f"{tool} is not installed") as caught:
        ensure_boxes(lambda _: None)
    assert TOOLS[tool] in caught.value.hint
    assert not calls.exists()


def test_boot_code_that_is_missing_is_told_before_anything_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = put_tools(tmp_path, monkeypatch)
    disk.MBR.unlink()
    with pytest.raises(HostError, match=r"mbr\.bin is missing"):
        ensure_boxes(lambda _: None)
    assert not calls.exists()


def test_too_little_room_is_told_with_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = put_tools(tmp_path, monkeypatch)
    monkeypatch.setattr(boxes, "NEEDED_MB", 1 << 40)
    with pytest.raises(HostError, match=f"the boxes need {1 << 40}"):
        ensure_boxes(lambda _: None)
    assert not calls.exists()


@pytest.mark.parametrize(("all_of_them", "stay"), [(False, True), (True, False)])
def test_prune_removes_what_other_checkouts_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_of_them: bool, stay: bool) -> None:
    put_tools(tmp_path, monkeypatch)
    ours = {box.path.name for box in ensure_boxes(lambda _: None).values()}
    other = box_folder() / "incoming-connections-twin-0123456789ab.box"
    for file in (other, box_folder() / "base-0123456789ab.tar", box_folder() / "base-0123456789ab.log"):
        file.write_text("of another checkout")

    gone = {box.path.name for box in prune(all_of_them=all_of_them)}

    assert gone == {other.name} | (set() if stay else ours)
    left = names_in(box_folder())
    assert (ours <= left) is stay
    assert bool([name for name in left if name.startswith("base-")]) is stay
    assert not [name for name in left if "0123456789ab" in name]
