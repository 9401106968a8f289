"""The twin as a program: WinRM on two ports, RRAS behind it, a control socket beside it.

Configuration: /run/lab/private/twin.json (or the argument): user, password, computer_name, address, ports {http, https}, tls_cert,
tls_key, invert. `without_rras` serves WinRM alone, for tests on a machine without charon. `nics` says whether the machine's Ethernet
interfaces are the twin's adapters (by default they are, except without RRAS), `sets_clock` whether Set-Date sets the machine's clock (by
default it does not: only a machine that the twin has for itself may say so).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from lab.twin import commands  # noqa: F401 - registers cmdlets and programs
from lab.twin.control import ControlSocket
from lab.twin.powershell.engine import Engine
from lab.twin.windows.clock import Clock, MachineClock
from lab.twin.windows.csharp import CSharp
from lab.twin.windows.machine import Machine
from lab.twin.windows.network import Network, Nics
from lab.twin.windows.sockets import serve_endpoint_mapper
from lab.twin.wsman.authentication import Authenticator, write_users
from lab.twin.wsman.http import application
from lab.twin.wsman.service import Service

if TYPE_CHECKING:
    from lab.twin.rras.engine import RrasEngine

CONFIGURATION = Path("/run/lab/private/twin.json")
READY = Path("/run/lab/twin.ready")
CONTROL = Path("/run/lab/twin.sock")


async def serve(configuration: dict[str, object], *, folder: Path, nics: Nics | None = None, clock: Clock | None = None) -> None:
    """Serve until cancelled.

    Args:
        configuration: see the top of this module.
        folder: gets the users file, the control socket and the ready file.
        nics: instead of the machine's own interfaces.
        clock: instead of the machine's own clock.
    """
    machine = Machine.stock(str(configuration["computer_name"]))
    machine.boot_time = dt.datetime.now(dt.UTC).isoformat()
    machine.network = Network(nics or _nics(configuration))
    machine.clock = clock or (MachineClock() if configuration.get("sets_clock") else None)
    machine.csharp = CSharp(folder / "eaphost")
    engine = None
    if not configuration.get("without_rras"):
        engine = _with_rras(machine)
        await serve_endpoint_mapper()
    users = {str(configuration["user"]): str(configuration["password"])}
    write_users(folder / "ntlm.users", users, machine.computer_name)
    answering, authenticator = Service(Engine(machine), machine.computer_name), Authenticator(users)
    ports, address = configuration["ports"], str(configuration["address"])
    assert isinstance(ports, dict)
    for name, tls in (("http", None), ("https", _tls(configuration))):
        if name in ports:
            runner = web.AppRunner(application(answering, authenticator, tls=tls is not None), access_log=None)
            await runner.setup()
            await web.TCPSite(runner, address, int(ports[name]), ssl_context=tls).start()
    control = ControlSocket(machine, engine)
    await asyncio.start_unix_server(control.serve, str(folder / CONTROL.name))
    (folder / READY.name).touch()
    await asyncio.Event().wait()


def _with_rras(machine: Machine) -> RrasEngine:
    """Put the real programs behind the services."""
    from lab.twin.rras.engine import RrasEngine  # noqa: PLC0415 - needs charon
    from lab.twin.rras.keying import KeyingService  # noqa: PLC0415 - the same

    engine = RrasEngine(machine)
    for name, controller in (("RemoteAccess", engine), ("IKEEXT", KeyingService(engine))):
        service = machine.services.find(name)
        assert service is not None
        service.controller = controller
    return engine


def _nics(configuration: dict[str, object]) -> Nics | None:
    if not configuration.get("nics", not configuration.get("without_rras")):
        return None
    from lab.twin.rras.nics import KernelNics  # noqa: PLC0415 - changes the machine as soon as it is made

    return KernelNics()


def _tls(configuration: dict[str, object]) -> ssl.SSLContext | None:
    if "tls_cert" not in configuration:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(configuration["tls_cert"]), str(configuration["tls_key"]))
    return context


def main() -> None:
    """Run with the configuration named on the command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else CONFIGURATION
    configuration = json.loads(path.read_text())
    folder = Path(configuration.get("folder", READY.parent))
    asyncio.run(serve(configuration, folder=folder))


if __name__ == "__main__":
    main()
