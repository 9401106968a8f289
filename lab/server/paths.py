"""Paths: which steps each way to a VPN needs, no more."""

from __future__ import annotations

from collections.abc import Sequence

from lab.pki import Identity, RunPki
from lab.secrets import Secret
from lab.server import steps
from lab.server.eap_steps import PREFERENCE, Method, eaphost, ias_policy
from lab.server.l2tp_steps import L2TP_DEVICE, RuleForm, local_user, psk_rule
from lab.server.steps import Step
from lab.topology import Pool


def varied(path: Sequence[Step], *more: Step, without: str = "") -> list[Step]:
    """Return a path with further steps, before the last one if that restarts the service; `without` names steps that are left out."""
    kept = [step for step in path if step.name not in without.split()]
    return [*kept[:-1], *more, kept[-1]] if kept[-1].last else [*kept, *more]


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


def ikev2_eap(
    pki: RunPki, pool: Pool, *, user: str, password: Secret, methods: Sequence[Method] = PREFERENCE, server: Identity | None = None,
) -> list[Step]:
    """Return the steps of IKEv2 with EAP (macOS: Authentication Settings "Username" and "Certificate").

    Args:
        pki: the run's certificates. Clients' are asked for by EAP-TLS alone.
        pool: inner addresses.
        user: who dials in with a password.
        password: his.
        methods: what is offered, the preferred one first.
        server: another server certificate than the right one; it is shown by IKE and inside TLS.

    Raises:
        ConfigError: user or password cannot be used.
    """
    shown = server or pki.server
    return [
        steps.trusted_root(pki.authority.certificate),
        steps.machine_certificate(shown),
        local_user(user, password),
        steps.incoming_connections(),
        steps.server_flags(steps.EAP),
        ias_policy(peap=True),
        eaphost(certificate=shown.thumbprint, methods=methods),
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
