"""Paths: which steps each way to a VPN needs, no more."""

from __future__ import annotations

from lab.pki import Identity, RunPki
from lab.secrets import Secret
from lab.server import steps
from lab.server.l2tp_steps import L2TP_DEVICE, RuleForm, local_user, psk_rule
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


def l2tp_secret(secret: Secret, pool: Pool, *, user: str, password: Secret, form: RuleForm = RuleForm.NETSH) -> list[Step]:
    """Return the steps of L2TP over IPsec with a shared secret (macOS: Machine Authentication "Shared Secret").

    Args:
        secret: of phase 1; see `psk_rule` for what it may be.
        pool: inner addresses.
        user: who dials in.
        password: his; macOS's "Password" is MS-CHAPv2.
        form: which of the article's lines makes the rule.

    Raises:
        ConfigError: secret, user or password cannot be used.
    """
    return [
        psk_rule(secret, form=form),
        local_user(user, password),
        steps.incoming_connections(L2TP_DEVICE),
        *steps.static_pool(pool.first, pool.last),
        steps.remote_access(),
    ]


def l2tp_certificate(pki: RunPki, pool: Pool, *, user: str, password: Secret, server: Identity | None = None) -> list[Step]:
    """Return the steps of L2TP over IPsec with certificates (macOS: Machine Authentication "Certificate").

    Args:
        pki: the run's certificates.
        pool: inner addresses.
        user: who dials in.
        password: his.
        server: another server certificate than the right one.

    Raises:
        ConfigError: user or password cannot be used.
    """
    return [
        steps.trusted_root(pki.authority.certificate),
        steps.machine_certificate(server or pki.server),
        local_user(user, password),
        steps.incoming_connections(L2TP_DEVICE),
        steps.server_flags(steps.CERT),
        *steps.static_pool(pool.first, pool.last),
        steps.remote_access(),
    ]
