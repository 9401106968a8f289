"""Inner addresses while RemoteAccess runs: where they come from, which one is the server's own, and who gives them out.

From a static pool they are there at once; from DHCP they come later, and until then no client gets any. All methods but those of other
threads are called with the engine's lock held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from ipaddress import IPv4Address

from lab.twin.rras import l2tp_config, messages
from lab.twin.rras.book import AddressBook
from lab.twin.rras.dhcp_client import DhcpClient, LanSockets
from lab.twin.rras.effective import Addresses, VpnServer
from lab.twin.rras.kernel import LAN, Kernel
from lab.twin.rras.leases import Dhcp, Leases
from lab.twin.rras.ppp_addresses import PppAddresses


class Addressing:
    """The inner addresses of one server."""

    def __init__(
        self, kernel: Kernel, name: str, lock: threading.RLock, *, changed: Callable[[bool], None], nobody: Callable[[IPv4Address], None],
        none_left: Callable[[], None],
    ) -> None:
        """Nothing is given before `open`.

        Args:
            kernel: the host's network, which gets the server's own address.
            name: the machine's, for DHCP.
            lock: the engine's.
            changed: told, with the lock held, that addresses came from DHCP; whether the server's own is among them.
            nobody: told, with the lock held, that no DHCP server has answered, and which address the server takes.
            none_left: told, without the lock, that pppd has asked in vain.
        """
        self._kernel, self._name, self._lock, self._changed, self._nobody, self._none_left = kernel, name, lock, changed, nobody, none_left
        self._book = AddressBook()
        self._ppp = PppAddresses(l2tp_config.ADDRESSES, self._lend, self._book.give_back)
        self._leases: Leases | None = None
        """Of this run, or of an earlier one that may still be releasing."""
        self._source: Addresses | Dhcp | None = None
        self.own: IPv4Address | None = None
        """The server's own inner address; None: it has none yet."""

    @property
    def pools(self) -> list[str]:
        """Names of charon's pools for its connection; none: a client gets no address."""
        return self._book.pools

    def attach(self) -> None:
        """Speak to a charon that was started anew, and has no pools. Raises OSError."""
        self._book.attach()

    def open(self, server: VpnServer) -> None:
        """Begin to have addresses. Raises OSError, ViciRefused."""
        self._book.open(attributes=messages.pool_attributes(server), apart="pools-apart" in server.quirks)
        self._source = server.addresses
        if isinstance(server.addresses, Addresses):
            self._take(server.addresses.own)
            self._book.add(server.addresses.clients(server.most_clients))
        elif server.addresses is not None:
            self._leases = Leases(server.addresses, self._client, self._came, self._nobody_there, after=self._leases)

    def serve_ppp(self) -> None:
        """Answer pppd. Raises OSError."""
        self._ppp.start()

    def released_by_ppp(self, address: IPv4Address) -> None:
        """A PPP connection is gone; its pppd may live for a moment more. Without the lock."""
        self._ppp.release(address)

    def close(self) -> None:
        """Have no addresses any longer; those from DHCP are released."""
        self._source, self.own = None, None
        if self._leases is not None:
            self._leases.stop()
        self._ppp.stop()
        self._book.close()

    def _take(self, own: IPv4Address) -> None:
        self._kernel.take_own(own)
        self.own = own

    # -- in other threads ---------------------------------------------------------------------------------------------------

    def _lend(self) -> IPv4Address | None:
        address = self._book.lend()
        if address is None:
            self._none_left()
        return address

    def _client(self) -> DhcpClient:
        source = self._source
        patience = source.patience if isinstance(source, Dhcp) else ()
        return DhcpClient(LanSockets(LAN), self._kernel.mac_of(LAN), self._name, patience=patience)

    def _came(self, leases: Leases, address: IPv4Address) -> None:
        with self._lock:
            if leases is not self._leases or not isinstance(self._source, Dhcp):
                return  # the service has stopped meanwhile
            is_own = self.own is None
            if is_own:
                self._take(address)
            if not is_own or not self._source.takes_first:
                self._book.add([address])
            self._changed(is_own)

    def _nobody_there(self, leases: Leases, own: IPv4Address) -> None:
        with self._lock:
            if leases is self._leases and self._source is not None:
                self._nobody(own)
