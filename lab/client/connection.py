"""Connecting as macOS does: resolve, send, judge the server's certificate, set routes; and take everything back.

Where charon cannot do what macOS does, this module does it: names by DNS only, the CN as a name when the certificate has no
dNSName, serverAuth, routes. A certificate that charon accepts and macOS would not is refused at once after the exchange.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab import budgets
from lab.client import strongswan
from lab.client.charon import forget
from lab.client.eap_refusal import why_eap_ended
from lab.client.names import server_address
from lab.client.profile import IKEv2, NoEAPSharedSecret
from lab.client.routes import RoutedTunnel
from lab.client.sas import ChildSa, IkeSa, only_sa, read_sas
from lab.client.shown import certificate_shown, subject_shown
from lab.errors import ConnectionRefused, ControlCheckFailed, ProfileRefused
from lab.ike import trust
from lab.probe.probe import Control, Probe
from lab.waiting import Deadline, wait_until

SECRET_HINT = ("IKEv2 needs certificates here: Windows has no shared secret for incoming IKEv2 connections; choose Certificate under None, "
               "or L2TP over IPSec for a shared secret")
"""Diagnosis of a refused shared secret."""
COMMON_NAME_HINT = "charon takes no CN for a name; if the certificate has no dNSName, our own initiator does (lab.client.engine.Engine.OWN)"
UNTRUSTED_KEY = "no trusted RSA public key found"
NOTIFIES = ("AUTHENTICATION_FAILED", "NO_PROPOSAL_CHOSEN", "INTERNAL_ADDRESS_FAILURE", "TS_UNACCEPTABLE", "INVALID_KE_PAYLOAD",
            "INVALID_SYNTAX", "FAILED_CP_REQUIRED", "SINGLE_PAIR_REQUIRED", "NO_ADDITIONAL_SAS")


class Refused(ConnectionRefused):
    """A connection that one end refused."""

    def __init__(
        self, by: Literal["server", "client", "nobody"], reason: str, *, notify: str = "", log: Sequence[str] = (), hint: str = ""
    ) -> None:
        super().__init__(f"the connection was refused by the {by}: {reason}" if by != "nobody" else f"the connection failed: {reason}",
                         evidence="\n".join(log[-12:]), hint=hint)
        self.by = by
        """Which end; "nobody" when no answer came."""
        self.reason = reason
        self.notify = notify
        """The server's notify, if it sent one: its IANA name."""


class Tunnel(RoutedTunnel):
    """A connection that charon made."""

    def __init__(self, mac: Mac, profile: IKEv2, *, attempts: int, by_common_name: bool) -> None:
        super().__init__(mac.probe, only_sa(mac.probe).inner_addresses[0], mac.interface)
        self._mac, self.profile = mac, profile
        self.attempts = attempts
        self.by_common_name = by_common_name
        """The server's certificate had no dNSName, its CN matched: no IDr was sent in the second attempt (a limit of charon)."""

    @property
    def user(self) -> str:
        """What the server's report calls this client: the user of EAP, without EAP the identity that it gave itself. Raises as `sa` does."""
        return self.profile.eap_identity or self.sa().local_identity

    def sa(self) -> IkeSa:
        """Return the IKE SA with its child. Raises ControlCheckFailed when there is not exactly one of each."""
        return only_sa(self.probe)

    def rekey_child(self) -> Control:
        """Rekey the child SA from the client's side; return charon's word on it."""
        return self.probe.vici_control("rekey", {"child": strongswan.CHILD})

    def children(self) -> list[ChildSa]:
        """Return the child SAs that there are at this moment: two in the middle of a rekey, none when the connection is gone."""
        return [child for sa in self._mac.sas() for child in sa.children]

    def await_other_child(self, spi_out: str) -> ChildSa:
        """Wait for a child SA with another SPI than this one: the rekey is done. Raises ControlCheckFailed."""

        def other() -> ChildSa | None:
            children = self.children()
            return children[0] if len(children) == 1 and children[0].spi_out != spi_out else None

        found = wait_until(other, Deadline(budgets.APPEAR), lambda: ControlCheckFailed(f"{self.probe.host}: the child SA was not rekeyed"))
        assert found is not None
        return found

    def await_other_ike(self, spi: str) -> IkeSa:
        """Wait for one IKE SA, with another SPI than this one: the rekey is done, the old one deleted. Raises ControlCheckFailed."""

        def other() -> IkeSa | None:
            sas = self._mac.sas()
            return sas[0] if len(sas) == 1 and sas[0].spi != spi and sas[0].state == "ESTABLISHED" else None

        found = wait_until(other, Deadline(budgets.APPEAR), lambda: ControlCheckFailed(f"{self.probe.host}: the IKE SA was not rekeyed"))
        assert found is not None
        return found

    def disconnect(self) -> None:
        """End it; idempotent. Routes, SAs, credentials and the inner address go."""
        self.remove_routes()
        self._mac.clear()


def check_roots(roots: Sequence[x509.Certificate]) -> None:
    """Refuse roots that do not count as such. Raises ProfileRefused."""
    for root in roots:
        if problem := trust.evaluate_root(root):
            raise ProfileRefused(f"{_name(root)!r} does not count as a root: {problem}")


def _name(root: x509.Certificate) -> str:
    """Return what a keychain would call a certificate."""
    return next(iter(trust.common_names(root)), root.subject.rfc4514_string())


class Mac:
    """A client host as a Mac: its trusted roots and its DNS server."""

    def __init__(self, probe: Probe, *, roots: Sequence[x509.Certificate], dns: str | None = None, interface: str = "wan") -> None:
        self.probe, self._roots, self._dns = probe, list(roots), dns
        self.interface = interface
        """By which it leads to the server."""

    def connect(self, profile: IKEv2) -> Tunnel:
        """Connect.

        Raises:
            ProfileRefused: before any packet.
            Refused: one end refused; says which and why.
        """
        profile.check()
        check_roots(self._roots)
        address = server_address(profile.server_address, self.probe, self._dns)
        self.clear()
        roots = [root.public_bytes(serialization.Encoding.PEM).decode() for root in self._roots]
        for command, message in strongswan.credentials(profile, roots):
            self.probe.vici(command, message)
        try:
            return self._negotiate(profile, address)
        except BaseException:
            self.clear()
            raise

    def _negotiate(self, profile: IKEv2, address: str) -> Tunnel:
        done = self._initiate(profile, address, remote_id=profile.remote_id)
        attempts, by_common_name = 1, False
        if done.error and any(UNTRUSTED_KEY in line for line in done.log) and f"CN={profile.remote_id}" in subject_shown(done.log):
            if profile.eap_identity:  # in a second attempt EAP would begin before the name is judged
                raise Refused("client", why_refused(done).reason, log=done.log, hint=COMMON_NAME_HINT)
            attempts, by_common_name = 2, True
            done = self._initiate(profile, address, remote_id="%any")
        if done.error:
            raise why_refused(done, hint=SECRET_HINT if isinstance(profile.authentication, NoEAPSharedSecret) else "")
        if not isinstance(profile.authentication, NoEAPSharedSecret) and (problem := trust.evaluate(certificate_shown(self.probe, done.log), self._roots, profile.remote_id)):
            raise Refused("client", problem, log=done.log)
        tunnel = Tunnel(self, profile, attempts=attempts, by_common_name=by_common_name)
        tunnel.add_routes(send_all_traffic=profile.send_all_traffic)
        return tunnel

    def _initiate(self, profile: IKEv2, address: str, *, remote_id: str) -> Control:
        self.probe.vici("load_conn", strongswan.connection(profile, address, remote_id=remote_id))
        return self.probe.vici_control("initiate", {"child": strongswan.CHILD, "ike": strongswan.CONNECTION,
                                                    "timeout": str(int(budgets.IKE_PATIENCE * 1000)), "loglevel": "1"})

    def sas(self) -> list[IkeSa]:
        """Return the IKE SAs of this client."""
        return read_sas(self.probe)

    def clear(self) -> None:
        """End whatever there is, and forget profiles, credentials and cached certificates."""
        forget(self.probe, strongswan.CONNECTION)


def why_refused(done: Control, *, hint: str = "") -> Refused:
    """Return the refusal that charon's log tells of; `hint`: what the profile lets one say of a refusal by the server."""
    lines = list(done.log)
    # received AUTHENTICATION_FAILED notify error; received INTERNAL_ADDRESS_FAILURE notify, no CHILD_SA built
    received = [line.split()[1] for line in lines if line.startswith("received ") and " notify" in line]
    errors = [name for name in received if name in NOTIFIES]
    if (ended := why_eap_ended(lines)) is not None:
        return Refused("server" if ended.by_server else "client", ended.reason, notify=errors[-1] if errors else "", log=lines, hint=hint)
    if errors:
        return Refused("server", errors[-1], notify=errors[-1], log=lines, hint=hint)
    own = [line for line in lines if any(sign in line for sign in (
        "certificate invalid", "no issuer certificate found", "constraint check failed", "does not match to"))]
    own = own or [line for line in lines if UNTRUSTED_KEY in line]
    if any("generating INFORMATIONAL request" in line and "AUTH_FAILED" in line for line in lines) or own:
        return Refused("client", own[-1].strip() if own else "the server could not be authenticated", log=lines)
    if any("giving up" in line or "retransmit" in line for line in lines):
        return Refused("nobody", "no answer from the server", log=lines)
    return Refused("nobody", done.error or "unknown", log=lines)
