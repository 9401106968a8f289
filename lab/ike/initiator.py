"""The initiator that a caller drives: datagrams in, datagrams out, and what has become of the connection.

    initiator = Initiator(settings)
    send(initiator.start())
    while initiator.pending:
        send(initiator.receive(datagram))      # or initiator.repeat() when none came for a while
    initiator.connection                       # raises what went wrong

Afterwards `receive` answers the server's own requests, and `close` says good-bye.
"""

from __future__ import annotations

import os

from lab.ike import bodies
from lab.ike.channel import Channel, Request
from lab.ike.conversation import Established, Settings, converse
from lab.ike.errors import IkeError, Malformed, Refused
from lab.ike.keys import IkeKeys
from lab.ike.payloads import Exchange, Kind, Payload


class Initiator:
    """One IKE SA, from its first message to its last."""

    def __init__(self, settings: Settings) -> None:
        self._channel = Channel(spi_i=os.urandom(8))
        self._steps = converse(settings, self._channel)
        self._connection: Established | None = None
        self._failure: IkeError | None = None
        self.ended_by = ""
        """Which end has deleted the connection; "" while it is there."""

    @property
    def pending(self) -> bool:
        """Whether the connection is neither up nor refused."""
        return self._connection is None and self._failure is None

    @property
    def connection(self) -> Established:
        """The connection. Raises Refused or Malformed if there is none."""
        if self._connection is None:
            raise self._failure or Refused("nobody", "no answer from the server")
        return self._connection

    @property
    def keys(self) -> IkeKeys | None:
        """The secrets of the IKE SA, for whoever reads captures; None before there are any."""
        return self._channel.keys

    @property
    def spis(self) -> tuple[bytes, bytes]:
        """SPIs of the IKE SA, the client's and the server's."""
        return self._channel.spi_i, self._channel.spi_r

    def start(self) -> list[bytes]:
        """Return the first datagrams."""
        request = next(self._steps)
        return self._channel.request(request.exchange, request.payloads)

    def repeat(self) -> list[bytes]:
        """Return the datagrams of the request that has no answer yet."""
        return list(self._channel.sent)

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take a datagram from the server; return what is to be sent. One that is damaged or not the server's changes nothing."""
        try:
            if again := self._channel.repeated(datagram):
                return again
            taken = self._channel.take(datagram)
        except Malformed:  # whoever wrote it: the true answer may follow
            return []
        if taken is None:
            return []
        if isinstance(taken, Request):
            return self._serve(taken)
        return self._advance(taken) if self.pending else []

    def _advance(self, answer: list[Payload]) -> list[bytes]:
        try:
            request = self._steps.send(answer)
        except StopIteration as done:
            self._connection = done.value
            return []
        except IkeError as error:
            return self._fail(error)
        return self._channel.request(request.exchange, request.payloads)

    def _fail(self, error: IkeError) -> list[bytes]:
        """Remember it; a client that refuses an authenticated server tells it so (2.21.2)."""
        self._failure = error
        if (isinstance(error, Refused) and error.by == "server") or not self._channel.protected:
            return []
        return self._channel.request(Exchange.INFORMATIONAL, [bodies.notify(bodies.Notify.AUTHENTICATION_FAILED)])

    def _serve(self, request: Request) -> list[bytes]:
        """Answer a request of the server's: liveness and deletion; whatever else it wants is not had (NO_ADDITIONAL_SAS, 1.3)."""
        if request.exchange == Exchange.INFORMATIONAL:
            if any(payload.kind == Kind.DELETE and payload.body[:1] == bytes([bodies.PROTOCOL_IKE]) for payload in request.payloads):
                self.ended_by = "server"
            return self._channel.answer(request, [])
        return self._channel.answer(request, [bodies.notify(bodies.Notify.NO_ADDITIONAL_SAS)])

    def close(self) -> list[bytes]:
        """Return the datagrams that delete the connection."""
        self.ended_by = self.ended_by or "client"
        return self._channel.request(Exchange.INFORMATIONAL, [bodies.delete_ike()])

    @property
    def closed(self) -> bool:
        """Whether the server has answered the good-bye."""
        return bool(self.ended_by) and not self._channel.is_open
