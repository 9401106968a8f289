"""EAP as a part of the service RemoteAccess: charon is told whom to ask, the front runs as long as the service does, refusals are logged.

Everything that only EAP needs is imported when a service with EAP starts.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lab.twin.rras.eap.unasked import Unasked
from lab.twin.rras.effective import VpnServer
from lab.twin.windows.eaphost import find_eaphost
from lab.twin.windows.machine import Machine
from lab.wire.vici import Vici

if TYPE_CHECKING:
    from lab.twin.rras.eap.activation import Launch, Process
    from lab.twin.rras.eap.conversations import Refused
    from lab.twin.rras.eap.front import FrontServer

CHARON = Path("/run/lab/charon-eap.conf")
"""Included by strongswan.server.conf."""
SERVER = """\
plugins {{
  eap-radius {{
    servers {{
      policy-engine {{
        address = {address}
        auth_port = {port}
        secret = {secret}
        sockets = {sockets}
      }}
    }}
  }}
}}
"""


class EapService:
    """The policy engine and the program, while RemoteAccess runs with EAP."""

    def __init__(self, machine: Machine, refused: Callable[[str], None]) -> None:
        """Nothing runs before `start`. `refused` is told why an attempt was refused, in a sentence."""
        self._machine, self._tell = machine, refused
        self._secret = b""
        self._front: FrontServer | None = None
        self._unasked: Unasked | None = None

    def start(self, server: VpnServer, vici: Vici, strangers: Sequence[bytes]) -> None:
        """Answer charon, if EAP is on.

        Args:
            server: the configuration.
            vici: charon's control.
            strangers: roots (PEM) that an inverted twin trusts.

        Raises:
            OSError, ViciRefused: it cannot.
        """
        if not server.serves_eap:
            return
        if not server.asks_identity:
            self._unasked = Unasked(lambda: self._tell_unless_inverted(server, f"A client was refused by EAP: {server.eap.missing}."))
            return
        from lab.twin.rras.eap.activation import Activation  # noqa: PLC0415 - what only EAP needs
        from lab.twin.rras.eap.conversations import Conversations  # noqa: PLC0415
        from lab.twin.rras.eap.front import Front, FrontServer  # noqa: PLC0415

        self._introduce(vici)
        found = _finder(self._machine, server, strangers)
        activation = Activation(found, self._started)
        conversations = Conversations(server.eap, activation, lambda: list(self._machine.accounts.by_name.values()),
                                      lambda one: self._tell_unless_inverted(server, sentence(one)),
                                      asks_permission="eap-admits-anybody" not in server.quirks)
        self._front = FrontServer(Front(self._secret, conversations), conversations, activation)

    def stop(self) -> None:
        """Answer no longer, and end the program. Idempotent."""
        if self._unasked is not None:
            self._unasked.stop()
            self._unasked = None
        if self._front is not None:
            self._front.stop()
            self._front = None

    def _introduce(self, vici: Vici) -> None:
        """Tell charon whom to ask, once in this process's life: the secret is made then."""
        from lab.twin.rras.eap.activation import write_private  # noqa: PLC0415 - as above
        from lab.twin.rras.eap.front import ADDRESS, PORT, SOCKETS  # noqa: PLC0415

        if not self._secret:
            secret = secrets.token_hex(16)
            text = SERVER.format(address=ADDRESS, port=PORT, secret=secret, sockets=SOCKETS)
            write_private(CHARON, text)
            vici.request("reload_settings")
            self._secret = secret.encode()

    def _started(self, process: Process) -> Callable[[], None]:
        known = self._machine.programs.started(process.launch.host.program, process.program.pid, process.program.kill)
        return lambda: self._machine.programs.gone(known)

    def _tell_unless_inverted(self, server: VpnServer, text: str) -> None:
        if "eap-refusals-unlogged" not in server.quirks:
            self._tell(text)


def sentence(one: Refused) -> str:
    """Return what the event log says of a refusal. The words are the twin's own; Windows' are not documented."""
    return f"{one.user or 'A user without a name'} ({one.client}) was refused by EAP. Reason code {int(one.refusal.reason)}: {one.refusal.text}."


def _finder(machine: Machine, server: VpnServer, strangers: Sequence[bytes]) -> Callable[[], Launch]:
    """Return what tells which program is to be started, with which papers, at a moment."""
    from cryptography import x509  # noqa: PLC0415 - as above

    from lab.twin.rras.eap.activation import LSA, Launch  # noqa: PLC0415
    from lab.twin.rras.eap.papers import accounts_file, own_certificate, papers  # noqa: PLC0415
    from lab.twin.windows.issuing import Wanted, self_signed  # noqa: PLC0415

    quirks = server.quirks
    more = [x509.load_pem_x509_certificate(one) for one in strangers] if "eap-trusts-strangers" in quirks else []
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stranger")])
    day = dt.timedelta(days=1)
    strange = self_signed(Wanted(subject=name, not_before=now - day, not_after=now + day, key_length=2048)) if "eap-shows-a-stranger" in quirks else None

    def found() -> Launch:
        host = server.eap.host if server.eap.host is not None and "eap-program-of-the-start" in quirks else find_eaphost(machine)
        users = accounts_file(machine.accounts.by_name.values(), disabled_too="eap-admits-anybody" in quirks) if host.passwords == LSA else None
        own = strange or own_certificate(machine.certificates.store("My"), host.certificate, dt.datetime.now(dt.UTC))
        roots = [*(one.certificate for one in machine.certificates.store("Root")), *more]
        return Launch(host=host, papers=papers(own, roots, users))

    return found
