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
        """Accept this from now on. Raises ViciRefused."""
        if settings.secret is not None:
            self._vici.request("load_shared", l2tp_config.secret_message(settings.secret))
            self._vici.request("load_conn", l2tp_config.connection_message(settings))
        else:  # main mode has nothing to authenticate with: NO_PROPOSAL_CHOSEN
            self._unload()
        self._settings = settings

    def _unload(self) -> None:
        for command, message in (("unload_conn", {"name": l2tp_config.CONNECTION}), ("unload_shared", {"id": l2tp_config.SECRET})):
            with contextlib.suppress(ViciRefused):  # nothing was loaded
                self._vici.request(command, message)

    def client_gone(self) -> None:
        """Let the next secret hold, in an inverted twin that takes each in its turn."""
        settings = self._settings
        if settings is not None and settings.takes_turns and settings.secret is not None and settings.others:
            self.offer(replace(settings, secret=settings.others[0], others=(*settings.others[1:], settings.secret)))

    def withdraw(self) -> None:
        """Accept nobody. What is loaded is told apart from the rest only by charon's names, so it may be gone already."""
        self._unload()
        self._settings = None
