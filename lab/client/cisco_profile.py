"""Profiles: the fields of macOS 10.13's Network pane for VPN Type "Cisco IPSec", with its labels.

The pane has no field for the exchange: racoon takes aggressive mode for a shared secret with a Group Name, main mode for everything else
(ppp-847, IPSecIsAggressiveMode). No Windows serves this type; what is refused here is only what macOS refuses before it sends a packet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from lab.client.l2tp_profile import MachineCertificate, SharedSecret
from lab.errors import ConfigError, ProfileRefused
from lab.secrets import Secret


class Exchange(StrEnum):
    """How phase 1 is negotiated (RFC 2409, 5)."""

    MAIN = "main mode"
    AGGRESSIVE = "aggressive mode"


@dataclass(frozen=True, slots=True, kw_only=True)
class CiscoIPSec:
    """A service with VPN Type "Cisco IPSec"."""

    server_address: str
    """Field "Server Address": dotted, or a name, which /etc/hosts may know."""
    account: str
    """Field "Account Name": who XAUTH is told that the user is."""
    password: Secret
    machine: SharedSecret | MachineCertificate
    """"Machine Authentication"."""
    group_name: str = ""
    """Field "Group Name": the identity (KEY_ID) that goes with a shared secret, and makes the exchange aggressive."""

    @property
    def exchange(self) -> Exchange:
        """The exchange that racoon takes for these fields."""
        return Exchange.AGGRESSIVE if self.group_name and isinstance(self.machine, SharedSecret) else Exchange.MAIN

    def check(self) -> None:
        """Refuse what macOS refuses before it sends a packet. Raises ProfileRefused."""
        wanted = [("Server Address", self.server_address), ("Account Name", self.account), ("Password", self.password.reveal())]
        if isinstance(self.machine, SharedSecret):
            wanted.append(("Shared Secret", self.machine.secret.reveal()))
        for label, value in wanted:
            if not value:
                raise ProfileRefused(f"the field {label} is empty")
        for label, value in (*wanted, ("Group Name", self.group_name)):
            if any(character in value for character in "\0\r\n"):
                raise ProfileRefused(f"the field {label} has a line break or a NUL, which the pane takes from nobody")


def cisco_from_fields(values: Mapping[str, object]) -> CiscoIPSec:
    """Return a profile from fields by name, as a file or a command line gives them. Raises ConfigError for an unknown or missing field."""
    known = {field.name for field in fields(CiscoIPSec)}
    if unknown := sorted(set(values) - known):
        raise ConfigError(f"a Cisco IPSec profile has no field {unknown[0]!r}", hint=f"it has {', '.join(sorted(known))}")
    try:
        return CiscoIPSec(**values)  # type: ignore[arg-type]  # checked by the dataclass's users
    except TypeError as error:
        raise ConfigError(f"the Cisco IPSec profile is incomplete: {error}") from error
