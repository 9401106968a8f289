"""Measures speed and memory of the embedded lab; prints a table and writes build/bench.json (name -> {value, unit}).

    make bench                          all of it, about five minutes
    .venv/bin/python ci/bench.py boot   one subject of: boot scenario l2tp eap verdict memory image

Nothing is asserted: what a machine that does other work measures says little. Targets and figures are in docs/bench.md.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fixtures.eap import Ikev2EapPath
from fixtures.ikev2 import Ikev2Path
from fixtures.l2tp import L2tpPath
from fixtures.planes import must_carry
from fixtures.roles import SCRIPTS, Client, LanHost, Server, check_residue
from fixtures.session import LabSession
from lab.backends.embedded import EmbeddedLab
from lab.embedded.image.cache import VARIABLE as CACHE
from lab.embedded.image.cache import ensure_image
from lab.probe.probe import Probe
from lab.server import view
from lab.server.session import WindowsSession
from lab.topology import load_topology

ROOT = Path(__file__).parents[1]
KCMP, KCMP_VM = 312, 1
AnyPath = Ikev2Path | Ikev2EapPath | L2tpPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure."""

    name: str
    value: float
    unit: str
    target: str = ""


def boot(folder: Path, *, times: int = 10) -> list[Figure]:
    """From nothing to SSH logins on all Linux hosts and a script over WinRM, all answered."""

    def once() -> float:
        topology = load_topology()
        began = time.monotonic()
        lab = EmbeddedLab(topology, log_folder=folder)
        hosts = lab.up()
        try:
            with ThreadPoolExecutor() as pool:
                opened = [pool.submit(Probe.open, hosts[name]) for name in ("client", "lan", "observer")]
                endpoint = hosts[topology.server.name].winrm
                assert endpoint is not None
                with WindowsSession(endpoint) as windows:
                    view.read(windows, SCRIPTS)
                probes = [one.result() for one in opened]
            took = time.monotonic() - began
            for probe in probes:
                probe.close()
        finally:
            lab.down()
        return took

    return spread("boot", [once() for _ in range(times)], "<= 4")


def scenario(folder: Path, *, times: int = 200) -> list[Figure]:
    """Provision over WinRM, connect, check on three planes, capture, disconnect, revert, compare: a whole positive test."""
    seconds = scenarios(folder, lambda session: Ikev2Path(topology=session.topology, pki=session.pki), times)
    return [*spread("scenario", seconds[3:], "<= 0.8, none > 3"), Figure(name="scenario.first", value=round(seconds[0], 3), unit="s")]


def l2tp(folder: Path, *, times: int = 50) -> list[Figure]:
    """Return the same for L2TP over IPsec with a shared secret."""
    return spread("l2tp", scenarios(folder, lambda session: L2tpPath(topology=session.topology), times)[3:], "<= 1.5")


def eap(folder: Path, *, times: int = 20) -> list[Figure]:
    """Return the same for IKEv2 with EAP-MSCHAPv2: the program is compiled once, in the first, and started in each."""
    seconds = scenarios(folder, lambda session: Ikev2EapPath(topology=session.topology, pki=session.pki), times)
    return [*spread("eap", seconds[3:], "<= 2"), Figure(name="eap.first", value=round(seconds[0], 3), unit="s")]


def scenarios(folder: Path, path_of: Callable[[LabSession], AnyPath], times: int) -> list[float]:
    """Return how long each whole positive test took, in seconds; the first three, with which a guest warms up, come in addition."""
    session = LabSession.open("embedded", load_topology(), folder=folder, fresh=True, worker=0, progress=lambda _: None)
    path, seconds = path_of(session), []
    try:
        for number in range(times + 3):
            began = time.monotonic()
            one_scenario(session, path, folder / f"{number}")
            seconds.append(time.monotonic() - began)
    finally:
        session.close()
    return seconds


def one_scenario(session: LabSession, path: AnyPath, folder: Path) -> None:
    """Do what a positive test does with its fixtures."""
    recorder = session.recorder(folder)
    server = Server(session.topology.server, session.windows, evidence=folder / "steps.json", journal=None, left_out=frozenset())
    recorder.follow_client("client", session.probe("client"))
    client = Client(session.topology.host("client"), session.probe("client"), session.pki)
    lan = LanHost(session.topology.host("lan"), session.probe("lan"), "lan")
    try:
        server.provision(path.steps())
        must_carry(client.connect(path.profile()), client, server, lan, recorder.wire)
    finally:
        lan.close()
        client.close()
        server.revert()
        check_residue([server, client, lan])
        recorder.close()


def verdict(folder: Path, *, times: int = 5) -> list[Figure]:
    """From the start of `pytest e2e -k ikev2` to its first verdict."""

    def once() -> float:
        command = [sys.executable, "-u", "-m", "pytest", "e2e", "-k", "ikev2", "--fresh", "-v", f"--evidence={folder}/evidence"]
        began = time.monotonic()
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
            assert run.stdout is not None
            for line in run.stdout:
                if " PASSED" in line or " FAILED" in line:
                    took = time.monotonic() - began
                    run.send_signal(signal.SIGINT)
                    run.stdout.read()
                    return took
        raise RuntimeError("pytest ended without a verdict")

    return spread("first_verdict", [once() for _ in range(times)], "<= 8")


def memory(folder: Path) -> list[Figure]:
    """PSS of every process of a guest after one scenario, each address space counted once."""
    topology = load_topology()
    session = LabSession.open("embedded", topology, folder=folder, fresh=True, worker=0, progress=lambda _: None)
    try:
        one_scenario(session, Ikev2Path(topology=topology, pki=session.pki), folder / "memory")
        supervisor = session.lab.run.process
        assert supervisor is not None
        total = sum(pss(pid) for pid in distinct([supervisor.pid, *descendants(supervisor.pid)]))
    finally:
        session.close()
    return [Figure(name="guest.pss", value=round(total / 1024, 1), unit="MB", target="<= 300")]


def descendants(pid: int) -> list[int]:
    """Return all processes below one."""
    children = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    return [one for child in children for one in (child, *descendants(child))]


def distinct(pids: list[int]) -> list[int]:
    """Return one process for each address space (kcmp)."""
    libc, kept = ctypes.CDLL(None, use_errno=True), []
    for pid in pids:
        if not any(libc.syscall(KCMP, pid, other, KCMP_VM, 0, 0) == 0 for other in kept):
            kept.append(pid)
    return kept


def pss(pid: int) -> int:
    """Return a process's proportional set size, KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def image(folder: Path) -> list[Figure]:
    """A first build, into an empty cache."""
    before = os.environ.get(CACHE)
    os.environ[CACHE] = str(folder / "cache")
    try:
        began = time.monotonic()
        built = ensure_image(lambda _: None)
        return [Figure(name="image.build", value=round(time.monotonic() - began, 1), unit="s", target="<= 120"),
                Figure(name="image.size", value=built.size >> 20, unit="MB")]
    finally:
        os.environ.pop(CACHE)
        if before is not None:
            os.environ[CACHE] = before


def spread(name: str, seconds: list[float], target: str) -> list[Figure]:
    """Return median, smallest and largest of several runs."""
    figures = (("median", statistics.median(seconds), target), ("min", min(seconds), ""), ("max", max(seconds), ""), ("runs", len(seconds), ""))
    return [Figure(name=f"{name}.{what}", value=round(value, 3), unit="" if what == "runs" else "s", target=goal) for what, value, goal in figures]


SUBJECTS: dict[str, Callable[[Path], list[Figure]]] = {
    "boot": boot, "scenario": scenario, "l2tp": l2tp, "eap": eap, "verdict": verdict, "memory": memory, "image": image}


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=" ".join(SUBJECTS))
    chosen = parser.parse_args().subjects or list(SUBJECTS)
    target = ROOT / "build" / "bench.json"
    known = json.loads(target.read_text()) if target.exists() else {}
    for subject in chosen:
        print(f"measuring {subject} …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            for figure in SUBJECTS[subject](Path(folder)):
                print(f"{figure.name:<24}{figure.value:>10} {figure.unit:<3} {figure.target and 'target ' + figure.target}", flush=True)
                known[figure.name] = {"value": figure.value, "unit": figure.unit}
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(known, indent=1))
    print(f"written to {target.relative_to(ROOT)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
