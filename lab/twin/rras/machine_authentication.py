"""How clients of L2TP prove who their machine is: what charon has loaded for main mode, changed while it runs.

Windows' rules are no settings of RemoteAccess: IKEEXT and PolicyAgent apply them, so a secret holds as soon as its rule is there, and no longer
than it is (inferred). A client that is connected stays so.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from lab.twin.rras import l2tp_config
from lab.twin.rras.l2tp_config import L2tp
from lab.wire.vici import Vici, ViciRefused


class MachineAuthentication:
    """What main mode accepts at this moment."""

    def __init__(self, vici: Vici) -> None:
        self._vici = vici
        self._settings: L2tp | None = None

    def offer(self, settings: L2tp) -> None:
        """Accept this from now on; of what is not offered main mode says NO_PROPOSAL_CHOSEN. Raises ViciRefused."""
        if settings.secret is not None:
            self._vici.request("load_shared", l2tp_config.secret_message(settings.secret))
            self._vici.request("load_conn", l2tp_config.connection_message(settings))
        else:
            self._unload(("unload_conn", "name", l2tp_config.CONNECTION), ("unload_shared", "id", l2tp_config.SECRET))
        if settings.certificates_allowed:
            self._vici.request("load_conn", l2tp_config.certificate_message(settings))
        self._settings = settings

    def _unload(self, *what: tuple[str, str, str]) -> None:
        for command, key, name in what:
            with contextlib.suppress(ViciRefused):  # nothing was loaded
                self._vici.request(command, {key: name})

    def client_gone(self) -> None:
        """Let the next secret hold, in an inverted twin that takes each in its turn."""
        settings = self._settings
        if settings is not None and settings.takes_turns and settings.secret is not None and settings.others:
            self.offer(replace(settings, secret=settings.others[0], others=(*settings.others[1:], settings.secret)))

    def withdraw(self) -> None:
        """Accept nobody. Idempotent."""
        self._unload(("unload_conn", "name", l2tp_config.CONNECTION), ("unload_shared", "id", l2tp_config.SECRET),
                     ("unload_conn", "name", l2tp_config.BY_CERTIFICATE))
        self._settings = None
