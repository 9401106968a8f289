"""A Cisco IPSec profile as charon takes it. Pure: no I/O here.

What macOS proposes, in its order, is read from its controller and racoon (ppp-847, IPSecCreateCiscoDefaultConfiguration; ipsec-317).
"""

from __future__ import annotations

from lab.client.cisco_profile import CiscoIPSec, Exchange
from lab.client.l2tp_profile import MachineCertificate

CONNECTION, CHILD = "mac-cisco", "net"
ANYWHERE = "0.0.0.0/0"
GROUP_14 = ("aes256-sha256-modp2048", "aes256-sha1-modp2048", "aes256-md5-modp2048", "aes256-sha512-modp2048")
GROUP_5 = ("aes256-sha256-modp1536", "aes256-sha1-modp1536", "aes256-md5-modp1536")
GROUP_2 = ("aes256-sha1-modp1024", "aes256-md5-modp1024", "aes128-sha1-modp1024", "aes128-md5-modp1024", "3des-sha1-modp1024",
           "3des-md5-modp1024", "des-sha1-modp1024", "des-md5-modp1024")
"""Unlike L2TP's: no AES-256/SHA-256 with group 2, and DES at the end."""
ESP = ("aes256-sha1", "aes256-md5", "aes128-sha1", "aes128-md5", "3des-sha1", "3des-md5")
LIFETIME, MARGIN = 3600, 360
"""Seconds announced for both phases, and how long before their end charon renews: it announces the sum of two settings."""
DPD_SECONDS = 20
UNITY_SETTING = "cisco_unity = yes\n"
"""Of charon as a whole: the vendor id Cisco-Unity, which goes out in phase 1 of this type only."""


def attempts(exchange: Exchange) -> list[tuple[str, ...]]:
    """Return the transforms of each attempt: main mode offers all at once; aggressive mode, whose first message holds a key exchange, one
    group at a time: 14, then once more with 2."""
    return [(*GROUP_14, *GROUP_5, *GROUP_2)] if exchange is Exchange.MAIN else [GROUP_14, GROUP_2]


def connection(profile: CiscoIPSec, address: str, transforms: tuple[str, ...], exchange: Exchange) -> dict[str, object]:
    """Return charon's connection: phase 1, XAUTH, an address by Mode Config, then quick mode in tunnel mode.

    Args:
        profile: the profile.
        address: the server's.
        transforms: of this attempt.
        exchange: of phase 1.
    """
    if isinstance(profile.machine, MachineCertificate):
        first: dict[str, object] = {"auth": "pubkey", "certs": [profile.machine.certificate.certificate_pem]}  # identity: its subject
        remote = "pubkey"
    else:
        first, remote = {"auth": "psk"}, "psk"
        if exchange is Exchange.AGGRESSIVE:
            first["id"] = f"keyid:{profile.group_name}"
    return {CONNECTION: {
        "version": "1", "aggressive": "yes" if exchange is Exchange.AGGRESSIVE else "no", "remote_addrs": [address], "vips": ["0.0.0.0"],
        "proposals": list(transforms), "keyingtries": "1", "fragmentation": "yes", "dpd_delay": f"{DPD_SECONDS}s", "rekey_time": "0",
        "reauth_time": f"{LIFETIME - MARGIN}s", "over_time": f"{MARGIN}s", "rand_time": "0",
        "local-1": first, "local-2": {"auth": "xauth", "xauth_id": profile.account}, "remote-1": {"auth": remote, "id": "%any"},
        "children": {CHILD: {
            "mode": "tunnel", "esp_proposals": list(ESP), "remote_ts": [ANYWHERE],
            "life_time": f"{LIFETIME}s", "rekey_time": f"{LIFETIME - MARGIN}s", "rand_time": "0",
        }},
    }}


def credentials(profile: CiscoIPSec, roots: list[str]) -> list[tuple[str, dict[str, object]]]:
    """Return what loads the machine's secret or certificate, the roots that are trusted (PEM), and the user's password."""
    messages: list[tuple[str, dict[str, object]]] = [
        ("load_shared", {"type": "XAUTH", "data": profile.password.reveal(), "owners": [profile.account]}),
    ]
    if isinstance(profile.machine, MachineCertificate):
        messages += [("load_cert", {"type": "X509", "flag": "CA", "data": root}) for root in roots]
        messages.append(("load_cert", {"type": "X509", "flag": "NONE", "data": profile.machine.certificate.certificate_pem}))
        messages.append(("load_key", {"type": "any", "data": profile.machine.certificate.private_key_pem}))
    else:
        messages.append(("load_shared", {"type": "IKE", "data": profile.machine.secret.reveal(), "owners": []}))
    return messages
