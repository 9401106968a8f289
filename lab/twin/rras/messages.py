"""The effective configuration as messages of charon's control protocol. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives import serialization

from lab.twin.rras.effective import VpnServer
from lab.twin.rras.liveness import KILOBYTE
from lab.twin.rras.roots import as_authorities

CONNECTION, EAP_CONNECTION, CHILD = "incoming", "incoming-eap", "ras"
CLIENTS = (CONNECTION, EAP_CONNECTION)
"""Connections of IKEv2 clients; charon takes the one that fits how a client authenticates itself."""
BY_SECRET = "incoming-secret"
"""A connection that only inverted twins have."""
EVERYWHERE = "0.0.0.0/0"
NOBODY = "nobody"
"""A group in which nobody is."""


def certificate_messages(server: VpnServer) -> list[tuple[str, dict[str, object]]]:
    """Return what loads the server's certificate, key, roots and revocation lists."""
    pem = serialization.Encoding.PEM
    messages: list[tuple[str, dict[str, object]]] = []
    for root in server.roots:
        for taken in as_authorities(root) if server.takes_any_root else (root,):
            messages.append(("load_cert", {"type": "X509", "flag": "CA", "data": taken.public_bytes(pem)}))
    for one in server.revocation_lists if server.check_revocation else ():
        messages.append(("load_cert", {"type": "X509_CRL", "flag": "NONE", "data": one}))
    if server.certificate is not None and server.certificate.key is not None:
        key = server.certificate.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        messages.append(("load_cert", {"type": "X509", "flag": "NONE", "data": server.certificate.certificate.public_bytes(pem)}))
        messages.append(("load_key", {"type": "any", "data": key}))
    return messages


def pool_attributes(server: VpnServer) -> dict[str, list[str]]:
    """Return what a client is told beside its address: nothing."""
    return {"subnet": ["198.51.100.0/24"]} if "advertise-routes" in server.quirks else {}


def connection_message(server: VpnServer, pools: Sequence[str], *, full: bool = False) -> dict[str, object]:
    """Return the connection that charon accepts.

    Args:
        server: the configuration.
        pools: where inner addresses come from, by name; none: a client gets none.
        full: the limit of connections is reached; further ones find no address (inferred: Windows' own answer is not documented).
    """
    esp = list(server.policy.esp)
    if server.policy.pfs:  # the first child has no group of its own; a rekey must have this one
        esp = [f"{one}-{server.policy.pfs}" for one in esp]
    # %any: the server calls itself what the client asked for (or its certificate's subject), and the client judges the name.
    local: dict[str, object] = {"auth": "pubkey", "id": "%any"}
    if server.certificate is not None:
        local["certs"] = [server.certificate.certificate.public_bytes(serialization.Encoding.PEM)]
    remote: dict[str, object] = {"auth": "pubkey", "id": "%any"}
    if not server.certificates_allowed:
        remote |= {"groups": [NOBODY]}  # whoever comes, without AUTH too, is then refused with AUTHENTICATION_FAILED
    times = server.liveness
    child: dict[str, object] = {
        "local_ts": [EVERYWHERE], "esp_proposals": esp, "rekey_time": f"{times.lifetime or 0}s", "rand_time": "0s",
        "life_time": "0s",  # a rekey that is not answered ends the connection when it is given up, not at a time of its own
        "rekey_bytes": str((times.data_size or 0) * KILOBYTE), "rand_bytes": "0", "life_bytes": "0",
        "inactivity": f"{times.idle or 0}s",
    }
    message: dict[str, object] = {
        "version": "2", "proposals": list(server.policy.ike), "send_cert": "always", "send_certreq": "no", "unique": "never",
        "rekey_time": "0", "dpd_delay": "0", "mobike": "yes", "fragmentation": "yes" if server.fragmentation else "no", "local": local, "remote": remote,
        "children": {CHILD: child},
    }
    if "always-encapsulate" in server.quirks:
        message["encap"] = "yes"
    if pools and not full:
        message["pools"] = list(pools)
    return {CONNECTION: message}


def client_messages(server: VpnServer, pools: Sequence[str], *, full: bool = False) -> dict[str, dict[str, object]]:
    """Return every connection that clients with certificates or EAP find, by name; arguments as `connection_message`.

    A client without AUTH asks for EAP. Where there is no connection for it, the answer to the first IKE_AUTH is AUTHENTICATION_FAILED: EAP is
    off, or nothing carries its methods out (inferred).
    """
    message = connection_message(server, pools, full=full)
    if not server.asks_identity:
        return {CONNECTION: message}
    (content,) = message.values()
    assert isinstance(content, dict)
    by_eap = {**content, "remote": {"auth": "eap-radius", "id": "%any", "eap_id": "%any"}}
    return {CONNECTION: message, EAP_CONNECTION: {EAP_CONNECTION: by_eap}}


def by_secret_message(server: VpnServer, pools: Sequence[str]) -> dict[str, object]:
    """Return the same connection for clients with a shared secret (inverted twins only)."""
    (message,) = connection_message(server, pools).values()
    assert isinstance(message, dict)
    return {BY_SECRET: {**message, "local": {"auth": "psk", "id": "%any"}, "remote": {"auth": "psk", "id": "%any"}}}
