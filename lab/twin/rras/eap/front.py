"""The RADIUS server on loopback that charon asks (eap-radius): one thread, one request at a time, each answered once.

A request that comes again is answered as before (RFC 5080 2.2.2). What is malformed, not genuine, or belongs to no attempt is discarded.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
from collections import OrderedDict

from lab.twin.rras.eap.activation import Activation
from lab.twin.rras.eap.conversations import Conversations
from lab.twin.rras.eap.messages import Request, Unacceptable, read, write

log = logging.getLogger(__name__)

ADDRESS, PORT = "127.0.0.1", 1812
LARGEST = 4096
"""Octets of a packet (RFC 2865 3)."""
REMEMBERED = 64
"""Answers: charon has at most `SOCKETS` requests open."""
SOCKETS = 8
"""How many clients charon asks about at a time."""


class Front:
    """What it answers, without the socket."""

    def __init__(self, secret: bytes, conversations: Conversations) -> None:
        self._secret, self._conversations = secret, conversations
        self._answered: OrderedDict[tuple[object, int, bytes], bytes] = OrderedDict()

    def answer(self, data: bytes, sender: object) -> bytes | None:
        """Return the answer to a packet; None: it has none."""
        try:
            request = read(data, self._secret)
        except Unacceptable as error:
            log.info("RADIUS: %s", error)
            return None
        known = (sender, request.identifier, request.authenticator)
        if known not in self._answered:
            answer = self._decide(request)
            if answer is None:
                return None
            self._answered[known] = answer
            if len(self._answered) > REMEMBERED:
                self._answered.popitem(last=False)
        return self._answered[known]

    def _decide(self, request: Request) -> bytes | None:
        verdict = self._conversations.take(request.state, request.eap, request.client)
        if verdict is None:
            return None
        return write(request, verdict.code, self._secret, eap=verdict.eap, state=verdict.state, keys=verdict.keys, ignored=verdict.ignored)


class FrontServer:
    """The same as a thread with a socket."""

    def __init__(self, front: Front, conversations: Conversations, activation: Activation, *, port: int = PORT) -> None:
        """Serve on loopback; port 0 is any. Raises OSError."""
        self._front, self._conversations, self._activation = front, conversations, activation
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((ADDRESS, port))
        except OSError:
            self._socket.close()
            raise
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="RADIUS", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it serves."""
        return int(self._socket.getsockname()[1])

    def stop(self) -> None:
        """Serve no longer; conversations and processes are ended. Idempotent."""
        with contextlib.suppress(OSError):
            self._wake.send(b"x")
        self._thread.join()

    def _serve(self) -> None:
        with self._socket, self._wake, self._woken:
            while True:
                due = [one for one in (self._activation.patience, self._conversations.patience) if one is not None]
                ready = select.select([self._socket, self._woken], [], [], min(due, default=None))[0]
                if self._woken in ready:
                    break
                if self._socket in ready:
                    self._take()
                self._conversations.forget_abandoned()
                self._activation.rest()
            self._conversations.end()
            self._activation.stop()

    def _take(self) -> None:
        data, sender = self._socket.recvfrom(LARGEST)
        try:
            answer = self._front.answer(data, sender)
        except Exception:  # a request must not end the service
            log.exception("RADIUS: a request could not be answered")
            return
        if answer is not None:
            with contextlib.suppress(OSError):  # who asked has gone
                self._socket.sendto(answer, sender)
