"""An L2TP profile as charon, xl2tpd and pppd take it. Pure: no I/O here.

What macOS proposes, in its order, is read from its racoon (ipsec-317) and L2TP plugin (ppp-847), versions of 10.13.6.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.client.l2tp_profile import L2TP, MachineCertificate, SharedSecret

CONNECTION, CHILD = "mac-l2tp", "l2tp"
L2TP_PORT = 1701
LIFETIME, MARGIN = 3600, 360
"""Seconds that are announced for both phases, and how long before their end charon renews: it announces the sum of two settings."""
PHASE_1 = (
    "aes256-sha256-modp2048", "aes256-sha1-modp2048", "aes256-md5-modp2048", "aes256-sha512-modp2048",
    "aes256-sha256-modp1536", "aes256-sha1-modp1536", "aes256-md5-modp1536",
    "aes256-sha256-modp1024", "aes256-sha1-modp1024", "aes256-md5-modp1024",
    "aes128-sha1-modp1024", "aes128-md5-modp1024", "3des-sha1-modp1024", "3des-md5-modp1024",
)
"""The fourteen transforms of main mode."""
ESP = ("aes256-sha1", "aes256-md5", "aes128-sha1", "aes128-md5", "3des-sha1", "3des-md5")
"""Of quick mode: no group, so no PFS."""
MTU, MRU = 1280, 1500
"""The MRU is PPP's default, so it is not sent."""
RUN = "/run/lab/l2tp"
"""Folder of the stand-in's files on the client."""
NOWHERE = "/nonexistent"


def connection(profile: L2TP, address: str, *, port: int) -> dict[str, object]:
    """Return charon's connection: main mode, then quick mode in transport mode.

    Args:
        profile: the profile.
        address: the server's.
        port: the client's own UDP port: macOS binds a free one for each connection.
    """
    local: dict[str, object] = {"auth": "psk"}
    remote: dict[str, object] = {"auth": "psk", "id": "%any"}  # verify_identifier is off
    if isinstance(profile.machine, MachineCertificate):  # calls itself what the certificate's subject says (asn1dn)
        local = {"auth": "pubkey", "certs": [profile.machine.certificate.certificate_pem]}
        remote = {"auth": "pubkey", "id": "%any"}  # another identity than the certificate's is logged, and tolerated
    return {CONNECTION: {
        "version": "1", "aggressive": "no", "remote_addrs": [address], "proposals": list(PHASE_1), "keyingtries": "1",
        "fragmentation": "yes", "dpd_delay": "0", "rekey_time": "0", "reauth_time": f"{LIFETIME - MARGIN}s", "over_time": f"{MARGIN}s",
        "rand_time": "0", "send_certreq": "yes", "send_cert": "always", "local": local, "remote": remote,
        "children": {CHILD: {
            "mode": "transport", "esp_proposals": list(ESP), "local_ts": [f"dynamic[udp/{port}]"], "remote_ts": [f"dynamic[udp/{L2TP_PORT}]"],
            "life_time": f"{LIFETIME}s", "rekey_time": f"{LIFETIME - MARGIN}s", "rand_time": "0",
        }},
    }}


def credentials(profile: L2TP, roots: Sequence[str] = ()) -> list[tuple[str, dict[str, object]]]:
    """Return what loads the shared secret, which main mode finds by address alone, so that it has no owner; or certificate, key, and the roots
    (PEM) that the server's certificate is checked against."""
    if isinstance(profile.machine, SharedSecret):
        return [("load_shared", {"type": "IKE", "data": profile.machine.secret.reveal(), "owners": []})]
    identity = profile.machine.certificate
    anchors: list[tuple[str, dict[str, object]]] = [("load_cert", {"type": "X509", "flag": "CA", "data": root}) for root in roots]
    return [*anchors, ("load_cert", {"type": "X509", "flag": "NONE", "data": identity.certificate_pem}),
            ("load_key", {"type": "any", "data": identity.private_key_pem})]


def xl2tpd(address: str, *, port: int) -> str:
    """Return xl2tpd's configuration: dial once, at once. In user space, because the kernel's data header has 6 bytes and macOS's 8."""
    return f"""\
[global]
port = {port}
force userspace = yes
access control = no
[lac mac]
lns = {address}
autodial = yes
redial = no
length bit = yes
require authentication = no
pppoptfile = {RUN}/options
"""


def ppp_options(profile: L2TP) -> str:
    """Return pppd's options. Whatever authentication the server proposes is accepted: that it is MS-CHAPv2 must come from the server.

    `silent`: the server's pppd, which starts a moment later, sends the first Configure-Request; ours would be lost before it listens, and
    be repeated a second later (restart timers count whole seconds).
    """
    return f"""\
noauth
user {quoted(profile.account)}
password {quoted(profile.password.reveal())}
remotename server
noipdefault
ipcp-accept-local
ipcp-accept-remote
usepeerdns
nodefaultroute
noccp
novj
noipv6
asyncmap 0
mtu {MTU}
mru {MRU}
lcp-echo-interval 0
lcp-restart 1
ipcp-restart 1
silent
ip-up-script {NOWHERE}
ip-down-script {NOWHERE}
debug
logfile /run/lab/log/pppd.log
"""


def quoted(word: str) -> str:
    """Return a word as pppd reads it from a file, whatever is in it but line breaks."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
