"""Connecting by our own initiator (lab/ike) instead of charon: the same profile, the exact payloads of a Mac.

Charon stays the engine of the suite (engine.py): it is independent of us, and what it agrees on is worth more than what two programs of ours
agree on. This one is for what charon cannot do: PEAP; a Mac's order of payloads and proposals, also after INVALID_KE_PAYLOAD; no N(EAP_ONLY);
the whole of a Mac's trust, with the name, before the first packet of EAP leaves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab import budgets
from lab.client.connection import Refused, check_roots
from lab.client.names import server_address
from lab.client.profile import Certificate, IKEv2, NoEAP, NoEAPSharedSecret, Username
from lab.client.routes import RoutedTunnel
from lab.client.sas import ChildSa, IkeSa
from lab.errors import CommandFailed, ConfigError, ControlCheckFailed, UnsupportedHere
from lab.probe.probe import JSON, Probe

IKE_PORT = 500
RAS_ERROR = re.compile(r"\bE=(\d+) R=[^/]*")  # E=691 R=0 C=0123… V=3 M=Authentication failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What both ends agreed on."""

    ike: str
    """Suite, as charon names it: "AES_CBC-128/HMAC_SHA1_96"."""
    esp: str
    groups: tuple[int, ...]
    """Groups of KE, one to each IKE_SA_INIT."""
    spi: str
    """The client's of the IKE SA."""
    spi_in: str
    spi_out: str
    eap: tuple[int, ...]
    """Types of the EAP method (26 EAP-MSCHAPv2, 25 PEAP, 13 EAP-TLS) and of the one inside it; none without EAP."""
    dns: tuple[IPv4Address, ...]


class InitiatorTunnel(RoutedTunnel):
    """A connection that our own initiator made."""

    def __init__(self, mac: InitiatorMac, profile: IKEv2, inner: IPv4Address, agreement: Agreement) -> None:
        super().__init__(mac.probe, inner, mac.interface)
        self._mac, self.profile, self.agreement = mac, profile, agreement

    @property
    def user(self) -> str:
        """What the server's report calls this client: the user of EAP, without EAP the identity that it gave itself."""
        return self.profile.eap_identity or self.profile.identity

    @property
    def is_up(self) -> bool:
        """Whether neither end has ended it."""
        return self.probe.ask("ike_is_up") is True

    def sa(self) -> IkeSa:
        """Return the IKE SA with its child, as agreed and as the kernel counts it. Raises ControlCheckFailed when the kernel does not have it."""
        agreed, counted = self.agreement, _octets(self.probe)
        if not self.is_up or not {agreed.spi_in, agreed.spi_out} <= set(counted):
            raise ControlCheckFailed(f"{self.probe.host}: expected the SAs {agreed.spi_in} and {agreed.spi_out}, there are {', '.join(counted) or 'none'}")
        child = ChildSa(suite=agreed.esp, mode="TUNNEL", spi_in=agreed.spi_in, spi_out=agreed.spi_out, local_ts=(f"{self.inner_address}/32",),
                        remote_ts=("0.0.0.0/0",), encapsulated=False, bytes_in=counted[agreed.spi_in], bytes_out=counted[agreed.spi_out])
        return IkeSa(name="own", spi=agreed.spi, state="ESTABLISHED", suite=agreed.ike, group=str(agreed.groups[-1]),
                     local_identity=self.profile.identity or self._mac.address, remote_identity=self.profile.remote_id,
                     inner_addresses=(self.inner_address,), children=(child,))

    def disconnect(self) -> None:
        """End it; idempotent. Routes, SAs and the inner address go."""
        self.remove_routes()
        self._mac.clear()


class InitiatorMac:
    """A client host as a Mac, by our own initiator: its own address, its trusted roots, its DNS server."""

    def __init__(self, probe: Probe, address: str, *, roots: Sequence[x509.Certificate], dns: str | None = None, interface: str = "wan") -> None:
        self.probe, self.address, self._roots, self._dns = probe, address, list(roots), dns
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
        check_roots(self._roots)
        if profile.ike_parameters or profile.child_parameters:
            raise ConfigError("our own initiator takes profiles of the pane, not the parameters of a .mobileconfig", hint="charon takes those")
        proof = _proof(profile)
        if self.probe.ask("has_ike") is not True:
            raise UnsupportedHere(f"{self.probe.host} has no Python library cryptography, which our own initiator needs",
                                  hint="the embedded lab and the stand-in boxes have it")
        answer = self._ask(profile, proof, server_address(profile.server_address, self.probe, self._dns))
        if answer["up"] is not True:
            raise _why_refused(answer)
        tunnel = InitiatorTunnel(self, profile, IPv4Address(str(answer["inner"])), _agreement(answer))
        try:
            tunnel.add_routes(send_all_traffic=profile.send_all_traffic)
        except BaseException:
            tunnel.disconnect()
            raise
        return tunnel

    def _ask(self, profile: IKEv2, by: Mapping[str, str], address: str) -> Mapping[str, JSON]:
        roots = [root.public_bytes(serialization.Encoding.PEM).decode() for root in self._roots]
        request = {"local": self.address, "server": address, "port": IKE_PORT, "interface": self.interface, "identity": profile.identity or self.address,
                   "remote_id": profile.remote_id, "roots": roots, "by": by}
        answer = self.probe.ask("ike_connect", budget=budgets.IKE_INITIATE, request=request, timeout=budgets.IKE_PATIENCE)
        if not isinstance(answer, dict):
            raise CommandFailed(f"{self.probe.host}: the initiator answered {answer!r}")
        return answer

    def clear(self) -> None:
        """End whatever there is."""
        self.probe.ask("ike_disconnect")


def _proof(profile: IKEv2) -> Mapping[str, str]:
    """Return how the client proves itself, as the agent takes it. Raises ConfigError."""
    match profile.authentication:
        case NoEAP(certificate=own, send_certificate=True):
            return {"method": "signature", "certificate": own.certificate_pem, "key": own.private_key_pem}
        case Certificate(certificate=own):
            return {"method": "eap-tls", "user": profile.eap_identity, "certificate": own.certificate_pem, "key": own.private_key_pem}
        case Username(account=account, password=password):
            return {"method": "eap-password", "user": account, "password": password.reveal()}
        case NoEAP() | NoEAPSharedSecret():
            raise ConfigError("our own initiator takes neither a shared secret nor a client that hides its certificate", hint="charon takes both")


def _why_refused(answer: Mapping[str, JSON]) -> Refused:
    by, reason = str(answer["by"]), str(answer["reason"])
    reason = RAS_ERROR.sub(lambda found: f"RAS error {found[1]}", reason)
    return Refused("server" if by == "server" else "client" if by == "client" else "nobody", reason, notify=str(answer["notify"]))


def _agreement(answer: Mapping[str, JSON]) -> Agreement:
    return Agreement(ike=str(answer["ike"]), esp=str(answer["esp"]), groups=tuple(int(one) for one in _texts(answer["groups"])),
                     spi=str(answer["spi"]), spi_in=str(answer["spi_in"]), spi_out=str(answer["spi_out"]), eap=tuple(int(one) for one in _texts(answer["eap"])),
                     dns=tuple(IPv4Address(one) for one in _texts(answer["dns"])))


def _octets(probe: Probe) -> dict[str, int]:
    """Return what the kernel has counted of each ESP SA, octets by SPI."""
    states = probe.facts()["xfrm_states"]
    return {str(one["spi"]): int(str(one["bytes"])) for one in states if isinstance(one, dict)} if isinstance(states, list) else {}


def _texts(value: JSON) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
