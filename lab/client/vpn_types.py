"""The VPN Types of macOS 10.13's Network pane by name, each with the profile that it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lab.client.cisco_profile import CiscoIPSec, cisco_from_fields
from lab.client.l2tp_profile import L2TP, l2tp_from_fields
from lab.client.profile import IKEv2, ikev2_from_fields
from lab.errors import ConfigError

VPN_TYPES: Mapping[str, Callable[[Mapping[str, object]], IKEv2 | L2TP | CiscoIPSec]] = {
    "L2TP over IPSec": l2tp_from_fields, "Cisco IPSec": cisco_from_fields, "IKEv2": ikev2_from_fields,
}
"""By the pane's labels (article, introduction): PPTP went with macOS 10.12, and SSTP never came."""


def profile_from_fields(vpn_type: str, values: Mapping[str, object]) -> IKEv2 | L2TP | CiscoIPSec:
    """Return the profile of a type from fields by name. Raises ConfigError for a type that the pane lacks, an unknown or missing field."""
    if vpn_type not in VPN_TYPES:
        raise ConfigError(f"macOS 10.13 has no VPN Type {vpn_type!r}", hint=f"it has {', '.join(VPN_TYPES)}")
    return VPN_TYPES[vpn_type](values)
