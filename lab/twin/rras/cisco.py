"""Cisco IPsec, as a server would serve it that has XAUTH: what Windows is not, and only an inverted twin is (ledger: cisco-xauth-refused).

Windows' responder knows main mode alone, and no XAUTH ([MS-IKEE] names neither aggressive mode nor XAUTH; article, introduction). Pure.
"""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization

from lab.twin.rras import messages
from lab.twin.rras.effective import Addresses, VpnServer
from lab.twin.rras.l2tp_config import L2tp

QUIRK = "serves-cisco"
POOL = "cisco"
CONNECTIONS = tuple(f"cisco-{authentication}-{exchange}" for authentication in ("psk", "pubkey") for exchange in ("main", "aggressive"))
TRANSFORMS = ("aes256-sha1-modp2048", "3des-sha1-modp1024")


def cisco_messages(server: VpnServer, settings: L2tp) -> list[tuple[str, dict[str, object]]]:
    """Return what makes charon serve every exchange with every machine authentication that the server has, and XAUTH after it."""
    made: list[tuple[str, dict[str, object]]] = list(messages.certificate_messages(server))
    made += [("load_shared", {"type": "XAUTH", "data": password, "owners": [name]}) for name, password in settings.users.items()
             if name not in settings.refusals]
    if isinstance(server.addresses, Addresses):
        made.append(("load_pool", {POOL: {"addrs": f"{server.addresses.first}-{server.addresses.last}"}}))
    local: dict[str, dict[str, object]] = {"psk": {"auth": "psk"}} if settings.secret is not None else {}
    if server.certificate is not None:
        pem = server.certificate.certificate.public_bytes(serialization.Encoding.PEM)
        local["pubkey"] = {"auth": "pubkey", "certs": [pem]}
    for name in CONNECTIONS:
        _, authentication, exchange = name.split("-")
        if authentication in local:
            made.append(("load_conn", {name: {
                "version": "1", "aggressive": "yes" if exchange == "aggressive" else "no", "proposals": list(TRANSFORMS), "pools": [POOL],
                "local-1": local[authentication], "remote-1": {"auth": authentication, "id": "%any"}, "remote-2": {"auth": "xauth"},
                "children": {"net": {"local_ts": [messages.EVERYWHERE], "esp_proposals": ["aes256-sha1"]}},
            }}))
    return made
