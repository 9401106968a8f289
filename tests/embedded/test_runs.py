"""Runs: a lock each, swept when its holder is gone; what a guest reports; how its end is told. No guest here, only its words."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.embedded import runs
from lab.embedded.runs import Run, free_ports
from lab.errors import BootTimeout, GuestDied, HostError, InfrastructureError, LabBusy, LinkLost


@pytest.fixture(autouse=True)
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lab-") as parent:  # pytest's own folders are too long for the names of sockets
        monkeypatch.setattr(runs, "choose_run_base", lambda: Path(parent))
        yield runs.base()


# -- folders and locks ------------------------------------------------------------------------------------------------


def a_run(name: str = "run-1") -> tuple[Path, int]:
    """A run's folder as a supervisor makes it, and the lock that it holds while it lives."""
    folder = runs.base() / name
    folder.mkdir(mode=0o700)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


def test_the_folder_of_runs_is_its_owners_only(base: Path) -> None:
    assert base.stat().st_mode & 0o777 == 0o700
    assert runs.base() == base


@pytest.mark.parametrize("spoil", [
    lambda folder: folder.chmod(0o777),
    lambda folder: (folder.rmdir(), folder.symlink_to("/etc")),
])
def test_a_folder_that_others_can_open_is_refused(spoil: Callable[[Path], object], base: Path) -> None:
    spoil(base)

    with pytest.raises(HostError, match="not a folder of yours") as refusal:
        runs.base()
    assert str(base) in refusal.value.message
    assert "LAB_RUN_FOLDER" in refusal.value.hint


def test_a_folder_of_another_user_is_refused(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base.rename(base.with_name(f"incoming-connections-{os.getuid() + 1}"))
    monkeypatch.setattr(runs.os, "getuid", lambda: base.parent.stat().st_uid + 1)

    with pytest.raises(HostError, match="not a folder of yours"):
        runs.base()


def test_new_runs_have_different_names_and_no_folder_yet(base: Path) -> None:
    first, second = runs.new_run(), runs.new_run()

    assert first.parent == second.parent == base
    assert first != second
    assert not first.exists()


def test_a_sweep_removes_what_is_not_held_and_nothing_else(base: Path) -> None:
    left, lock_of_left = a_run("run-left")
    _, lock_of_unnamed = a_run(".new-left")
    held, lock = a_run("run-held")
    os.close(lock_of_left)
    os.close(lock_of_unnamed)
    (base / "other").mkdir()
    try:
        assert runs.sweep() == [left.name]
        assert {one.name for one in base.iterdir()} == {held.name, "other"}
    finally:
        os.close(lock)
    assert runs.sweep() == [held.name]


def test_a_sweep_ends_what_a_killed_supervisor_left_running(base: Path) -> None:
    folder, lock = a_run()
    os.close(lock)
    left = subprocess.Popen([sys.executable, "-c", "input()", "slirp4netns", f"{folder}/sock"], stdin=subprocess.PIPE, start_new_session=True)
    other = subprocess.Popen([sys.executable, "-c", "input()", f"{folder}/sock"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        runs.sweep()

        assert left.wait(5) == -9
        assert other.poll() is None  # names the folder, but is neither guest nor network
    finally:
        for process in (left, other):
            process.kill()
            process.wait()
            assert process.stdin is not None
            process.stdin.close()


@pytest.mark.parametrize(("content", "with_socket", "found"), [
    ({"detached": True}, True, True), ({"detached": True}, False, False), ({"detached": False}, True, False), ("{half", True, False),
])
def test_only_a_detached_guest_with_its_control_line_is_joined(content: object, with_socket: bool, found: bool) -> None:
    folder, lock = a_run()
    os.close(lock)
    (folder / "lab.json").write_text(content if isinstance(content, str) else json.dumps(content))
    if with_socket:
        (folder / "control.sock").touch()

    assert runs.detached() == (folder if found else None)


def test_free_ports_differ_and_can_be_bound() -> None:
    ports = free_ports(20)

    assert len(set(ports)) == 20
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", ports[0]))


# -- what the supervisor tells ----------------------------------------------------------------------------------------


END: dict[str, object] = {"event": "end", "kind": "died", "why": "down", "errors": ""}


def run_that_hears(folder: Path, *events: dict[str, object]) -> Run:
    """A run whose supervisor says these things and ends."""
    words = "".join(json.dumps(event) + "\n" for event in events)
    process = subprocess.Popen([sys.executable, "-S", "-c", f"print({words!r}, end='')"], stdout=subprocess.PIPE)
    run = Run(folder=folder, process=process)
    run._listen()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    return run


@pytest.fixture
def folder() -> Path:
    made, lock = a_run()
    os.close(lock)
    return made


def test_marks_on_the_console_are_times_and_readiness_is_one(folder: Path) -> None:
    run = run_that_hears(folder, {"event": "console", "line": "@kernel up", "ms": 300}, {"event": "console", "line": "words", "ms": 400},
                         {"event": "ready", "ms": 2100}, END)

    assert run.marks == {"kernel": 300, "ready": 2100}
    assert list(run.console) == ["@kernel up", "words"]


def test_the_death_of_a_guest_is_told_with_its_last_lines(folder: Path) -> None:
    lines = [{"event": "console", "line": f"line {number}", "ms": number} for number in range(40)]
    run = run_that_hears(folder, *lines, END | {"why": "the guest panicked", "errors": "a trace\n"})

    with pytest.raises(GuestDied, match=f"{folder.name} is gone: the guest panicked") as death:
        run.wait_ready()

    assert death.value.evidence.splitlines() == [*[f"line {number}" for number in range(10, 40)], "a trace"]
    assert not run.is_alive


@pytest.mark.parametrize(("kind", "error"), [("died", GuestDied), ("timeout", BootTimeout), ("busy", LabBusy)])
def test_the_supervisors_word_decides_the_error(kind: str, error: type[InfrastructureError], folder: Path) -> None:
    run = run_that_hears(folder, END | {"kind": kind, "why": "this and that"})

    with pytest.raises(error, match="this and that") as death:
        run.wait_ready()
    assert death.value.hint


def test_a_killed_supervisor_is_noticed_and_its_folder_removed(folder: Path) -> None:
    run = run_that_hears(folder, {"event": "ready", "ms": 1})

    assert run.ended == "its supervisor was killed"
    assert not folder.exists()


def test_a_guest_that_is_never_ready_is_a_boot_timeout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs.budgets, "BOOT", -5.0)
    run = Run(folder=folder)
    run.console.append("the last line")

    with pytest.raises(BootTimeout) as timeout:
        run.wait_ready()
    assert timeout.value.evidence == "the last line"


# -- the control line -------------------------------------------------------------------------------------------------


@pytest.fixture
def answers(folder: Path) -> Iterator[dict[str, bytes]]:
    """What the guest's first process answers, by operation; without an entry it hangs up."""
    table: dict[str, bytes] = {}
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(folder / "control.sock"))
    listening.listen()

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as requests:
            for line in requests:
                answer = table.get(json.loads(line)["op"])
                if answer is None:
                    return
                connection.sendall(answer + b"\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield table
    listening.close()


def test_a_request_is_answered_on_one_line(folder: Path, answers: dict[str, bytes]) -> None:
    answers["start"] = b'{"started": "client2"}'
    run = Run(folder=folder)

    assert run.request(op="start", host="client2") == {"started": "client2"}
    assert run.request(op="start", host="client3") == {"started": "client2"}
    assert run.is_alive


def test_what_the_guest_cannot_do_is_an_infrastructure_error(folder: Path, answers: dict[str, bytes]) -> None:
    answers["start"] = b'{"error": "no host nobody"}'

    with pytest.raises(InfrastructureError, match="could not start: no host nobody"):
        Run(folder=folder).request(op="start", host="nobody")


def test_a_line_that_breaks_is_a_lost_link_or_a_death_when_it_is_known(folder: Path, answers: dict[str, bytes]) -> None:
    run = Run(folder=folder)

    with pytest.raises(LinkLost, match=f"control line of {folder.name} broke"):
        run.request(op="whatever")

    run.ended = "the kernel panicked"
    with pytest.raises(GuestDied, match="the kernel panicked"):
        run.request(op="whatever")


def test_no_control_line_is_a_lost_link(folder: Path) -> None:
    with pytest.raises(LinkLost, match="No such file"):
        Run(folder=folder).request(op="hello")
