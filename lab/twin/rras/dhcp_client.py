"""A DHCP client on one LAN: takes leases on behalf of others, and gives them back.

It asks as Windows' DHCP client does: a message and up to three retries, after 4, 8 and 16 seconds, each moved at random by up to one; after 32
more nobody is there (KB190552, of Windows NT 4.0; RFC 2131, 4.1). That Windows 10 keeps these times for RAS is inferred. Leases are not renewed.
"""

from __future__ import annotations

import contextlib
import random
import secrets
import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.twin.rras import dhcp_messages
from lab.twin.rras.dhcp_messages import ACK, NAK, OFFER, Answer, Asker
from lab.wire.packets import BROADCAST, ETH_P_IP

PATIENCE = (4.0, 8.0, 16.0, 32.0)
"""Seconds that each of the messages is given."""
SPREAD = 1.0
"""Seconds by which each of those is moved at random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """An address, who asked for it, and who gave it."""

    asker: Asker
    given: Answer


class LanSockets:
    """A client's way to the LAN of one adapter, and back."""

    def __init__(self, interface: str) -> None:
        """Open them. Raises OSError: there is no such adapter, or the port is taken."""
        self._interface = interface
        self._out = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)  # receives nothing
        self.incoming = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for option in (socket.SO_REUSEADDR, socket.SO_BROADCAST):
            self.incoming.setsockopt(socket.SOL_SOCKET, option, 1)
        self.incoming.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        self.incoming.bind(("0.0.0.0", dhcp_messages.CLIENT_PORT))

    def broadcast(self, message: bytes) -> None:
        """Send to everybody, from an address that is none. Raises OSError: there is no carrier."""
        self._out.sendto(dhcp_messages.broadcast_packet(message), (self._interface, ETH_P_IP, 0, 0, BROADCAST))

    def send(self, message: bytes, server: IPv4Address) -> None:
        """Send to one server, from the machine's own address. Raises OSError: it is out of reach."""
        self.incoming.sendto(message, (str(server), dhcp_messages.SERVER_PORT))

    def close(self) -> None:
        """Close them."""
        self._out.close()
        self.incoming.close()


class DhcpClient:
    """Asks on one LAN, for one lease at a time. `stop` may be called from another thread, everything else from one."""

    def __init__(self, lan: LanSockets, mac: str, name: str, *, patience: Sequence[float] = PATIENCE) -> None:
        """Take the way to the LAN; `close` closes it.

        Args:
            lan: it.
            mac: MAC address of the adapter.
            name: the machine's, which goes with every lease.
            patience: seconds that each message of an exchange is given.
        """
        self._lan, self._mac, self._name, self._patience = lan, bytes.fromhex(mac.replace(":", "")), name, patience
        self._woken, self._wake = socket.socketpair()
        self.stopped = False

    def stop(self) -> None:
        """Wait for no answer any longer."""
        self.stopped = True
        self._wake.send(b"x")

    def close(self) -> None:
        """Close its sockets."""
        self._lan.close()
        for one in (self._woken, self._wake):
            one.close()

    def lease(self, number: int, mark: bytes = dhcp_messages.MARK) -> Lease | None:
        """Return a lease; None: nobody has one to give, or it was stopped."""
        asker = Asker(mac=self._mac, identifier=dhcp_messages.identifier(self._mac, number, mark), name=self._name)
        transaction = secrets.randbits(32)
        offer = self._exchange(dhcp_messages.discover(asker, transaction), transaction, lambda answer: answer.kind == OFFER)
        if offer is None:
            return None
        given = self._exchange(dhcp_messages.request(asker, transaction, offer), transaction,
                               lambda answer: answer.kind in (ACK, NAK) and answer.server == offer.server)
        return Lease(asker=asker, given=given) if given is not None and given.kind == ACK else None

    def release(self, lease: Lease) -> None:
        """Give a lease back; nobody answers that."""
        message = dhcp_messages.release(lease.asker, secrets.randbits(32), lease.given)
        with contextlib.suppress(OSError):  # its server is out of reach: the lease ends by itself
            self._lan.send(message, lease.given.server)

    def _exchange(self, message: bytes, transaction: int, wanted: Callable[[Answer], bool]) -> Answer | None:
        for seconds in self._patience:
            with contextlib.suppress(OSError):  # no carrier: the same as a packet that is lost
                self._lan.broadcast(message)
            answer = self._await(transaction, wanted, time.monotonic() + seconds + random.uniform(-SPREAD, SPREAD))
            if answer is not None or self.stopped:
                return answer
        return None

    def _await(self, transaction: int, wanted: Callable[[Answer], bool], limit: float) -> Answer | None:
        while not self.stopped and (left := limit - time.monotonic()) > 0:
            if self._lan.incoming in select.select([self._lan.incoming, self._woken], [], [], left)[0]:
                answer = dhcp_messages.read(self._lan.incoming.recv(1 << 16), transaction)
                if answer is not None and wanted(answer):
                    return answer
        return None
