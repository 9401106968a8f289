"""What a lab promises, and nothing more. Everything above this module works on any lab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lab.secrets import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class SSHEndpoint:
    """Where a Linux host is reached, and how it is recognised."""

    address: str
    port: int
    user: str
    key_file: Path
    """Private key made for this run."""
    host_key: str
    """The host's public key as in known_hosts ("ssh-ed25519 AAAA…"); pinned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRMEndpoint:
    """Where the Windows server (or its twin) is reached."""

    address: str
    http_port: int
    https_port: int
    user: str
    password: Secret
    ca_file: Path
    """PEM of the CA that signed the certificate of the HTTPS listener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine of the lab: its name in topology.yaml and the way to it."""

    name: str
    ssh: SSHEndpoint | None = None
    winrm: WinRMEndpoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePoint:
    """Where the packets of one network can be seen, outside the hosts' own interfaces (a wan seen from inside a host also
    shows decapsulated packets, which would look like a leak)."""

    network: str
    host: str
    """Name of the host whose probe captures."""
    interface: str


class Lab(Protocol):
    """A lab under one run id. Not re-entrant."""

    @property
    def name(self) -> str:
        """What reports call it: "embedded", "vagrant" …"""

    @property
    def capabilities(self) -> frozenset[str]:
        """Of: twin, real-windows, inversion, time-control, packet-loss, capture."""

    @property
    def capture_points(self) -> Mapping[str, CapturePoint]:
        """By name of the network."""

    def up(self) -> Mapping[str, Host]:
        """Start or join it; return the hosts that are reachable now. Raises HostError or InfrastructureError."""

    def start(self, name: str) -> Host:
        """Return a host of the topology, starting what it needs first. Raises InfrastructureError."""

    def reset(self) -> None:
        """Put every host back to its state after `up` (the twin's Windows as new, no connection)."""

    def down(self) -> None:
        """End it and leave nothing behind. Never raises for a lab that is down already."""
