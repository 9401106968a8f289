"""charon's connections for IKEv2 clients: loaded when the service starts, and again only where they have changed.

An update takes the child from an IKE_AUTH under way, which gets TS_UNACCEPTABLE.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from lab.twin.rras import l2tp_config, messages
from lab.twin.rras.effective import VpnServer
from lab.wire.vici import Vici, ViciRefused


class IncomingConnections:
    """Them, as charon has them."""

    def __init__(self, vici: Vici) -> None:
        self._vici = vici
        self._loaded: dict[str, dict[str, object]] = {}
        """By name."""

    def offer(self, server: VpnServer, pools: Sequence[str], *, full: bool = False) -> None:
        """Have charon accept clients; arguments as `messages.connection_message`. Raises ViciRefused."""
        for name, message in messages.client_messages(server, pools, full=full).items():
            if self._loaded.get(name) != message:
                self._vici.request("load_conn", message)
                self._loaded[name] = message

    def offer_by_secret(self, server: VpnServer, pools: Sequence[str]) -> None:
        """Accept the secret of the dummy rule too, as inverted twins do. Raises ViciRefused."""
        if "ikev2-takes-secrets" in server.quirks and server.rule_secret is not None:
            self._vici.request("load_shared", l2tp_config.secret_message(server.rule_secret))
            self._vici.request("load_conn", messages.by_secret_message(server, pools))

    def withdraw(self) -> None:
        """Accept nobody. Idempotent."""
        for name in (*messages.CLIENTS, messages.BY_SECRET):
            with contextlib.suppress(ViciRefused):  # nothing was loaded
                self._vici.request("unload_conn", {"name": name})
        self._loaded.clear()
