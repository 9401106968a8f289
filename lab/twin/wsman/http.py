"""HTTP: the /wsman resource on 5985 (encrypted messages only) and 5986 (TLS)."""

from __future__ import annotations

import weakref

from aiohttp import web
from multidict import CIMultiDict

from lab.twin.wsman.authentication import Authenticator, Connection
from lab.twin.wsman.service import Service

SOAP = "application/soap+xml;charset=UTF-8"
LARGEST_BODY = 4 << 20


def application(service: Service, authenticator: Authenticator, *, tls: bool) -> web.Application:
    """Return the web application of one listener."""
    connections: weakref.WeakKeyDictionary[object, Connection] = weakref.WeakKeyDictionary()

    async def wsman(request: web.Request) -> web.Response:
        assert request.transport is not None
        connection = connections.setdefault(request.transport, Connection())
        body = await request.read()
        offered = connection.step(request.headers.get("Authorization"), authenticator, tls=tls)
        headers: CIMultiDict[str] = CIMultiDict([("Server", "Microsoft-HTTPAPI/2.0"), *[("WWW-Authenticate", one) for one in offered]])
        if not connection.user:
            return web.Response(status=401, headers=headers)
        if not body:  # the handshake of a client that will encrypt its messages
            return web.Response(status=200, headers=headers)
        encrypted = request.headers.get("Content-Type", "").startswith("multipart/")
        if encrypted:
            body = connection.unwrap(body)
        elif not tls:  # AllowUnencrypted is false
            return web.Response(status=500, headers=headers)
        peer = request.transport.get_extra_info("peername") or ("",)
        status, answer = await service.handle(body, connection.user, str(peer[0]))
        kind, answer = connection.wrap(answer) if encrypted and answer else (SOAP, answer)
        headers["Content-Type"] = kind
        return web.Response(status=status, body=answer, headers=headers)

    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_post("/wsman", wsman)
    app.router.add_post("/wsman/", wsman)
    return app
