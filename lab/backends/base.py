"""What a lab promises, and nothing more. Everything above this module works on any lab."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from lab.errors import InfrastructureError
from lab.secrets import Secret
from lab.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class SSHEndpoint:
    """Where a Linux host is reached, and how it is recognised."""

    address: str
    port: int
    user: str
    key_file: Path
    """Private key made for this run."""
    host_key: str
    """The host's public key as in known_hosts ("ssh-ed25519 AAAA…"); pinned. Empty: not known yet, whoever answers first is believed and
    remembered (a virtual machine that made its key a moment ago)."""
    enter: str = ""
    """Command that leads from the login into the host: "sudo -n", or into the namespaces of a host that shares its machine. Empty: the
    login is the host's own, as root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRMEndpoint:
    """Where the Windows server (or its twin) is reached."""

    address: str
    http_port: int | None
    """Port of WinRM with message encryption; None: only HTTPS is served."""
    https_port: int | None
    """None: only HTTP is served."""
    user: str
    password: Secret
    ca_file: Path | None
    """PEM of the CA that signed the certificate of the HTTPS listener; None: the certificate is not examined."""
    certificate: Path | None = None
    """PEM of a client certificate that the server maps to the user, shown over HTTPS instead of the password; None: NTLM."""
    key: Path | None = None
    """PEM of its private key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine of the lab: its name in topology.yaml and the way to it."""

    name: str
    ssh: SSHEndpoint | None = None
    winrm: WinRMEndpoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine that the suite has to prepare before it is a part of the lab: names and addresses of its adapters, the hosts on it."""

    name: str
    way: Host
    """How it is reached itself: over WinRM (the server) or SSH (all others)."""
    hosts: tuple[str, ...]
    """Names of the hosts that it carries."""
    adapters: Mapping[str, str]
    """MAC address of its adapter on each network of the lab, "52:54:cb:00:71:0a"."""


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
        """What `--lab` calls it: "embedded", "vagrant", "inventory"."""

    @property
    def capabilities(self) -> frozenset[str]:
        """Of: inversion, time-control, packet-loss, capture, name-service, snapshot, l2tp (xl2tpd and pppd on its hosts), nat
        (legacy iptables), lan-dhcp (a DHCP server may be started on the LAN). Those that every lab of its kind has; what depends on its machines is found out when they are prepared
        (`lab.prepare.lab.prepare_lab`)."""

    @property
    def capture_points(self) -> Sequence[CapturePoint]:
        """Each network's; a network that is spread over machines has several."""

    @property
    def machines(self) -> Sequence[Machine]:
        """What must be prepared before a host can be used; empty where `up` does everything."""

    @property
    def state(self) -> Path | None:
        """Folder for what must outlive this process: journals of changed machines. None: nothing outlives it."""

    @property
    def pace(self) -> float:
        """How many times slower than the embedded lab it answers; stretches every deadline."""

    @property
    def hosts(self) -> Mapping[str, Host]:
        """All hosts by name, once it is up."""

    @property
    def joined(self) -> bool:
        """Whether it was there before us, and stays."""

    def up(self) -> Mapping[str, Host]:
        """Start or join it; return the hosts that are reachable now. Raises HostError or InfrastructureError."""

    def start(self, name: str) -> Host:
        """Return a host of the topology, starting what it needs first. Raises InfrastructureError."""

    def reset(self) -> None:
        """Put the server back to its state after `up` as far as the lab itself can; what tests change, they revert."""

    def death(self) -> InfrastructureError | None:
        """Return the error that tells why the lab is gone; None if it lives. Whatever failed since then has this cause."""

    def down(self) -> None:
        """End it and leave nothing behind; leave a joined one alone. Never raises for a lab that is down already."""


@runtime_checkable
class Detachable(Lab, Protocol):
    """A lab that `lab up` leaves running, and others join."""

    @property
    def run_name(self) -> str:
        """The run id."""

    @property
    def since(self) -> float:
        """When it was brought up, seconds since the epoch."""

    @property
    def topology(self) -> Topology:
        """Hosts and networks."""

    def started(self) -> frozenset[str]:
        """Return the names of the hosts whose daemons run."""

    def end_joined(self) -> None:
        """End it although it was joined (`lab down`)."""


@runtime_checkable
class Invertible(Protocol):
    """A lab whose twin can be told to do the opposite of what Windows does."""

    def invert(self, behaviours: Sequence[str], *, strangers: Sequence[str] = ()) -> None:
        """Invert these behaviours of lab/twin/fidelity.yaml; none: an ordinary twin again."""


@runtime_checkable
class Restorable(Protocol):
    """A lab whose server can be put back from outside."""

    def keep(self) -> None:
        """Keep the server as it is now: the snapshot that `restore` goes back to. Raises InfrastructureError."""

    def restore(self) -> None:
        """Go back to the kept state. Its clock is as old as the snapshot. Raises InfrastructureError."""

    def rebuild(self) -> None:
        """Destroy the server and make it anew. Raises InfrastructureError."""


class TimeControl(Protocol):
    """The clock that all hosts of a lab share. A lab whose clock was moved is replaced, not used again."""

    @property
    def now(self) -> dt.datetime:
        """What the hosts take for the time, UTC. Raises InfrastructureError."""

    @property
    def moved(self) -> bool:
        """Whether it was moved since the lab came up. Raises InfrastructureError."""

    def advance(self, duration: dt.timedelta) -> None:
        """Move it forward; timers that have come due fire at once. Raises ConfigError for no positive duration, InfrastructureError."""


@runtime_checkable
class TimeControlled(Protocol):
    """A lab with the capability time-control."""

    @property
    def clock(self) -> TimeControl:
        """Its clock."""
