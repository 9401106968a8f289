"""xl2tpd and its pppds as a part of the service RemoteAccess: started with it, ended with it, followed in between.

A connection is there when pppd's hook tells it (interface, address, user: one line through a pipe), and gone when its interface is down
or removed, whatever ended it. pppd would stay a second longer with its address: after its peer's good-bye it waits out its restart timer,
which counts whole seconds. It is ended once it has had time to answer.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

from lab.twin.rras import l2tp_config
from lab.twin.rras.l2tp_config import L2tp, Session
from lab.wire.netlink import Netlink, links
from lab.wire.netlink.monitor import LinkMonitor
from lab.wire.processes import children_of, end, wait_for

log = logging.getLogger(__name__)

PROGRAM = "/usr/sbin/xl2tpd"
LOG = Path("/run/lab/log/xl2tpd.log")
PATIENCE = 2.0
"""Seconds that xl2tpd gets to tell its clients that it ends."""
FAREWELL = 0.05
"""Seconds that pppd gets to send its Terminate-Ack: ten times what it takes."""
Told = Callable[[Session], None]


class L2tpDaemons:
    """The daemons, and who is connected."""

    def __init__(self, came: Told, gone: Told) -> None:
        """Args are told of each connection, in a thread of this object's."""
        self._came, self._gone = came, gone
        self._process: subprocess.Popen[bytes] | None = None
        self._sessions: dict[str, Session] = {}
        """By interface."""
        self._following = False
        self._netlink = Netlink()

    def start(self, settings: L2tp, own: IPv4Address | None, outer: IPv4Address) -> None:
        """Serve.

        Args:
            settings: what with.
            own: the server's inner address; None: it has none yet.
            outer: where clients connect to.

        Raises:
            OSError: it cannot.
        """
        folder = Path(l2tp_config.RUN)
        folder.mkdir(mode=0o700, exist_ok=True)
        _write(folder / "xl2tpd.conf", l2tp_config.xl2tpd(outer, settings.endpoints))
        self.know_address(settings, own)
        _write(Path(l2tp_config.UP), l2tp_config.HOOK, mode=0o700)
        self.know_users(settings)
        self._follow_events()
        command = [PROGRAM, "-D", "-c", str(folder / "xl2tpd.conf"), "-p", str(folder / "pid"), "-C", str(folder / "control")]
        with LOG.open("ab") as record:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=record, stderr=record)

    def know_address(self, settings: L2tp, own: IPv4Address | None) -> None:
        """Have this inner address of the server's from now on; every pppd looks when it starts."""
        _write(Path(l2tp_config.RUN) / "options", l2tp_config.ppp_options(settings, own))

    def know_users(self, settings: L2tp) -> None:
        """Let the users of these settings in from now on, and no others; every pppd looks when its client comes."""
        _write(Path(l2tp_config.REFUSED), l2tp_config.refused(settings))
        _write(Path(l2tp_config.SECRETS), l2tp_config.chap_secrets(settings))

    def stop(self) -> None:
        """End every connection and the daemons; return when they are gone. Idempotent."""
        if self._process is None:
            return
        pppds = children_of(self._process.pid)
        end([self._process.pid], patience=PATIENCE)
        self._process.wait()
        self._process = None
        wait_for(pppds, signal.SIGKILL, PATIENCE)  # xl2tpd has ended them; what is left has nobody to talk to
        self._sessions.clear()
        for name in ("xl2tpd.conf", "options", "pid", "control", "refused"):
            (Path(l2tp_config.RUN) / name).unlink(missing_ok=True)
        Path(l2tp_config.UP).unlink(missing_ok=True)
        _write(Path(l2tp_config.SECRETS), "")

    # -- what happens meanwhile ----------------------------------------------------------------------------------------

    def _follow_events(self) -> None:
        if not self._following:
            with contextlib.suppress(FileExistsError):
                os.mkfifo(l2tp_config.EVENTS, 0o600)
            # Open both ways: a pipe with no writer would be at its end after the first line.
            pipe = os.open(l2tp_config.EVENTS, os.O_RDWR | os.O_CLOEXEC)
            threading.Thread(target=self._follow, args=(pipe, LinkMonitor()), name="PPP connections", daemon=True).start()
            self._following = True

    def _follow(self, pipe: int, monitor: LinkMonitor) -> None:
        while True:
            ready = select.select([pipe, monitor.fileno()], [], [])[0]
            try:
                if pipe in ready:
                    for line in os.read(pipe, 1 << 16).decode(errors="replace").splitlines():
                        self._take(l2tp_config.session_of(line))
                if monitor.fileno() in ready:
                    monitor.take()
                    for name in set(self._sessions) - self._interfaces_up():
                        session = self._sessions.pop(name)
                        self._gone(session)
                        end([session.pid], patience=FAREWELL)
            except (KeyError, OSError, ValueError):  # KeyError: the service stopped meanwhile
                log.exception("a PPP connection could not be followed")

    def _take(self, session: Session) -> None:
        if session.interface in self._interfaces_up():  # else it has gone before its line was read
            self._sessions[session.interface] = session
            self._came(session)

    def _interfaces_up(self) -> set[str]:
        return {str(link["name"]) for link in links.list_links(self._netlink) if link["up"]}


def _write(path: Path, text: str, mode: int = 0o600) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
