"""What a supervisor is told to do. Standard library only: the supervisor imports it."""

from __future__ import annotations

from typing import TypedDict


class Forward(TypedDict):
    """One TCP port of this machine, bound to 127.0.0.1, that leads to a port of a host in the guest."""

    host_port: int
    guest_address: str
    guest_port: int


class Plan(TypedDict):
    """What to run; sent by `lab.embedded.runs`."""

    image: str
    kernel: list[str]
    cpu: int
    silence: float
    """Seconds without an answer on the control line after which the guest is called hung."""
    boot: float
    """Seconds within which the guest must have said that it is ready."""
    forwards: list[Forward]
    detached: bool
    log: str
    """File that keeps the console; outside of the run folder, so that it survives."""
    daemons: str
    """File that keeps what the daemons log, as they write it."""
