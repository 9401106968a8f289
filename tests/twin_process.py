"""A twin's WinRM endpoint on loopback, without charon, in a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from fake_nics import FakeClock, FakeNics

from lab.backends.base import WinRMEndpoint
from lab.embedded.runs import free_ports
from lab.pki import winrm_identity
from lab.secrets import Secret, write_private
from lab.twin.main import serve
from lab.waiting import Deadline, wait_until


@contextlib.contextmanager
def twin_in_this_process(folder: Path, *, nics: FakeNics | None = None, clock: FakeClock | None = None) -> Iterator[WinRMEndpoint]:
    """A twin that serves WinRM, in a thread of this process, on a machine with these interfaces and this clock."""
    identity = winrm_identity()
    certificate = write_private(folder / "tls.crt", identity.certificate_pem)
    key = write_private(folder / "tls.key", identity.private_key_pem)
    http, https = free_ports(2)
    password = Secret("pass-Word1")
    configuration: dict[str, object] = {
        "user": "labadmin", "password": password.reveal(), "computer_name": "WIN10VPN", "address": "127.0.0.1",
        "ports": {"http": http, "https": https}, "tls_cert": str(certificate), "tls_key": str(key), "without_rras": True,
    }
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    future = asyncio.run_coroutine_threadsafe(serve(configuration, folder=folder, nics=nics, clock=clock), loop)
    wait_until(lambda: (folder / "twin.ready").exists() or future.done(), Deadline(20), lambda: RuntimeError("the twin did not start"))
    if future.done():
        future.result()
    yield WinRMEndpoint(address="127.0.0.1", http_port=http, https_port=https, user="labadmin", password=password,
                        ca_file=write_private(folder / "ca.crt", identity.root_pem))
    future.cancel()
    asyncio.run_coroutine_threadsafe(_settle(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)


async def _settle() -> None:
    """End what still runs in the loop."""
    mine = asyncio.current_task()
    others = [task for task in asyncio.all_tasks() if task is not mine]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
