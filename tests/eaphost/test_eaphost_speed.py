"""How fast the Linux face is: in processor time for the start, which a busy machine does not spoil, and as a median for a round trip."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from itertools import pairwise
from pathlib import Path

from eap_peer import EapPeer, MsChapV2Peer
from eaphost_papers import USERS
from eaphost_process import MSCHAPV2, Host, Session, converse

START_S, ROUND_TRIP_S = 0.15, 0.02


def test_it_starts_in_time(program: Path, options: tuple[str, ...]) -> None:
    process = subprocess.Popen(["mono", str(program), *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status

    assert status == 0
    assert usage.ru_utime + usage.ru_stime <= START_S


def test_a_round_trip_of_a_warm_one_is_short(host: Host) -> None:
    took: list[float] = []

    class Timed(EapPeer):
        def answer(self, request: bytes) -> bytes:
            took.append(time.perf_counter())
            return super().answer(request)

    for _ in range(5):
        assert converse(Session(host, MSCHAPV2), Timed("x", {MSCHAPV2: MsChapV2Peer("alice", USERS["alice"])})).result.success
    between = [after - before for before, after in pairwise(took)]

    assert statistics.median(between) <= ROUND_TRIP_S, "the peer's own time included"
