"""Dialling L2TP: xl2tpd and the pppd that it starts, until PPP is up or has failed; and hanging up."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import time

from lab.wire import packets
from lab.wire.inotify import IN_MODIFY, watch
from lab.wire.processes import children_of, end, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = "/usr/sbin/xl2tpd"
RUN, LOG = "/run/lab/l2tp", "/run/lab/log"
LOGS = (f"{LOG}/xl2tpd.log", f"{LOG}/pppd.log")
UP = re.compile(r"^remote IP address (\S+)", re.MULTILINE)
OWN = re.compile(r"^local  IP address (\S+)", re.MULTILINE)
INTERFACE = re.compile(r"^Using interface (\S+)", re.MULTILINE)
OVER = re.compile(r"^Connection terminated\.|^Modem hangup|Maximum retries exceeded|Connection closed to|Call disconnected", re.MULTILINE)
PATIENCE = 1.5
"""Seconds for pppd's and xl2tpd's words of farewell."""


def dial(files: Mapping[str, str], timeout: float) -> dict[str, object]:
    """Start xl2tpd and return when PPP is up or has failed, or after `timeout` seconds.

    Args:
        files: content of `xl2tpd.conf` and of pppd's `options`, by name; readable by root only, the password is in them.
        timeout: seconds.

    Returns:
        up: whether it is; interface, local, remote: of PPP, as far as it got; log: lines of both daemons.
    """
    os.makedirs(RUN, mode=0o700, exist_ok=True)
    for name, content in files.items():
        with open(os.open(f"{RUN}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(content)
    began = [_touch(path) for path in LOGS]
    events = [watch(path, IN_MODIFY) for path in LOGS]
    try:
        with open(LOGS[0], "ab") as record:
            command = [PROGRAM, "-D", "-c", f"{RUN}/xl2tpd.conf", "-p", f"{RUN}/pid", "-C", f"{RUN}/control"]
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=record, stderr=record, preexec_fn=_before_everybody)  # noqa: PLW1509
        return _outcome(events, began, time.monotonic() + timeout)
    finally:
        for descriptor in events:
            os.close(descriptor)


def _before_everybody() -> None:
    """In the child: a client's daemons run before the server's, so that they listen when its first packet comes."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def _touch(path: str) -> int:
    """Make sure that a log exists; return its size."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    return os.stat(path).st_size


def _outcome(events: list[int], began: list[int], limit: float) -> dict[str, object]:
    while True:
        text = "".join(_since(path, size) for path, size in zip(LOGS, began, strict=True))
        left = limit - time.monotonic()
        if is_decided(text) or left <= 0:
            return outcome(text)
        for descriptor in select.select(events, [], [], left)[0]:
            os.read(descriptor, 1 << 16)


def is_decided(text: str) -> bool:
    """Whether the lines of both daemons tell that PPP is up, or that nothing comes of it any more."""
    return bool(UP.search(text) or OVER.search(text))


def outcome(text: str) -> dict[str, object]:
    """Return what `dial` returns, from the lines of both daemons."""
    remote, own, interface = UP.search(text), OWN.search(text), INTERFACE.search(text)
    return {"up": bool(remote), "interface": interface[1] if interface else "", "local": own[1] if own else "",
            "remote": remote[1] if remote else "", "log": text.splitlines()}


def _since(path: str, size: int) -> str:
    with open(path, "rb") as file:
        file.seek(size)
        return file.read().decode(errors="replace")


def inform(interface: str, address: str) -> None:
    """Ask inside PPP for routes, as a Mac does that does not send all traffic there (DHCPINFORM). Nobody waits for an answer."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(packets.ETH_P_IP)) as raw:
        raw.sendto(packets.dhcp_inform(address, transaction=int.from_bytes(os.urandom(4), "big")), (interface, packets.ETH_P_IP))


def hang_up() -> None:
    """End PPP, then L2TP; return when both are gone. Idempotent."""
    try:
        with open(f"{RUN}/pid") as file:
            pid = int(file.read())
    except (FileNotFoundError, ValueError):
        return
    pppds = wait_for(children_of(pid), signal.SIGTERM, PATIENCE)  # pppd says good-bye to its peer
    wait_for(pppds, signal.SIGKILL, PATIENCE)
    end([pid], patience=PATIENCE)
    with contextlib.suppress(ChildProcessError):  # an earlier agent's
        os.waitpid(pid, 0)
    for name in ("pid", "control", "xl2tpd.conf", "options"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{RUN}/{name}")
