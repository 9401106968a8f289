"""Connecting by Cisco IPSec as macOS does: phase 1 that announces XAUTH, the user's password, an address by Mode Config; and taking it back.

Windows refuses it in phase 1. Against a server that has XAUTH it comes up, as every inverted twin shows (ledger, cisco-xauth-refused): a
refusal is the server's, and no fault of the attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab import budgets
from lab.client import cisco_config
from lab.client.charon import forget
from lab.client.cisco_profile import CiscoIPSec, Exchange
from lab.client.connection import Refused
from lab.client.ikev1_refusal import why_ipsec_failed
from lab.client.names import server_address
from lab.client.sas import IkeSa, only_sa
from lab.errors import ControlCheckFailed
from lab.probe.probe import Probe

SETTINGS = "/run/lab/charon-unity.conf"
"""Included by strongswan.client.conf."""


class CiscoTunnel:
    """A connection that is up. As a context manager it ends itself."""

    def __init__(self, mac: CiscoMac, profile: CiscoIPSec) -> None:
        self._mac, self.profile = mac, profile
        self.inner_address: IPv4Address = self.sa().inner_addresses[0]

    @property
    def probe(self) -> Probe:
        """The client host's probe."""
        return self._mac.probe

    @property
    def user(self) -> str:
        """What a server's report calls this client: the account."""
        return self.profile.account

    def sa(self) -> IkeSa:
        """Return the IKE SA with its child. Raises ControlCheckFailed when there is not exactly one of each."""
        sa = only_sa(self.probe)
        if not sa.inner_addresses:
            raise ControlCheckFailed(f"{self.probe.host}: expected an inner address, the IKE SA has none: {sa}")
        return sa

    def disconnect(self) -> None:
        """End it; idempotent."""
        self._mac.clear()

    def __enter__(self) -> CiscoTunnel:
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()


class CiscoMac:
    """A client host as a Mac, for VPN Type "Cisco IPSec"."""

    def __init__(self, probe: Probe, *, roots: Sequence[x509.Certificate], dns: str | None = None) -> None:
        self.probe, self._roots, self._dns = probe, list(roots), dns
        self._announces_unity = False

    def connect(self, profile: CiscoIPSec, *, exchange: Exchange | None = None) -> CiscoTunnel:
        """Connect.

        Args:
            profile: the profile.
            exchange: of phase 1, in place of the one that macOS takes: a certificate in aggressive mode is what no Mac sends.

        Raises:
            ProfileRefused: before any packet.
            Refused: one end refused the last attempt; says which and why.
        """
        profile.check()
        address = server_address(profile.server_address, self.probe, self._dns, hosts=self.probe.read_file("/etc/hosts"))
        self.clear()
        try:
            self._negotiate(profile, address, exchange or profile.exchange)
            return CiscoTunnel(self, profile)
        except BaseException:
            self.clear()
            raise

    def _negotiate(self, profile: CiscoIPSec, address: str, exchange: Exchange) -> None:
        self._announce_unity(yes=True)
        roots = [root.public_bytes(serialization.Encoding.PEM).decode() for root in self._roots]
        for command, message in cisco_config.credentials(profile, roots):
            self.probe.vici(command, message)
        refusal: Refused | None = None
        for transforms in cisco_config.attempts(exchange):
            self.probe.vici("load_conn", cisco_config.connection(profile, address, transforms, exchange))
            done = self.probe.vici_control("initiate", {"child": cisco_config.CHILD, "ike": cisco_config.CONNECTION,
                                                        "timeout": str(int(budgets.MAIN_MODE_PATIENCE * 1000)), "loglevel": "1"})
            if not done.error:
                return
            refusal = why_ipsec_failed(done)
        assert refusal is not None
        raise refusal

    def _announce_unity(self, *, yes: bool) -> None:
        if yes != self._announces_unity:
            self.probe.write_file(SETTINGS, cisco_config.UNITY_SETTING if yes else "", mode=0o644)
            self.probe.vici("reload_settings")
            self._announces_unity = yes

    def clear(self) -> None:
        """End whatever there is, and forget profile, secrets and certificates."""
        forget(self.probe, cisco_config.CONNECTION)
        self._announce_unity(yes=False)
