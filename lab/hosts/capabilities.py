"""What of the lab's capabilities this machine has, found out by looking: it depends on packages and kernel, not on what the machine is called."""

from __future__ import annotations

import os

from lab.hosts.daemons import NAT_MASQUERADES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PROGRAMS = ("/usr/sbin/xl2tpd", "/usr/sbin/pppd")
DEVICE = "/dev/ppp"
"""Opening it needs PPP in the kernel, which Debian's kernel for clouds lacks."""
LINE_DISCIPLINES = "/proc/tty/ldiscs"
"""PPP over a terminal is one, "ppp": xl2tpd in user space needs it (module ppp_async)."""

EAP_PLUGINS = tuple(f"/usr/lib/ipsec/plugins/libstrongswan-{name}.so" for name in ("eap-identity", "eap-mschapv2", "eap-tls"))
"""charon's, of which an old or a small installation may lack some; the server's end is looked at by the step that brings it."""


def found(routers: Iterable[str]) -> list[str]:
    """Return their names, as `lab.backends.base.Lab.capabilities` has them.

    Args:
        routers: the file of each router with NAT that it carries (`lab.hosts.daemons.NAT_READY`).
    """
    return (["l2tp"] if has_l2tp() else []) + (["eap"] if has_eap() else []) + (["nat"] if has_nat(routers) else [])


def has_nat(routers: Iterable[str]) -> bool:
    """Whether there are routers with NAT and all masquerade: it needs iptables and a kernel with its legacy tables."""
    said = []
    for path in routers:
        try:
            with open(path) as file:
                said.append(file.read())
        except FileNotFoundError:
            said.append("")
    return bool(said) and all(words == NAT_MASQUERADES for words in said)


def has_eap(root: str = "") -> bool:
    """Whether a client's charon can authenticate by EAP-MSCHAPv2 and EAP-TLS.

    Args:
        root: folder to look under instead of the machine's root.
    """
    return all(os.access(root + plugin, os.R_OK) for plugin in EAP_PLUGINS)


def has_l2tp(root: str = "") -> bool:
    """Whether xl2tpd and pppd can work here, modules being loaded.

    Args:
        root: folder to look under instead of the machine's root.
    """
    if not all(os.access(root + program, os.X_OK) for program in PROGRAMS):
        return False
    try:
        os.close(os.open(root + DEVICE, os.O_RDWR | os.O_CLOEXEC))
        with open(root + LINE_DISCIPLINES) as disciplines:
            return any(line.split()[:1] == ["ppp"] for line in disciplines)
    except OSError:
        return False
