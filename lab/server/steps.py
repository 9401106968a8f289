"""Provisioning steps: what changes the server, each with its reason and its own way back.

A step is data: a script of fixtures/windows and its parameters. What the scripts do, and how each is carried out, is said in
them; `provision` runs them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import IPv4Address
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import Certificate, CertificateRevocationList, load_der_x509_crl

from lab.errors import ConfigError
from lab.pki import Identity
from lab.probe.probe import JSON
from lab.secrets import Secret, new_secret

SCRIPTS = Path(__file__).parents[2] / "fixtures" / "windows"
"""Where the scripts are that carry steps out."""
PARAMETERS = r"SYSTEM\CurrentControlSet\Services\RemoteAccess\Parameters"
IKEV2_DEVICE = "ms_agilevpnminiport"
"""Component id of the IKEv2 miniport ([MS-RRASM] 2.2.3.3.1.1), the same in every language; its description is translated."""
CERT, EAP = 0x04000000, 0x00008000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change of the server."""

    name: str
    because: str
    """Why a path needs it."""
    script: str
    """Name of a file in fixtures/windows, without .ps1."""
    parameters: Mapping[str, JSON]
    secrets: tuple[Secret, ...] = field(default=())
    """What must not be seen in a transcript."""
    last: bool = False
    """Reverted after all others."""


def trusted_root(certificate: Certificate) -> Step:
    """Trust a root."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    return Step(name="trusted-root", script="trusted-root", parameters={"certificate": base64.b64encode(der).decode()},
                because="clients' certificates are issued by it")


def machine_certificate(identity: Identity) -> Step:
    """Give the server its certificate."""
    password, pfx = _pfx(identity)
    return Step(name="machine-certificate", script="machine-certificate", secrets=(password, pfx),
                parameters={"pfx": pfx.reveal(), "password": password.reveal()}, because="the server proves who it is by certificate")


@lru_cache(maxsize=64)
def _pfx(identity: Identity) -> tuple[Secret, Secret]:
    """Return password and PFX (base64) of an identity, made once per run: each further secret costs every masked text a search."""
    password = new_secret()
    return password, Secret(base64.b64encode(identity.pkcs12(password)).decode())


def incoming_connections(device: str = IKEV2_DEVICE) -> Step:
    """Create Incoming Connections for the tunnel type of a miniport, by its component id."""
    return Step(name="incoming-connections", script="incoming-connections", parameters={"device": device},
                because="a stock Windows serves no VPN")


def server_flags(bits: int) -> Step:
    """Set bits of ServerFlags."""
    return Step(name="server-flags", script="server-flags", parameters={"bits": bits},
                because="authentication by certificate is off by default")


def dhcp_addresses(batch: int | None = None) -> Step:
    """Assign inner addresses from a DHCP server on the LAN; `batch` is how many are leased at a time (10 where nothing is said)."""
    values: dict[str, JSON] = {"UseDhcpAddressing": 1}
    if batch is not None:
        values["InitialAddressPoolSize"] = batch
    return Step(name="address-assignment", script="registry-values", because="addresses come from DHCP, not from a pool",
                parameters={"path": PARAMETERS + r"\Ip", "values": values})


def static_pool(first: IPv4Address, last: IPv4Address) -> list[Step]:
    """Assign inner addresses from a range, of which the server takes the first.

    Raises:
        ConfigError: the range has fewer than two addresses: the server would take the only one.
    """
    if last <= first:
        size = max(int(last) - int(first) + 1, 0)
        raise ConfigError(f"the static pool {first} to {last} has {size} address{'' if size == 1 else 'es'}: the server takes one itself, so no client "
                          "would have any", hint="give a range of two addresses at least")
    return [
        Step(name="address-assignment", script="registry-values", because="addresses come from a pool, not from DHCP",
             parameters={"path": PARAMETERS + r"\Ip", "values": {"UseDhcpAddressing": 0}}),
        Step(name="static-pool", script="registry-values", because="the range of the pool",
             parameters={"path": PARAMETERS + r"\Ip\StaticAddressPool\0", "values": {"From": int(first), "To": int(last)}}),
    ]


def ikev2_policy(**values: int) -> Step:
    """Set values of IKEv2CustomPolicy; without any the key alone exists, and every value has its default."""
    return Step(name="ikev2-policy", script="registry-values", because="a policy other than the stock one",
                parameters={"path": PARAMETERS + r"\IKEV2\IKEv2CustomPolicy", "values": dict(values)})


def ikev2_parameters(**values: int) -> Step:
    """Set values of the IKEV2 key: CertAuthFlags and others."""
    return Step(name="ikev2-parameters", script="registry-values", because="settings of IKEv2 connections",
                parameters={"path": PARAMETERS + r"\IKEV2", "values": dict(values)})


def server_fragmentation() -> Step:
    """Let the server take and send IKEv2 messages in fragments of their own; Windows 10 can since 1803 (Always On VPN,
    Enable-VpnServerIKEv2Fragmentation.ps1)."""
    return replace(ikev2_parameters(EnableServerFragmentation=1), name="server-fragmentation",
                   because="large IKE_AUTH messages do not arrive where IP fragments are lost")


def network_access(*, allowed: bool) -> Step:
    """Let clients reach the network behind the server, or the server only."""
    return Step(name="network-access", script="registry-values", because="whether clients reach more than the server",
                parameters={"path": PARAMETERS + r"\Ip", "values": {"AllowNetworkAccess": int(allowed)}})


def wan_endpoints(ports: int, device: str = IKEV2_DEVICE) -> Step:
    """Set the number of connections of a tunnel type, by its miniport's component id."""
    return Step(name="wan-endpoints", script="wan-endpoints", parameters={"device": device, "ports": ports, "value": "WanEndpoints"},
                because="how many clients may connect")


def most_wan_endpoints(ports: int) -> Step:
    """Set the upper bound of WanEndpoints."""
    return Step(name="most-wan-endpoints", script="wan-endpoints", because="the bound that WanEndpoints has",
                parameters={"device": IKEV2_DEVICE, "ports": ports, "value": "MaxWanEndpoints"})


def revocation_list(der: bytes) -> Step:
    """Give the server a revocation list."""
    loaded: CertificateRevocationList = load_der_x509_crl(der)
    fingerprint = loaded.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - certutil's name for it
    return Step(name="revocation-list", script="revocation-list", because="which certificates are revoked",
                parameters={"list": base64.b64encode(der).decode(), "hash": fingerprint})


def remote_access() -> Step:
    """Start RemoteAccess, or restart it."""
    return Step(name="remote-access", script="remote-access", parameters={}, last=True, because="settings take effect when it starts")
