"""The effective configuration: what the machine's state means for the VPN server. Pure: same state, same answer.

Each decision has its entry in lab/twin/fidelity.yaml, by whose id it can be inverted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab.twin.rras.admission import Admission
from lab.twin.rras.eap.settings import EapSettings, eap_settings
from lab.twin.rras.flags import ServerFlags
from lab.twin.rras.l2tp import L2TP_MINIPORT, l2tp
from lab.twin.rras.l2tp_config import L2tp
from lab.twin.rras.leases import BATCH, Dhcp
from lab.twin.rras.liveness import Liveness, liveness
from lab.twin.rras.policy import Policy, custom_policy, stock_policy
from lab.twin.windows.certificates import Stored
from lab.twin.windows.machine import CLASS, IKEV2, IP, PARAMETERS, POLICY, POOL, SERVICE, STOCK_SERVER_FLAGS, Machine

CHECK_REVOCATION = 4
IKEV2_MINIPORT = "ms_agilevpnminiport"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where inner addresses come from: a static pool, of which the server takes the first."""

    own: IPv4Address
    first: IPv4Address
    """First address for clients."""
    last: IPv4Address

    def clients(self, most: int) -> list[IPv4Address]:
        """Return the addresses for clients, the first `most` of them: more are never connected."""
        return [self.first + offset for offset in range(min(int(self.last) - int(self.first) + 1, most))]


@dataclass(frozen=True, slots=True, kw_only=True)
class VpnServer:
    """Everything that the engine applies."""

    serves: bool
    """Whether IKEv2 connections are accepted at all."""
    certificates_allowed: bool
    policy: Policy
    certificate: Stored | None
    """What the server shows; None: it has nothing fit."""
    roots: tuple[x509.Certificate, ...]
    check_revocation: bool
    revocation_lists: tuple[bytes, ...]
    addresses: Addresses | Dhcp | None
    """None: there are none to give."""
    wan_endpoints: int
    max_wan_endpoints: int
    forwards: bool
    liveness: Liveness = field(default_factory=Liveness)
    fragmentation: bool = False
    """Whether IKEv2 messages are taken and sent in fragments of their own (RFC 7383)."""
    eap: EapSettings = field(default_factory=EapSettings)
    """What IKEv2 clients with EAP find."""
    l2tp: L2tp | None = None
    """None: L2TP is not served."""
    rule_secret: str | None = field(default=None, repr=False)
    """The secret of the dummy rule, which IKEv2 takes from nobody (inverted twins do)."""
    takes_any_root: bool = True
    """Whether a root without BasicConstraints counts."""
    proxy_arp: str = "clients"
    """Whom the server answers ARP for on the LAN: clients, everybody, nobody."""
    quirks: frozenset[str] = field(default_factory=frozenset)
    """Inverted behaviours that only the engine can carry out."""

    @property
    def connection_limit(self) -> int:
        """How many clients may be connected."""
        return min(self.wan_endpoints, self.max_wan_endpoints)

    @property
    def most_clients(self) -> int:
        """How many clients of all types may be connected."""
        return (self.connection_limit if self.serves else 0) + (self.l2tp.endpoints if self.l2tp else 0)

    @property
    def is_complete(self) -> bool:
        """Whether everything is there that a client needs: with a certificate, by EAP, or by L2TP with a shared secret."""
        by_certificate = (self.serves or self.l2tp) and self.certificates_allowed and self.certificate and self.roots
        by_eap = self.serves and self.certificate and self.eap.is_complete
        return bool(self.addresses and (by_certificate or by_eap or (self.l2tp and self.l2tp.secret is not None)))

    @property
    def serves_eap(self) -> bool:
        """Whether IKEv2 clients may ask for EAP."""
        return self.serves and self.eap.allowed

    @property
    def asks_identity(self) -> bool:
        """Whether a client that asks for EAP is asked who it is, which takes a program that carries methods out."""
        return self.serves_eap and (self.eap.host is not None or "eap-asks-without-program" in self.quirks)

    @property
    def needs_certificates(self) -> bool:
        """Whether any tunnel type authenticates with them."""
        return self.serves or (self.l2tp is not None and self.l2tp.certificates_allowed)

    def is_silent(self, *, running: bool) -> bool:
        """Whether an inverted server says nothing at all, where Windows answers with an error."""
        return ("silent-when-incomplete" in self.quirks and not (running and self.is_complete)) or (
            "silent-when-stopped" in self.quirks and not running)


def effective(machine: Machine) -> VpnServer:
    """Return what the machine's state means."""
    registry = machine.registry
    flags = ServerFlags(registry.number(PARAMETERS, "ServerFlags", STOCK_SERVER_FLAGS))
    roots = tuple(stored.certificate for stored in machine.certificates.store("Root"))
    return VpnServer(
        serves=registry.number(SERVICE, "ConfigurationFlags", 0) == 1 and _miniport(machine, "EnableForRas") == 1,
        certificates_allowed=bool(flags & ServerFlags.CERT),
        policy=_policy(machine),
        certificate=choose_certificate(machine.certificates.store("My"), roots),
        roots=roots,
        check_revocation=registry.number(IKEV2, "CertAuthFlags", 0) == CHECK_REVOCATION,
        revocation_lists=tuple(one.public_bytes(serialization.Encoding.DER) for one in machine.certificates.revocation_lists),
        addresses=_addresses(machine),
        wan_endpoints=_miniport(machine, "WanEndpoints"),
        max_wan_endpoints=_miniport(machine, "MaxWanEndpoints"),
        forwards=registry.number(IP, "AllowNetworkAccess", 1) == 1,
        liveness=_liveness(machine),
        fragmentation=registry.number(IKEV2, "EnableServerFragmentation", 0) == 1,
        eap=eap_settings(machine),
        l2tp=_l2tp(machine),
        rule_secret=_rule_secret(machine),
    )


def _liveness(machine: Machine) -> Liveness:
    key = machine.registry.key(IKEV2)
    return liveness({value.name: value.data for value in key.values.values()} if key else {})


def _l2tp(machine: Machine) -> L2tp | None:
    """Return what L2TP is served with: the secret that holds, the users, and who of them may not dial in."""
    state = l2tp(machine)
    if not state.serves:
        return None
    users = {one.name: one.password for one in state.accounts if one.password}  # without one nobody logs on but at the console
    refusals = {name: int(found) for name in users if (found := state.admission(name)) is not Admission.ALLOWED}
    endpoints = min(_miniport(machine, "WanEndpoints", L2TP_MINIPORT), _miniport(machine, "MaxWanEndpoints", L2TP_MINIPORT))
    roots = (stored.certificate for stored in machine.certificates.store("Root"))
    own = choose_certificate(machine.certificates.store("My"), roots)
    pem = own.certificate.public_bytes(serialization.Encoding.PEM).decode() if own else ""
    return with_secrets(machine, L2tp(secret=None, users=users, refusals=refusals, endpoints=endpoints,
                                      certificates_allowed=state.certificates_allowed, certificate=pem))


def with_secrets(machine: Machine, settings: L2tp) -> L2tp:
    """Return settings of L2TP with the secrets that the machine's rules give now."""
    secrets = [one.value for one in l2tp(machine).secrets]
    return replace(settings, secret=secrets[0] if secrets else None, others=tuple(secrets[1:]))


def _rule_secret(machine: Machine) -> str | None:
    secret = l2tp(machine).secret
    return secret.value if secret else None


def _miniport(machine: Machine, name: str, component: str = IKEV2_MINIPORT) -> int:
    for key in machine.registry.subkeys(CLASS):
        if machine.registry.get(f"{CLASS}\\{key}", "ComponentId") == component:
            return machine.registry.number(f"{CLASS}\\{key}", name, 0)
    return 0


def _policy(machine: Machine) -> Policy:
    key = machine.registry.key(POLICY)
    if key is None:
        return stock_policy()
    return custom_policy({value.name: value.data for value in key.values.values()})


def _addresses(machine: Machine) -> Addresses | Dhcp | None:
    """Return DHCP, or the first static pool; None without one, and where not one address may be leased."""
    if machine.registry.number(IP, "UseDhcpAddressing", 1) == 1:
        batch = machine.registry.number(IP, "InitialAddressPoolSize", BATCH)
        return Dhcp(batch=batch) if batch > 0 else None
    if not machine.registry.subkeys(POOL):
        return None
    path = f"{POOL}\\{machine.registry.subkeys(POOL)[0]}"
    first, last = machine.registry.number(path, "From", 0), machine.registry.number(path, "To", 0)
    if not 0 < first < last:  # at least two addresses: the server takes one
        return None
    return Addresses(own=IPv4Address(first), first=IPv4Address(first + 1), last=IPv4Address(last))


def choose_certificate(mine: Iterable[Stored], roots: Iterable[x509.Certificate]) -> Stored | None:
    """Return the certificate that an unconfigured server shows: one of its own with a private key, issued by a trusted root.

    Windows' rules are undocumented ([MS-RRASM] 2.2.3.4.2.7 says "automatic"). Whether it also asks for serverAuth and validity is
    not known, so the twin does not: a client must refuse such a certificate itself. Of several the newest is taken (inferred).
    """
    known = list(roots)
    fit = [stored for stored in mine if stored.key is not None and any(_issued(stored.certificate, root) for root in known)]
    return max(fit, key=lambda stored: stored.certificate.not_valid_before_utc, default=None)


def _issued(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(root)
    except Exception:  # noqa: BLE001 - wrong name, wrong key type, wrong signature: all mean no
        return False
    return True
