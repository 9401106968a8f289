"""Paths: which steps each way to a VPN needs, no more."""

from __future__ import annotations

from lab.pki import Identity, RunPki
from lab.server import steps
from lab.server.steps import Step
from lab.topology import Pool


def ikev2_certificate(pki: RunPki, pool: Pool, *, server: Identity | None = None) -> list[Step]:
    """Return the steps of IKEv2 with certificates on both sides (macOS: Authentication Settings "None").

    Args:
        pki: the run's certificates.
        pool: inner addresses.
        server: another server certificate than the right one.
    """
    return [
        steps.trusted_root(pki.authority.certificate),
        steps.machine_certificate(server or pki.server),
        steps.incoming_connections(),
        steps.server_flags(steps.CERT),
        *steps.static_pool(pool.first, pool.last),
        steps.remote_access(),
    ]
