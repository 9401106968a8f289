"""Connecting by our own initiator (lab/ike) instead of charon: the same profile, the exact payloads of a Mac.

Charon stays the engine of the pane's "None": it is independent of us, and what it agrees on is worth more than what two programs of ours
agree on. This one is for what charon cannot do: a Mac's order of payloads and proposals, also after INVALID_KE_PAYLOAD, no N(EAP_ONLY).
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab import budgets
from lab.client import trust
from lab.client.connection import Refused
from lab.client.names import server_address
from lab.client.profile import IKEv2, NoEAP
from lab.client.routes import routes_of_a_mac
from lab.errors import CommandFailed, ConfigError, UnsupportedHere
from lab.probe.probe import JSON, Probe

IKE_PORT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What both ends agreed on."""

    ike: str
    """Suite, as charon names it: "AES_CBC-128/HMAC_SHA1_96"."""
    esp: str
    groups: tuple[int, ...]
    """Groups of KE, one to each IKE_SA_INIT."""
    spi_in: str
    spi_out: str
    dns: tuple[IPv4Address, ...]


class InitiatorTunnel:
    """A connection that is up. As a context manager it ends itself."""

    def __init__(self, mac: InitiatorMac, profile: IKEv2, inner: IPv4Address, agreement: Agreement) -> None:
        self._mac, self.profile, self.agreement = mac, profile, agreement
        self.inner_address = inner
        self._routes: list[str] = []

    @property
    def probe(self) -> Probe:
        """The client host's probe."""
        return self._mac.probe

    @property
    def user(self) -> str:
        """What the server's report calls this client."""
        return self.profile.identity

    @property
    def is_up(self) -> bool:
        """Whether neither end has ended it."""
        return self.probe.ask("ike_is_up") is True

    def add_routes(self) -> None:
        """Set the routes that macOS sets."""
        for destination in routes_of_a_mac(self.inner_address, send_all_traffic=self.profile.send_all_traffic):
            self.probe.add_route(destination, interface=self._mac.interface, source=str(self.inner_address))
            self._routes.append(destination)

    def disconnect(self) -> None:
        """End it; idempotent. Routes, SAs and the inner address go."""
        for destination in self._routes:
            with contextlib.suppress(CommandFailed):  # it went with the inner address
                self.probe.delete_route(destination, interface=self._mac.interface, source=str(self.inner_address))
        self._routes.clear()
        self._mac.clear()

    def __enter__(self) -> InitiatorTunnel:
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()


class InitiatorMac:
    """A client host as a Mac, by our own initiator: its own address, its trusted roots, its DNS server."""

    def __init__(self, probe: Probe, address: str, *, roots: Sequence[x509.Certificate], dns: str | None = None, interface: str = "wan") -> None:
        self.probe, self._address, self._roots, self._dns = probe, address, list(roots), dns
        self.interface = interface
        """By which it leads to the server."""

    def connect(self, profile: IKEv2) -> InitiatorTunnel:
        """Connect.

        Raises:
            UnsupportedHere: the host lacks what the initiator needs.
            ConfigError: the profile has what only charon does here.
            ProfileRefused: before any packet.
            Refused: one end refused; says which and why.
        """
        profile.check()
        own = profile.authentication
        if not isinstance(own, NoEAP) or not own.send_certificate or profile.ike_parameters or profile.child_parameters:
            raise ConfigError("our own initiator takes a profile of the pane with a certificate", hint="lab.client.connection.Mac takes the others")
        if self.probe.ask("has_ike") is not True:
            raise UnsupportedHere(f"{self.probe.host} has no Python library cryptography, which our own initiator needs",
                                  hint="the embedded lab has it")
        answer = self._ask(profile, own, server_address(profile.server_address, self.probe, self._dns))
        if answer["up"] is not True:
            by = str(answer["by"])
            raise Refused("server" if by == "server" else "client" if by == "client" else "nobody", str(answer["reason"]), notify=str(answer["notify"]))
        try:
            return self._judged(profile, answer)
        except BaseException:
            self.clear()
            raise

    def _ask(self, profile: IKEv2, own: NoEAP, address: str) -> Mapping[str, JSON]:
        by = {"method": "signature", "certificate": own.certificate.certificate_pem, "key": own.certificate.private_key_pem}
        roots = [root.public_bytes(serialization.Encoding.PEM).decode() for root in self._roots]
        request = {"local": self._address, "server": address, "port": IKE_PORT, "interface": self.interface, "identity": profile.identity,
                   "remote_id": profile.remote_id, "roots": roots, "by": by}
        answer = self.probe.ask("ike_connect", budget=budgets.IKE_INITIATE, request=request, timeout=budgets.IKE_PATIENCE)
        if not isinstance(answer, dict):
            raise CommandFailed(f"{self.probe.host}: the initiator answered {answer!r}")
        return answer

    def _judged(self, profile: IKEv2, answer: Mapping[str, JSON]) -> InitiatorTunnel:
        leaf = x509.load_der_x509_certificate(base64.b64decode(_texts(answer["certificates"])[0]))
        if problem := trust.evaluate(leaf, self._roots, profile.remote_id):
            raise Refused("client", problem)
        agreement = Agreement(ike=str(answer["ike"]), esp=str(answer["esp"]), groups=tuple(int(one) for one in _texts(answer["groups"])),
                              spi_in=str(answer["spi_in"]), spi_out=str(answer["spi_out"]),
                              dns=tuple(IPv4Address(one) for one in _texts(answer["dns"])))
        tunnel = InitiatorTunnel(self, profile, IPv4Address(str(answer["inner"])), agreement)
        tunnel.add_routes()
        return tunnel

    def clear(self) -> None:
        """End whatever there is."""
        self.probe.ask("ike_disconnect")


def _texts(value: JSON) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
