"""L2TP over IPsec as the server offers it: messages for charon, files for xl2tpd and pppd. Pure.

Windows' list of main and quick mode is the one that its client offers (well-known); that the responder uses the same is inferred. Its
own order counts, not the client's ([MS-IKEE] 3.1.5).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

CONNECTION, CHILD, CLEAR, SECRET = "incoming-l2tp", "l2tp", "l2tp-clear", "l2tp-secret"
BY_CERTIFICATE = "incoming-l2tp-certificate"
PORT = 1701
MAIN_MODE = ("aes256-sha1-ecp384", "aes128-sha1-ecp256", "aes256-sha1-modp2048", "3des-sha1-modp2048", "3des-sha1-modp1024")
QUICK_MODE = ("aes256-sha1", "aes128-sha1", "3des-sha1")
MAIN_MODE_SECONDS, QUICK_MODE_SECONDS = 28800, 3600
MTU = 1400
"""Of the connection's interface (inferred)."""
RUN = "/run/lab/l2tp"
"""Folder of the files below."""
EVENTS = RUN + "/events"
"""A pipe: a line for each connection that is up."""
ADDRESSES = RUN + "/addresses"
"""A socket: where pppd's plugin asks for a client's address; its source names it too."""
PLUGIN = "/usr/local/lib/lab/pppd-addresses.so"
"""Where the plugin is; lab/embedded/image/compiler.py puts it there."""
NOWHERE = IPv4Address("192.0.2.0")
"""A network of which no address is ever given (RFC 5737)."""
REFUSED, USERS_PLUGIN = RUN + "/refused", "/usr/local/lib/lab/pppd-users.so"
"""Accounts that may not dial in, for a plugin of pppd's that refuses them; lab/embedded/image/compiler.py puts it there."""
SECRETS = "/etc/ppp/chap-secrets"
"""Where pppd looks for users; it takes no other place."""
UP = "/etc/ppp/incoming-connections-up"
"""Where the hook lies: not in /run, from which Debian lets no program be started (initramfs-tools mounts it noexec)."""
HOOK = f"""\
#!/bin/sh
printf '%s\\t%s\\t%s\\t%s\\n' "$IFNAME" "$IPREMOTE" "$PPPD_PID" "$PEERNAME" > {EVENTS}
"""
"""pppd's word that a connection is up: interface, inner address, its own pid, user. One write, so lines do not mix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class L2tp:
    """What L2TP/IPsec is to be served with."""

    secret: str | None = field(repr=False)
    """The shared secret of main mode; None: phase 1 has nothing to authenticate with, and is refused."""
    users: Mapping[str, str] = field(repr=False)
    """Passwords of the local accounts, by name."""
    refusals: Mapping[str, int] = field(default_factory=dict)
    """RAS errors with which accounts are refused although the password is right, by name."""
    endpoints: int
    """How many clients may be connected: ports of the L2TP miniport."""
    others: tuple[str, ...] = field(default=(), repr=False)
    """Secrets of further rules, which do not hold."""
    certificates_allowed: bool = False
    """Whether main mode authenticates with certificates too."""
    certificate: str = ""
    """What the server shows then, as PEM; empty: it has nothing fit."""
    main_mode: tuple[str, ...] = MAIN_MODE
    authentication: str = "mschap-v2"
    """What PPP requires, in pppd's words."""
    needs_ipsec: bool = True
    checks_names: bool = True
    takes_turns: bool = False
    """With several secrets each holds in its turn."""
    encapsulates: bool = False
    """ESP is put into UDP although there is no NAT. These six are inverted in twins that do the opposite of Windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A client's PPP connection."""

    interface: str
    address: str
    """Inner address."""
    pid: int
    """Of its pppd."""
    user: str


def connection_message(settings: L2tp) -> dict[str, object]:
    """Return the connection for clients with the secret."""
    return _connection(CONNECTION, settings, {"auth": "psk"}, {"auth": "psk", "id": "%any"})


def certificate_message(settings: L2tp) -> dict[str, object]:
    """Return the connection for clients with a certificate; both ends call themselves what the subject of theirs says."""
    local: dict[str, object] = {"auth": "pubkey", **({"certs": [settings.certificate]} if settings.certificate else {})}
    return _connection(BY_CERTIFICATE, settings, local, {"auth": "pubkey", "id": "%any"})


def _connection(name: str, settings: L2tp, local: dict[str, object], remote: dict[str, object]) -> dict[str, object]:
    """Main mode only, no XAUTH, transport mode for UDP 1701 from any port of the client's."""
    return {name: {
        "version": "1", "aggressive": "no", "proposals": list(settings.main_mode), "unique": "never", "dpd_delay": "0", "fragmentation": "yes",
        "encap": "yes" if settings.encapsulates else "no", "rekey_time": "0", "reauth_time": f"{MAIN_MODE_SECONDS}s", "over_time": "0", "rand_time": "0",
        "send_cert": "always", "local": local, "remote": remote,
        "children": {CHILD: {
            "mode": "transport", "esp_proposals": list(QUICK_MODE), "local_ts": [f"dynamic[udp/{PORT}]"], "remote_ts": ["dynamic[udp]"],
            "life_time": f"{QUICK_MODE_SECONDS}s", "rekey_time": "0",
        }},
    }}


def secret_message(secret: str) -> dict[str, object]:
    """Return the shared secret: main mode finds it by address alone, so it has no owner."""
    return {"id": SECRET, "type": "IKE", "data": secret, "owners": []}


def clear_message(address: IPv4Address) -> dict[str, object]:
    """Return a policy of the kernel's that discards L2TP which is not protected; those of security associations go before it. It belongs to
    a connection that no peer can have: it is for the machine itself."""
    child = {"mode": "drop", "local_ts": [f"{address}/32[udp/{PORT}]"], "remote_ts": ["0.0.0.0/0[udp]"], "start_action": "trap"}
    return {CLEAR: {"version": "1", "local_addrs": ["127.0.0.1"], "remote_addrs": ["127.0.0.1"], "children": {CLEAR: child}}}


def xl2tpd(address: IPv4Address, endpoints: int) -> str:
    """Return xl2tpd's configuration. It has no inner address, which may come while it serves: pppd has it from its options.

    Args:
        address: the outer address.
        endpoints: how many clients may be connected. xl2tpd counts them by addresses: it has as many of a network that nobody has, and refuses
            the call for which none is left. pppd's plugin sets the true address.
    """
    ranges = "".join(f"ip range = {NOWHERE + number}\n" for number in range(1, endpoints + 1))
    return f"""\
[global]
listen-addr = {address}
port = {PORT}
access control = no
[lns default]
{ranges}name = server
pppoptfile = {RUN}/options
"""


def ppp_options(settings: L2tp, own: IPv4Address | None) -> str:
    """Return pppd's options: one authentication and no other; no MPPE, which IPsec makes needless; restart timers as short as pppd takes
    them (whole seconds); the server's inner address, or while it has none one that nobody has."""
    return f"""\
plugin {PLUGIN}
plugin {USERS_PLUGIN}
auth
require-{settings.authentication}
{own or NOWHERE}:
name server
noccp
novj
noipv6
nodefaultroute
mtu {MTU}
mru {MTU}
lcp-echo-interval 0
lcp-restart 1
ipcp-restart 1
ip-up-script {UP}
ip-down-script /nonexistent
debug
logfile /run/lab/log/pppd.log
"""


def chap_secrets(settings: L2tp) -> str:
    """Return pppd's list of users; each may have any address that xl2tpd gives. Whoever is not in it has a password that nobody knows:
    pppd then refuses with RAS error 691, as Windows does; without an entry it would not say why."""
    nobodys = secrets.token_hex(32) if settings.checks_names else next(iter(settings.users.values()), "")
    known = {quoted(name): password for name, password in settings.users.items()} | {"*": nobodys}
    return "".join(f"{name} server {quoted(password)} *\n" for name, password in known.items())


def refused(settings: L2tp) -> str:
    """Return the accounts that may not dial in, as pppd's plugin reads them (lab/embedded/image/pppd_users.c)."""
    return "".join(f"{error} {name}\n" for name, error in settings.refusals.items())


def quoted(word: str) -> str:
    """Return a word as pppd reads it from a file, whatever is in it but line breaks."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def session_of(line: str) -> Session:
    """Return what the hook tells. Raises ValueError for another line."""
    interface, address, pid, user = line.rstrip("\n").split("\t", 3)
    return Session(interface=interface, address=address, pid=int(pid), user=user)
