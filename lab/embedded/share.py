"""The share: the only folder of this machine that the guest sees.

It holds our own code (copied with its times, so that bytecode made by an earlier guest is still valid and an edit is not), the
bytecode cache, the plan of the hosts and wires, and one private folder per host with the keys and secrets of the run. The code
is not in the image: an edit takes effect at the next boot.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from lab import shipping
from lab.embedded.image.cache import cache_root
from lab.pki import TlsIdentity
from lab.secrets import Secret, write_private
from lab.topology import Role, Topology

GUEST_SIDE = (*shipping.EVERYWHERE, shipping.TWIN, "embedded/guest")
"""Folders of `lab` whose code runs in the guest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKeys:
    """Keys and passwords of one run."""

    user: str
    password: Secret
    client_key: Path
    winrm_ca: Path
    """PEM of the root above the twin's HTTPS certificate."""
    host_keys: dict[str, str]
    """Public key of each Linux host, as in known_hosts."""


def make_share(run: Path, topology: Topology, winrm_tls: TlsIdentity) -> RunKeys:
    """Fill `run`/share; return the keys that lead in.

    Args:
        run: the run's folder.
        topology: the hosts.
        winrm_tls: certificate and key of the twin's HTTPS listener.
    """
    share = run / "share"
    share.mkdir(mode=0o700)
    _copy_code(share / "code")
    _copy_bytecode(share / "pyc")
    (share / "guest.json").write_text(json.dumps(guest_plan(topology)))
    client_key = _new_key()
    key_file = write_private(run / "ssh_key", _private(client_key))
    password = Secret(base64.b32encode(os.urandom(15)).decode().lower() + "Q7")
    host_keys: dict[str, str] = {}
    for host in topology.hosts.values():
        private = share / "hosts" / host.name
        private.mkdir(parents=True, mode=0o700)
        if host.role is Role.SERVER:
            write_private(private / "winrm.crt", winrm_tls.certificate_pem)
            write_private(private / "winrm.key", winrm_tls.private_key_pem)
            write_private(private / "twin.json", json.dumps(_twin_configuration(password, topology)))
        else:
            host_key = _new_key()
            write_private(private / "ssh_host_key", _private(host_key))
            write_private(private / "authorized_keys", _public(client_key) + "\n")
            host_keys[host.name] = _public(host_key)
    return RunKeys(user=TWIN_USER, password=password, client_key=key_file, host_keys=host_keys,
                   winrm_ca=write_private(run / "winrm_ca.crt", winrm_tls.root_pem))


WAY_IN = "vec0"
"""The guest's interface to slirp4netns (lab/embedded/uml/kernel.py)."""
LEFT_OVER = 3600.0
"""Seconds after which a copy of bytecode that has not got its name is nobody's: to copy takes less than one."""
TWIN_USER = "labadmin"
TWIN_COMPUTER_NAME = "WIN10VPN"


def _twin_configuration(password: Secret, topology: Topology) -> dict[str, object]:
    return {
        "user": TWIN_USER, "password": password.reveal(), "computer_name": TWIN_COMPUTER_NAME,
        "tls_cert": "/run/lab/private/winrm.crt", "tls_key": "/run/lab/private/winrm.key",
        "ports": {"http": 5985, "https": 5986}, "address": str(topology.server.address("mgmt")), "invert": [],
    }


def guest_plan(topology: Topology) -> dict[str, object]:
    """Return what the guest needs to know of the topology, as plain values."""
    return {
        "networks": [
            {"name": network.name, "delay_ms": network.delay_ms, "management": network.management}
            for network in topology.networks.values()
        ],
        "hosts": [
            {
                "name": host.name, "role": host.role.value, "start": host.start.value,
                "addresses": {name: str(interface) for name, interface in host.addresses.items()},
                "routes": {str(destination): str(gateway) for destination, gateway in host.routes.items()},
            }
            for host in topology.hosts.values()
        ],
        "uplinks": {topology.management: WAY_IN},
        "names": {topology.vpn.server_name: str(topology.server.address("wan"))},
    }


def _copy_code(target: Path) -> None:
    for name, file in shipping.sources(GUEST_SIDE):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target / name)


def _bytecode() -> Path:
    return cache_root() / "bytecode"


def _copy_bytecode(target: Path) -> None:
    target.mkdir()
    with contextlib.suppress(shutil.Error, FileNotFoundError):  # another run replaces it just now: what is missing is compiled anew
        shutil.copytree(_bytecode(), target, dirs_exist_ok=True)


def keep_bytecode(run: Path) -> None:
    """Keep what a guest compiled, for the next one. Called when the guest has said that its files are complete (a file that it
    is still writing would be read as a broken module)."""
    made = run / "share" / "pyc"
    if _listing(made) == _listing(_bytecode()):
        return
    for left in cache_root().glob("bytecode.run-*"):  # of a run that was killed in the middle of this
        with contextlib.suppress(FileNotFoundError):  # not by its run's folder, which may lie elsewhere (LAB_RUN_FOLDER)
            if time.time() - left.stat().st_mtime > LEFT_OVER:
                shutil.rmtree(left, ignore_errors=True)
    fresh = Path(f"{_bytecode()}.{run.name}")
    shutil.copytree(made, fresh)
    old = Path(f"{fresh}.old")
    with contextlib.suppress(FileNotFoundError):
        _bytecode().rename(old)
    try:
        fresh.rename(_bytecode())
    except OSError:  # another run was quicker
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    files = list(folder.rglob("*.pyc"))
    return {str(file.relative_to(folder)): (file.stat().st_size, int(file.stat().st_mtime)) for file in files}


def _new_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def _private(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
