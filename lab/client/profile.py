"""Profiles: the fields of macOS 10.13's Network pane for VPN Type "IKEv2", with its labels, and what only a .mobileconfig can set.

A wrong or missing field is refused before any packet is sent, as macOS refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from lab.errors import ConfigError, ProfileRefused
from lab.ike.trust import names_of
from lab.pki import Identity
from lab.secrets import Secret

IKE_GROUPS = {1: "modp768", 2: "modp1024", 5: "modp1536", 14: "modp2048", 15: "modp3072", 16: "modp4096", 19: "ecp256", 20: "ecp384",
              21: "ecp521"}
ENCRYPTION = {"DES": "des", "3DES": "3des", "AES-128": "aes128", "AES-256": "aes256", "AES-128-GCM": "aes128gcm16",
              "AES-256-GCM": "aes256gcm16"}
INTEGRITY = {"SHA1-96": "sha1", "SHA1-160": "sha1_160", "SHA2-256": "sha256", "SHA2-384": "sha384", "SHA2-512": "sha512"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityAssociationParameters:
    """IKESecurityAssociationParameters or ChildSecurityAssociationParameters of a .mobileconfig: one proposal."""

    encryption_algorithm: str = "AES-256"
    integrity_algorithm: str = "SHA2-256"
    diffie_hellman_group: int = 14

    def __post_init__(self) -> None:
        """Refuse what a .mobileconfig cannot say."""
        for name, value, known in (("EncryptionAlgorithm", self.encryption_algorithm, ENCRYPTION),
                                   ("IntegrityAlgorithm", self.integrity_algorithm, INTEGRITY)):
            if value not in known:
                raise ConfigError(f"{name} {value!r} is not known to a .mobileconfig", hint=f"it knows {', '.join(known)}")
        if self.diffie_hellman_group not in IKE_GROUPS:
            raise ConfigError(f"DiffieHellmanGroup {self.diffie_hellman_group} is not known to a .mobileconfig",
                              hint=f"it knows {', '.join(map(str, IKE_GROUPS))}")

    def proposal(self, *, group: bool) -> str:
        """Return it as strongSwan's proposal."""
        cipher = ENCRYPTION[self.encryption_algorithm]
        parts = [cipher] if "gcm" in cipher and not group else [cipher, INTEGRITY[self.integrity_algorithm]]
        return "-".join([*parts, *([IKE_GROUPS[self.diffie_hellman_group]] if group else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEAP:
    """Authentication Settings "None": no EAP, AUTH in the first message, with a certificate."""

    certificate: Identity
    send_certificate: bool = True
    """False only in counter-tests: a client that proves possession of a key but shows no certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEAPSharedSecret:
    """Authentication Settings "None" with "Shared Secret": AUTH in the first message all the same, by the secret."""

    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Username:
    """Authentication Settings "Username": EAP with a password. Whether EAP-MSCHAPv2 or PEAP with it inside, the server decides by what it offers."""

    account: str
    """Field "Username", with or without a domain; said in EAP alone, never in IDi."""
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Authentication Settings "Certificate": EAP-TLS. An expired one is shown all the same, and the server refuses it (inferred)."""

    certificate: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class IKEv2:
    """A service with VPN Type "IKEv2"."""

    server_address: str
    """Field "Server Address": dotted, or a name that DNS knows."""
    remote_id: str
    """Field "Remote ID": a name in the server's certificate."""
    local_id: str = ""
    """Field "Local ID": empty means the client's address (macOS); for certificates without EAP a name in the client's."""
    authentication: NoEAP | NoEAPSharedSecret | Username | Certificate
    send_all_traffic: bool = True
    """Whether the default route leads into the tunnel; else only the classful network of the inner address does."""
    ike_parameters: SecurityAssociationParameters | None = None
    """Only by .mobileconfig; the pane's five proposals without it."""
    child_parameters: SecurityAssociationParameters | None = None
    enable_pfs: bool = False
    """Only by .mobileconfig, and only with child parameters: the pane's proposals have no group."""

    def __post_init__(self) -> None:
        """Refuse what would have no effect."""
        if self.enable_pfs and self.child_parameters is None:
            raise ConfigError("enable_pfs has no effect without child_parameters", hint="child_parameters=SecurityAssociationParameters()")

    def check(self) -> None:
        """Refuse what macOS refuses before it sends a packet. Raises ProfileRefused."""
        if not self.server_address:
            raise ProfileRefused("the field Server Address is empty")
        if not self.remote_id:
            raise ProfileRefused("the field Remote ID is empty", hint="it names the server as its certificate does")
        match self.authentication:
            case NoEAPSharedSecret(secret=secret):
                _check_field("Shared Secret", secret.reveal())
            case Username(account=account, password=password):
                _check_field("Username", account)
                _check_field("Password", password.reveal(), hint="macOS asks for it at each connection, the stand-in has nobody to ask")
            case NoEAP(certificate=own) if not self.local_id and not names_of(own.certificate):
                raise ProfileRefused("the field Local ID is empty, and the client's certificate has no name", hint="give it a dNSName or a CN")
            case Certificate(certificate=own) if not names_of(own.certificate):
                raise ProfileRefused("the client's certificate has no name, and EAP asks for one", hint="give it a dNSName or a CN")

    @property
    def identity(self) -> str:
        """What the client calls itself in IDi: Local ID, else the first name in its certificate; with a shared secret or EAP "", its address."""
        if self.local_id or not isinstance(self.authentication, NoEAP):
            return self.local_id
        return names_of(self.authentication.certificate.certificate)[0]

    @property
    def eap_identity(self) -> str:
        """What it says when EAP asks: the user name; with a certificate the first name in it (inferred). Without EAP ""."""
        match self.authentication:
            case Username(account=account):
                return account
            case Certificate(certificate=own):
                return names_of(own.certificate)[0]
        return ""


def _check_field(label: str, value: str, *, hint: str = "") -> None:
    """Refuse what no field of the pane can hold. Raises ProfileRefused, which does not say what it holds."""
    if not value:
        raise ProfileRefused(f"the field {label} is empty", hint=hint)
    if any(character in value for character in "\0\r\n"):
        raise ProfileRefused(f"the field {label} has a line break or a NUL, which the pane takes from nobody")


def ikev2_from_fields(values: Mapping[str, object]) -> IKEv2:
    """Return a profile from fields by name, as a file or a command line gives them. Raises ConfigError for an unknown field."""
    known = {field.name for field in fields(IKEv2)}
    if unknown := sorted(set(values) - known):
        raise ConfigError(f"an IKEv2 profile has no field {unknown[0]!r}", hint=f"it has {', '.join(sorted(known))}")
    try:
        return IKEv2(**values)  # type: ignore[arg-type]  # checked by the dataclass's users
    except TypeError as error:
        raise ConfigError(f"the IKEv2 profile is incomplete: {error}") from error
