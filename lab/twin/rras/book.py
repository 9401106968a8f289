"""The book of inner addresses: one for all tunnel types, as RRAS has one pool for all of its ports.

charon and pppd give addresses to clients, and neither knows of the other. So the book lies where charon itself looks: each address is a pool
of one address (vici: load-pool). IKEv2 takes an address by charon's own doing; who asks here gets one whose pool charon lets go (unload-pool
fails while an IKEv2 client has it). Whichever comes first has it, and nobody has it twice.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address

from lab.wire.vici import Vici, ViciRefused


class AddressBook:
    """Inner addresses for clients, in the order in which they are given. Thread-safe."""

    def __init__(self) -> None:
        self._vici = Vici()
        self._lock = threading.Lock()
        self._addresses: list[IPv4Address] = []
        self._lent: set[IPv4Address] = set()
        """Those that L2TP clients have: charon does not know of them."""
        self._attributes: Mapping[str, Sequence[str]] = {}
        self._apart = False

    def attach(self) -> None:
        """Speak to a charon that was started anew. Raises OSError."""
        with self._lock:
            self._vici = Vici()

    @property
    def pools(self) -> list[str]:
        """Names of charon's pools, for its connection."""
        with self._lock:
            return [pool_name(one) for one in self._addresses]

    def open(self, *, attributes: Mapping[str, Sequence[str]] | None = None, apart: bool = False) -> None:
        """Begin with no address.

        Args:
            attributes: what IKEv2 clients are told beside their address, as charon's pools have it.
            apart: lend addresses whether IKEv2 clients have them or not (inverted twins only).
        """
        with self._lock:
            self._attributes, self._apart = attributes or {}, apart

    def add(self, addresses: Iterable[IPv4Address]) -> None:
        """Enter addresses. Raises ViciRefused."""
        with self._lock:
            for one in addresses:
                self._load(one)
                self._addresses.append(one)

    def lend(self) -> IPv4Address | None:
        """Return the first address that nobody has, which is then taken; None: there is none."""
        with self._lock:
            for one in self._addresses:
                if one not in self._lent and (self._apart or self._unload(one)):
                    self._lent.add(one)
                    return one
            return None

    def give_back(self, address: IPv4Address) -> None:
        """Make an address free that was lent. One that was not, or is of a book that was closed meanwhile, is none of ours."""
        with self._lock:
            if address in self._lent:
                self._lent.discard(address)
                self._load(address)

    def close(self) -> None:
        """Forget every address; charon's clients must have gone."""
        with self._lock:
            for one in self._addresses:
                self._unload(one)
            self._addresses.clear()
            self._lent.clear()

    def _load(self, address: IPv4Address) -> None:
        self._vici.request("load_pool", pool_message(address, self._attributes))

    def _unload(self, address: IPv4Address) -> bool:
        with contextlib.suppress(ViciRefused):  # an IKEv2 client has it, or it is not there
            self._vici.request("unload_pool", {"name": pool_name(address)})
            return True
        return False


def pool_name(address: IPv4Address) -> str:
    """Return what charon's pool for an address is called."""
    return f"ras-{address}"


def pool_message(address: IPv4Address, attributes: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Return charon's pool for an address."""
    return {pool_name(address): {"addrs": f"{address}-{address}", **{name: list(values) for name, values in attributes.items()}}}
