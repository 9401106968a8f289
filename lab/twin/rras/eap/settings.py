"""What the machine's state means for EAP when RemoteAccess starts: the bit, ias.xml, the program. Pure.

The bit: [MS-RRASM] 2.2.3.4.6. ias.xml: lab/twin/windows/ias.py. The program: lab/twin/windows/eaphost.py. That all three count from the start is
inferred from the first (settings-count-from-the-start); accounts and the program's own settings are asked at every attempt.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.twin.rras.eap.policy_engine import offered
from lab.twin.rras.flags import ServerFlags
from lab.twin.windows.eaphost import ComponentMissing, EapHost, find_eaphost
from lab.twin.windows.ias import IAS_XML, AccessPolicy, PolicyUnreadable, read_access_policy
from lab.twin.windows.machine import PARAMETERS, STOCK_SERVER_FLAGS, Machine

NOTHING = AccessPolicy(authentication_types=frozenset(), eap_types=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class EapSettings:
    """Everything that EAP needs of the server's state."""

    allowed: bool = False
    """Whether ServerFlags has the bit."""
    host: EapHost | None = None
    """The program that stands for eapahost.dll."""
    missing: str = ""
    """Why there is none."""
    policy: AccessPolicy = NOTHING
    unreadable: str = ""
    """Why there is no policy; then nothing is allowed."""

    @property
    def is_complete(self) -> bool:
        """Whether a client could be authenticated."""
        return self.allowed and self.host is not None and bool(offered(self.host.methods, self.policy.methods))


def eap_settings(machine: Machine) -> EapSettings:
    """Return what the machine's state means. Where EAP is off and has no program nobody reads the policy."""
    allowed = bool(ServerFlags(machine.registry.number(PARAMETERS, "ServerFlags", STOCK_SERVER_FLAGS)) & ServerFlags.EAP)
    host, missing = None, ""
    try:
        host = find_eaphost(machine)
    except ComponentMissing as error:
        missing = str(error)
        if not allowed:
            return EapSettings()
    try:
        policy, unreadable = read_access_policy(machine.files.get(IAS_XML.lower())), ""
    except PolicyUnreadable as error:
        policy, unreadable = NOTHING, str(error)
    return EapSettings(allowed=allowed, host=host, missing=missing, policy=policy, unreadable=unreadable)
