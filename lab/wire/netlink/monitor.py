"""Word from the kernel that a link has changed (rtnetlink's multicast group for links)."""

from __future__ import annotations

import contextlib
import socket

from lab.wire.netlink.message import NETLINK_ROUTE

RTMGRP_LINK = 1


class LinkMonitor:
    """A socket that becomes readable when a link of this network namespace appears, changes or goes. What became of it is to be looked
    up: a message may be older than what is known already."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_ROUTE)
        self._socket.bind((0, RTMGRP_LINK))

    def fileno(self) -> int:
        """Return its descriptor, for select."""
        return self._socket.fileno()

    def take(self) -> None:
        """Take what there is, so that it is readable again only after the next change; waits if there is nothing yet."""
        with contextlib.suppress(OSError):  # ENOBUFS: more has changed than was kept, which says the same
            self._socket.recv(1 << 18)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
