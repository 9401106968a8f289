"""A FreeRADIUS of a test's own: its configuration (freeradius/radiusd.conf) in a folder of its own, on loopback, ended with the test.

Never as root, and with nothing of the machine's own FreeRADIUS: neither its files below /etc, nor its service.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eaphost_papers import USERS, Papers

from lab.errors import HostError, InfrastructureError
from lab.waiting import Deadline, wait_until

CONFIGURATION = Path(__file__).parent / "freeradius" / "radiusd.conf"
READY = "Ready to process requests"
START_S = 20.0
"""Half a second measured; a loaded CI machine has taken 10 times as long."""
LONGEST_NAME = 253
"""Octets: a RADIUS attribute's."""
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"


@dataclass(frozen=True, slots=True)
class RadiusEnd:
    """Where a RADIUS server listens on 127.0.0.1."""

    port: int
    secret: bytes


@contextlib.contextmanager
def freeradius(papers: Papers) -> Iterator[RadiusEnd]:
    """Run it with these certificates and the tests' users.

    Raises:
        HostError: it is not installed.
        InfrastructureError: it does not start.
    """
    program = shutil.which("freeradius", path=PATH)
    if program is None:
        raise HostError("there is no freeradius, which examines the EAP peers of lab/ike", hint="ci/install-packages tests")
    end = RadiusEnd(free_udp_port(), secrets.token_hex(8).encode())
    with tempfile.TemporaryDirectory(prefix="freeradius-") as name:
        folder = Path(name)
        _fill(folder, papers)
        account = _give_to_nobody(folder) if os.geteuid() == 0 else {}
        process = subprocess.Popen([program, "-f", "-l", folder / "log", "-d", folder, "-n", "radiusd"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, cwd=folder, env={"RADIUS_PORT": str(end.port), "RADIUS_SECRET": end.secret.decode()}, **account)
        try:
            wait_until(lambda: READY in _read(folder / "log") or process.poll() is not None, Deadline(START_S), lambda: _failure(folder))
            if process.poll() is not None:
                raise _failure(folder)
            yield end
        finally:
            process.terminate()
            process.wait(timeout=START_S)


def free_udp_port() -> int:
    """Return a UDP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _fill(folder: Path, papers: Papers) -> None:
    shutil.copyfile(CONFIGURATION, folder / "radiusd.conf")
    for file in ("server.pem", "server.key", "roots.pem"):
        shutil.copyfile(papers.folder / file, folder / file)
    users = {user: password for user, password in USERS.items() if password and len(user) <= LONGEST_NAME}
    (folder / "users").write_text("".join(f"'{user}' Cleartext-Password := '{password}'\n" for user, password in users.items()), encoding="utf-8")
    (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    for file in folder.iterdir():
        file.chmod(0o600)


def _give_to_nobody(folder: Path) -> dict[str, object]:
    """Return how to start a process that may do no more than read and write there."""
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, "nobody", "nogroup")
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}


def _read(log: Path) -> str:
    return log.read_text(errors="replace") if log.exists() else ""


def _failure(folder: Path) -> InfrastructureError:
    return InfrastructureError("freeradius does not start", evidence=_read(folder / "log"))
