"""The movable clock: all hosts share it, timers fire, nothing of ours is confused by it, and the guest is replaced afterwards."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest
from guests import Guest

from fixtures.session import LabSession
from lab.backends.embedded import EmbeddedLab
from lab.errors import ConfigError, InfrastructureError, UnsupportedHere
from lab.evidence.recorder import Recorder
from lab.server.session import WindowsSession
from lab.topology import load_topology
from lab.waiting import Deadline, wait_until

HOUR, MINUTE, SECOND = dt.timedelta(hours=1), dt.timedelta(minutes=1), dt.timedelta(seconds=1)
NEAR = 0.5
"""Seconds by which two looks at a clock may differ here: a shell's start, and a guest that shares its CPU."""


@pytest.fixture(scope="module")
def moving(private_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A guest whose clock these tests move, each further."""
    with Guest(EmbeddedLab(load_topology(), log_folder=tmp_path_factory.mktemp("logs"))) as guest:
        yield guest


def clocks(guest: Guest) -> dict[str, tuple[float, float]]:
    """Time of day and uptime of every host, less what this machine's clocks say; the server has no shell, so it is entered."""
    command = "cat /proc/uptime; date +%s.%N"
    of_server = "nsenter --all --target $(pgrep -f lab/twin/launch.py | head -1) sh -c '" + command + "'"
    found = {}
    for host, text in {**dict.fromkeys(("client", "lan", "observer"), command), "server": of_server}.items():
        uptime, _, day = guest.sh(text, host="observer" if host == "server" else host).split()
        found[host] = (float(day) - time.time(), float(uptime) - time.monotonic())
    return found


def test_all_hosts_move_by_what_was_asked_for(moving: Guest) -> None:
    before = clocks(moving)
    assert all(abs(day) < NEAR for day, _ in before.values()), before

    moving.lab.clock.advance(3 * HOUR)

    for host, (day, uptime) in clocks(moving).items():
        assert day - before[host][0] == pytest.approx(3 * 3600, abs=NEAR), host
        assert uptime - before[host][1] == pytest.approx(3 * 3600, abs=NEAR), host


def test_now_is_what_the_hosts_say(moving: Guest) -> None:
    moving.lab.clock.advance(HOUR)

    there = dt.datetime.fromtimestamp(float(moving.sh("date +%s.%N")), dt.UTC)

    assert abs((moving.lab.clock.now - there) / SECOND) < NEAR


def test_a_timer_fires_at_the_jump_and_not_before(moving: Guest) -> None:
    with ThreadPoolExecutor() as pool:
        sleeper = pool.submit(moving.sh, "sleep 3600; echo awake", host="lan")
        wait_until(lambda: moving.sh("pgrep -x sleep"), Deadline(5), lambda: AssertionError("nobody sleeps"))
        moving.lab.clock.advance(59 * MINUTE)
        assert moving.sh("pgrep -x sleep") != ""
        moving.lab.clock.advance(61 * SECOND)

        began = time.monotonic()
        assert sleeper.result(5) == "awake\n"
    assert time.monotonic() - began < 1


def test_after_a_jump_time_goes_on_at_its_pace(moving: Guest) -> None:
    moving.lab.clock.advance(HOUR)
    before = clocks(moving)["client"]

    began = time.monotonic()
    moving.sh("sleep 1")
    took = time.monotonic() - began

    assert 0.95 < took < 2
    assert clocks(moving)["client"] == pytest.approx(before, abs=NEAR)


def test_the_control_line_and_its_heartbeat_are_not_confused(moving: Guest) -> None:
    """A day is 8640 times the patience for a guest that hangs; beats go on, and requests are answered."""
    for _ in range(3):
        moving.lab.clock.advance(24 * HOUR)
        assert moving.lab.run.request(op="beat")["ok"] == "alive"
    beaten = time.monotonic() + 2.5  # longer than BEAT_EVERY: the supervisor has asked by itself

    wait_until(lambda: time.monotonic() > beaten, Deadline(5), lambda: AssertionError("unreachable"))
    assert moving.lab.death() is None
    assert "client" in moving.lab.started()


def test_a_probe_keeps_its_time_outs_and_its_streams(moving: Guest) -> None:
    client, lan = moving.probe("client"), moving.probe("lan")
    server = str(moving.lab.topology.server.address("wan"))
    nobody = str(moving.lab.topology.host("client").addresses["wan"].network.broadcast_address - 1)
    lan_address = str(moving.lab.topology.host("lan").address("lan"))
    with lan.serve(7007), ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.ping, nobody, timeout=10)
        wait_until(lambda: moving.sh("ip neigh show dev wan", host="client"), Deadline(5), lambda: AssertionError("no ping was sent"))
        moving.lab.clock.advance(HOUR)

        began = time.monotonic()
        assert waiting.result(5) is None  # the time-out is the guest's
        assert time.monotonic() - began < 2
        assert client.ping(server) is not None
        began = time.monotonic()
        assert client.ping(nobody, timeout=0.3) is None
        assert 0.25 < time.monotonic() - began < 2
        assert lan.ask_service("tcp", lan_address, 7007, b"after the jump") is not None


def test_whoever_has_the_cpu_at_a_jump_is_not_made_to_wait_for_it(moving: Guest) -> None:
    """The scheduler charges a jump to the thread that runs: with a budget of its class, a charon that was at work stood still for an hour."""
    client = moving.probe("client")
    assert client.read_file("/proc/sys/kernel/sched_rt_runtime_us").strip() == "-1"
    for _ in range(40):
        client.vici("version")  # whose last words charon may still be busy with
        moving.lab.clock.advance(HOUR)
        began = time.monotonic()
        assert client.vici("version")
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("transport", ["http", "https"])
def test_winrm_survives_a_jump_and_is_opened_anew_after_a_long_one(transport: Literal["http", "https"], moving: Guest) -> None:
    """What lies idle for hours the server closes, as Windows does: shells after two."""
    endpoint = moving.lab.hosts[moving.lab.topology.server.name].winrm
    assert endpoint is not None
    with WindowsSession(endpoint, transport=transport) as windows:
        ticks = [int(windows.run_powershell("(Get-Date).ToUniversalTime().Ticks", Deadline(20)).output)]
        moving.lab.clock.advance(30 * MINUTE)
        ticks.append(int(windows.run_powershell("(Get-Date).ToUniversalTime().Ticks", Deadline(20)).output))
        windows.close()
        moving.lab.clock.advance(5 * HOUR)
        ticks.append(int(windows.run_powershell("(Get-Date).ToUniversalTime().Ticks", Deadline(20)).output))

    assert (ticks[1] - ticks[0]) / 10_000_000 == pytest.approx(1800, abs=10)
    assert (ticks[2] - ticks[1]) / 10_000_000 == pytest.approx(5 * 3600, abs=10)


def test_captures_are_in_order_and_show_the_jump(moving: Guest, tmp_path: Path) -> None:
    server = str(moving.lab.topology.server.address("wan"))
    recorder = Recorder(tmp_path / "evidence", moving.lab.capture_points, moving.probe)
    try:
        assert moving.probe("client").ping(server)
        moving.lab.clock.advance(HOUR)
        assert moving.probe("client").ping(server)
        recorder.wire()
        stamps = [packet.at_ns for packet in recorder.captures["wan"].packets]
    finally:
        recorder.close()

    assert stamps == sorted(stamps)
    gaps = [later - earlier for earlier, later in itertools.pairwise(stamps)]
    assert max(gaps) == pytest.approx(3600e9, abs=5e9)
    assert sorted(gaps)[-2] < 60e9


@pytest.mark.parametrize("duration", [dt.timedelta(0), -HOUR])
def test_the_clock_goes_forward_only(duration: dt.timedelta, moving: Guest) -> None:
    before = moving.lab.clock.now

    with pytest.raises(ConfigError, match="can only go forward"):
        moving.lab.clock.advance(duration)
    with pytest.raises(InfrastructureError, match="can only go forward"):
        moving.lab.run.request(op="advance", nanoseconds=-1)

    assert abs((moving.lab.clock.now - before) / SECOND) < NEAR


def test_two_guests_do_not_share_a_clock(moving: Guest, new_lab: Callable[..., EmbeddedLab]) -> None:
    lab = new_lab(worker=1)
    lab.up()
    assert not lab.clock.moved

    moving.lab.clock.advance(HOUR)

    assert moving.lab.clock.moved
    assert not lab.clock.moved
    assert abs((lab.clock.now - dt.datetime.now(dt.UTC)) / SECOND) < NEAR
    assert moving.lab.clock.now - lab.clock.now > HOUR


def test_a_lab_whose_clock_was_moved_is_replaced_once(base: Path, tmp_path: Path) -> None:
    session = LabSession.open("embedded", load_topology(), folder=tmp_path, fresh=True, worker=0, progress=lambda _: None)
    try:
        assert isinstance(session.lab, EmbeddedLab)
        first = session.lab.run.folder
        assert not session.replace_if_spent()
        session.clock.advance(HOUR)

        assert session.replace_if_spent()

        assert session.lab.run.folder != first
        assert not first.exists()
        assert not session.lab.clock.moved
        assert abs(float(session.probe("client").run("date +%s.%N")[1]) - time.time()) < NEAR
        assert not session.replace_if_spent()
    finally:
        session.close()


def test_a_joined_lab_is_refused_with_the_way_to_one_of_its_own(base: Path, tmp_path: Path, new_lab: Callable[..., EmbeddedLab]) -> None:
    running = new_lab(detached=True)
    running.up()
    session = LabSession.open("embedded", load_topology(), folder=tmp_path, fresh=False, worker=0, progress=lambda _: None)
    try:
        assert session.lab.joined
        with pytest.raises(UnsupportedHere, match="--fresh") as refusal:
            _ = session.clock
        assert refusal.value.hint == "pytest e2e --fresh"
        assert not running.clock.moved
    finally:
        session.close()
