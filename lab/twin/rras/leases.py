"""Inner addresses from DHCP: a batch is leased when RemoteAccess starts, and released when it stops.

Source: technet.microsoft.com cc958904 (DHCP and Routing and Remote Access; Windows 2000), dd458962 (RRAS and DHCP; 2008 R2), KB216805: 10 leases
at a time, the first for the server; DHCPRELEASE at the stop; without a DHCP server addresses of 169.254/16, chosen at random; where a server has
given some and then no more, clients get no others. That Windows 10 does the same is inferred, but for 169.254/16, which the article's author saw.
A further batch when one is used up is not imitated: a client edition has fewer ports.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.twin.rras import dhcp_messages
from lab.twin.rras.dhcp_client import PATIENCE, DhcpClient, Lease

log = logging.getLogger(__name__)

BATCH = 10
"""Leases at a time, where InitialAddressPoolSize says nothing."""
AUTONET = range(int(IPv4Address("169.254.1.0")), int(IPv4Address("169.254.255.0")))
"""The range without its first and last 256 addresses, which are reserved (RFC 3927, 2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dhcp:
    """Inner addresses are leased. The fields after the first are inverted in twins that do the opposite of Windows."""

    batch: int = BATCH
    """How many are leased."""
    patience: tuple[float, ...] = PATIENCE
    mark: bytes = dhcp_messages.MARK
    falls_back: bool = True
    """Whether there are addresses without a DHCP server."""
    releases: bool = True
    takes_first: bool = True
    """Whether the first address is the server's alone."""


class Leases:
    """The leases of one run of the service. A thread of its own asks for them and tells each that comes."""

    def __init__(
        self, settings: Dhcp, client: Callable[[], DhcpClient], came: Callable[[Leases, IPv4Address], None],
        nobody: Callable[[Leases, IPv4Address], None], *, after: Leases | None = None,
    ) -> None:
        """Begin to ask.

        Args:
            settings: how many, and how.
            client: makes the client, in the thread.
            came: told each address, the server's own first; one of 169.254/16 too.
            nobody: told, before those, that no DHCP server has answered, and the server's own address of 169.254/16.
            after: of an earlier run: its leases are released before this one asks for the same.
        """
        self._settings, self._make, self._came, self._nobody, self._after = settings, client, came, nobody, after
        self._stopped = threading.Event()
        self._client: DhcpClient | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="DHCP leases", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask no longer and release every lease, in the thread: whoever stops may hold what the told ones need."""
        with self._lock:
            self._stopped.set()
            if self._client is not None:
                self._client.stop()

    def join(self) -> None:
        """Wait until every lease is released. Not for one who may hold what the told ones need."""
        self._thread.join()

    def _run(self) -> None:
        if self._after is not None:
            self._after.join()
            self._after = None
        try:
            client = self._make()
        except OSError:
            log.exception("no DHCP client")
            return
        with self._lock:
            self._client = client
            if self._stopped.is_set():
                client.stop()
        leases: list[Lease] = []
        try:
            self._ask(client, leases)
        except Exception:
            log.exception("a lease could not be used")
        self._stopped.wait()
        for lease in leases if self._settings.releases else []:
            client.release(lease)
        with self._lock:
            self._client = None
        client.close()

    def _ask(self, client: DhcpClient, leases: list[Lease]) -> None:
        for number in range(self._settings.batch):
            lease = client.lease(number, self._settings.mark)
            if lease is None:
                break
            leases.append(lease)
            self._came(self, lease.given.address)
        if not leases and self._settings.falls_back and not self._stopped.is_set():
            chosen = [IPv4Address(one) for one in random.sample(AUTONET, self._settings.batch)]
            self._nobody(self, chosen[0])
            for address in chosen:
                self._came(self, address)
