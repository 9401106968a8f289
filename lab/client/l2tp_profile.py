"""Profiles: the fields of macOS 10.13's Network pane for VPN Type "L2TP over IPSec", with its labels.

A wrong or missing field is refused before any packet is sent. Of the five user authentications only "Password" has a counterpart in
the lab; the other four are refused with the reason, never skipped. Source of the fields: the pane, and configd's names of the keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from lab.errors import ConfigError, ProfileRefused
from lab.pki import Identity
from lab.secrets import Secret


class UserAuthentication(StrEnum):
    """"User Authentication" in the pane's Authentication Settings."""

    PASSWORD = "Password"
    RSA_SECURID = "RSA SecurID"
    CERTIFICATE = "Certificate"
    KERBEROS = "Kerberos"
    CRYPTOCARD = "CryptoCard"


NO_COUNTERPART: Mapping[UserAuthentication, str] = {
    UserAuthentication.RSA_SECURID: "it needs EAP-RSA (EAP type 32), which Windows has no method for",
    UserAuthentication.CERTIFICATE: "it needs EAP-TLS inside PPP, which the article did not pursue",
    UserAuthentication.KERBEROS: "it needs Apple's EAP-KRB, which Windows has no method for",
    UserAuthentication.CRYPTOCARD: "it needs a token card by EAP, which Windows has no method for",
}
"""Why each was not pursued (article, Phase 2 (User) Authentication; that Windows has no counterpart is inferred)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSecret:
    """Machine Authentication "Shared Secret"."""

    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCertificate:
    """Machine Authentication "Certificate"."""

    certificate: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class L2TP:
    """A service with VPN Type "L2TP over IPSec"."""

    server_address: str
    """Field "Server Address": dotted, or a name, which /etc/hosts may know."""
    account: str
    """Field "Account Name"."""
    password: Secret
    machine: SharedSecret | MachineCertificate
    """"Machine Authentication"."""
    user_authentication: UserAuthentication = UserAuthentication.PASSWORD
    group_name: str = ""
    """Field "Group Name": with a shared secret it makes macOS use aggressive mode, which Windows does not have."""
    send_all_traffic: bool = False
    """"Send all traffic over VPN connection"; else only the classful network of the inner address goes into the tunnel."""

    def check(self) -> None:
        """Refuse what macOS refuses before it sends a packet, and what the lab has no counterpart for. Raises ProfileRefused."""
        secret = self.machine.secret.reveal() if isinstance(self.machine, SharedSecret) else "not needed"
        for label, value in (("Server Address", self.server_address), ("Account Name", self.account), ("Shared Secret", secret)):
            if not value:
                raise ProfileRefused(f"the field {label} is empty")
        if self.user_authentication in NO_COUNTERPART:
            raise ProfileRefused(f"user authentication {self.user_authentication.value!r}: {NO_COUNTERPART[self.user_authentication]}",
                                 hint="choose Password, which leads to MS-CHAPv2")
        if self.group_name and isinstance(self.machine, SharedSecret):  # a certificate is always main mode's
            raise ProfileRefused(f"the field Group Name is {self.group_name!r}: with a shared secret it means aggressive mode",
                                 hint="leave it empty: Windows answers main mode only")
        for label, value in (("Account Name", self.account), ("Password", self.password.reveal())):
            if any(character in value for character in "\0\r\n"):
                raise ProfileRefused(f"the field {label} has a line break or a NUL, which the pane takes from nobody")


def l2tp_from_fields(values: Mapping[str, object]) -> L2TP:
    """Return a profile from fields by name, as a file or a command line gives them. Raises ConfigError for an unknown or missing field."""
    known = {field.name for field in fields(L2TP)}
    if unknown := sorted(set(values) - known):
        raise ConfigError(f"an L2TP profile has no field {unknown[0]!r}", hint=f"it has {', '.join(sorted(known))}")
    try:
        return L2TP(**values)  # type: ignore[arg-type]  # checked by the dataclass's users
    except TypeError as error:
        raise ConfigError(f"the L2TP profile is incomplete: {error}") from error
