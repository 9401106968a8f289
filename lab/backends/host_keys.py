"""Keys of SSH hosts that we did not make: believed at the first contact, pinned from then on, in a file as OpenSSH writes it."""

from __future__ import annotations

import socket
from pathlib import Path

import paramiko

from lab import budgets
from lab.errors import LinkLost
from lab.waiting import Deadline

ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
"""What is negotiated for a type of key where that has another name (RFC 8332)."""


def pinned_key(known: Path, machine: str, address: str, port: int) -> str:
    """Return a host's key as in known_hosts, pinning it at the first contact.

    Args:
        known: file of pinned keys; made if need be.
        machine: what messages call it.
        address: where it is.
        port: of its SSH.

    Raises:
        LinkLost: it cannot be reached, or shows another key than before.
    """
    keys = paramiko.HostKeys(str(known) if known.exists() else None)
    name = address if port == 22 else f"[{address}]:{port}"
    pinned = next(iter((keys.lookup(name) or {}).values()), None)
    shown = _shown_key(machine, address, port, pinned.get_name() if pinned else "")
    if pinned is None:
        keys.add(name, shown.get_name(), shown)
        keys.save(str(known))
    elif pinned != shown:
        raise LinkLost(f"{machine}: {name} shows another SSH host key than at the first contact, {shown.fingerprint} instead of {pinned.fingerprint}",
                       hint=f"if the machine was installed anew: ssh-keygen -f {known} -R '{name}'; otherwise find out who answers there")
    return f"{shown.get_name()} {shown.get_base64()}"


def _shown_key(machine: str, address: str, port: int, kind: str) -> paramiko.PKey:
    """Return the key that a host shows; of the pinned type if there is one, since a host has several."""
    deadline = Deadline(budgets.SSH_LOGIN)
    try:
        with socket.create_connection((address, port), timeout=deadline.remaining) as connection, paramiko.Transport(connection) as transport:
            if kind:
                transport.get_security_options().key_types = ALGORITHMS.get(kind, (kind,))
            transport.start_client(timeout=deadline.remaining)
            return transport.get_remote_server_key()
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise LinkLost(f"{machine}: SSH to {address}:{port} failed: {error}",
                       hint=f"is it running, and is its address right? `ssh -p {port} {address}` tells more") from error
