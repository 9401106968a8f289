"""What the machine's state means for L2TP over IPsec: which secret holds, whether certificates do, who may dial in. Pure.

The secret is that of an IPsec rule in tunnel mode with a pre-shared key (observed by the article's author). The rest is inferred: main mode
is chosen by addresses before anybody says who they are, and such rules all have "any" as the other end, so one secret holds for everybody, and
two rules with different secrets are in each other's way ("problematic", says the article). Which one Windows takes is not documented; here it
is the rule that was made first. A rule for certain peers only, or for another keying module than IKEv1, gives L2TP no secret.

Certificates: ServerFlags 0x04000000 ([MS-RRASM] 2.2.3.4.6; article). Users: admission.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.twin.rras.admission import Admission, admission
from lab.twin.rras.flags import ServerFlags
from lab.twin.windows.ipsec import IPsecRule, KeyModule, Mode
from lab.twin.windows.machine import CLASS, PARAMETERS, SERVICE, STOCK_SERVER_FLAGS, Machine
from lab.twin.windows.users import Account

L2TP_MINIPORT = "ms_l2tpminiport"
IKEV1 = (KeyModule.IKEV1, KeyModule.DEFAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSecret:
    """A secret, and the rule that gives it."""

    rule: str
    """The rule's DisplayName."""
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class L2tpServer:
    """Everything that L2TP over IPsec needs of the server's state."""

    serves: bool
    """Whether L2TP connections are accepted at all."""
    secrets: tuple[SharedSecret, ...]
    """Of every rule that could give one, the first made first."""
    certificates_allowed: bool
    accounts: tuple[Account, ...]

    @property
    def secret(self) -> SharedSecret | None:
        """The one that holds; None: phase 1 with a secret fails."""
        return self.secrets[0] if self.secrets else None

    @property
    def conflict(self) -> tuple[str, ...]:
        """Names of all rules with a secret if these differ; empty: there is no conflict."""
        return tuple(one.rule for one in self.secrets) if len({one.value for one in self.secrets}) > 1 else ()

    def admission(self, user: str) -> Admission:
        """Return whether a user may dial in, the password aside."""
        return admission(self.accounts, user)


def l2tp(machine: Machine) -> L2tpServer:
    """Return what the machine's state means."""
    flags = ServerFlags(machine.registry.number(PARAMETERS, "ServerFlags", STOCK_SERVER_FLAGS))
    return L2tpServer(
        serves=machine.registry.number(SERVICE, "ConfigurationFlags", 0) == 1 and _inbound(machine),
        secrets=tuple(SharedSecret(rule=rule.display_name, value=value) for rule in machine.ipsec.rules() if (value := _secret(machine, rule))),
        certificates_allowed=bool(flags & ServerFlags.CERT), accounts=tuple(machine.accounts.by_name.values()),
    )


def _inbound(machine: Machine) -> bool:
    keys = (f"{CLASS}\\{key}" for key in machine.registry.subkeys(CLASS))
    return any(machine.registry.get(key, "ComponentId") == L2TP_MINIPORT and machine.registry.number(key, "EnableForRas", 0) == 1 for key in keys)


def _secret(machine: Machine, rule: IPsecRule) -> str | None:
    """Return the secret that a rule gives L2TP; None if it gives none."""
    if not rule.enabled or rule.mode is not Mode.TUNNEL or rule.key_module not in IKEV1 or rule.remote_address != "Any":
        return None
    own = machine.ipsec.set_of(rule)
    return None if own is None else own.preshared_key
