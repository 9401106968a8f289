"""The server's firewall: steps that open, close and change it, and what it says of the packets that it dropped.

Silence has two causes that look the same on the wire: a packet was dropped, or nobody listens. The server's side tells them apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import Literal

from lab import budgets
from lab.probe.probe import JSON
from lab.server.lab_steps import ECHO_REQUEST, RULES, TICKS_PER_MICROSECOND, YEAR_ONE
from lab.server.session import WindowsSession
from lab.server.steps import Step
from lab.waiting import Deadline

VPN_INTERFACE = "RAS (Dial In) Interface"
"""What Windows calls the interface that clients are behind (article, Addressing, Routing and Firewall)."""
KEYING_SERVICE = "IKEEXT"
ORIGINAL_PROFILE = "FWPM_CONDITION_ORIGINAL_PROFILE_ID"
CONDITION = re.compile(r"<fieldKey>(\w+)</fieldKey>\s*<matchType>\w+</matchType>\s*<conditionValue>\s*<type>\w+</type>\s*<\w+>([^<]*)<")
NAME = re.compile(r"<name>([^<]*)</name>")  # <name>Query User</name>


class Profile(StrEnum):
    """Profiles of a network, and the word for all of them."""

    PUBLIC = "Public"
    PRIVATE = "Private"
    ANY = "Any"


PROFILE_NUMBERS = {Profile.PUBLIC: "1", Profile.PRIVATE: "2"}
"""As filters and drops have them (observed by others: 1 on what is Public, 2 on what is Private)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalService:
    """A service of the server's own."""

    name: str
    protocol: Literal["TCP", "UDP", "ICMPv4"]
    ports: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    @property
    def port(self) -> int:
        """Its first port, or ICMP type: what a drop of its packets has as local port."""
        return int((*self.ports, *self.types)[0])


ENDPOINT_MAPPER = LocalService(name="endpoint-mapper", protocol="TCP", ports=("135",))
"""RPC's, which listens on every Windows."""
ECHO = LocalService(name="echo", protocol="ICMPv4", types=(ECHO_REQUEST,))
IKE = LocalService(name="ike", protocol="UDP", ports=("500", "4500"))


def firewall_rule(service: LocalService, profile: Profile, *, action: Literal["Allow", "Block"] = "Allow") -> Step:
    """Let a service in, or keep it out, in one profile or all."""
    name = f"{RULES}-{action.lower()}-{service.name}-{profile.value.lower()}"
    return Step(name=f"firewall-rule-{action}-{service.name}-{profile}".lower(), script="firewall-rule",
                because="Windows lets in what a rule for the profile allows, and nothing that a rule blocks",
                parameters={"name": name, "display": f"{RULES} {service.name}", "action": action, "profile": profile.value,
                            "protocol": service.protocol, "ports": list(service.ports), "types": list(service.types)})


def vpn_network(profile: Literal[Profile.PUBLIC, Profile.PRIVATE]) -> Step:
    """Take the VPN's network for public or private: while a client is connected, since only then it has a profile."""
    return Step(name="vpn-network", script="vpn-network", parameters={"interface": VPN_INTERFACE, "category": profile.value},
                because="the profile decides which rules count")


def stopped_service(name: str) -> Step:
    """Stop a service."""
    return Step(name=f"stopped-{name.lower()}", script="service-stopped", parameters={"name": name}, because="whoever does not run does not listen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter of the Windows Filtering Platform."""

    name: str
    conditions: Mapping[str, str]
    """Values by condition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A packet that a filter dropped."""

    at: datetime
    remote: str
    local_port: int
    """Of ICMP: the type."""
    original_profile: str
    current_profile: str
    """Numbers of PROFILE_NUMBERS."""
    filter: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallView:
    """What the server's side says of silence."""

    drops: tuple[Drop, ...]
    listening: frozenset[int]
    """UDP ports that somebody listens on."""


def read(session: WindowsSession, scripts: Path, port: int, *, seconds: float) -> FirewallView:
    """Read what was dropped on its way to a local port, and who listens.

    Args:
        session: with the server.
        scripts: the folder fixtures/windows.
        port: of ICMP: the type.
        seconds: how far to look back, by the server's own clock.

    Raises:
        CommandFailed: the answer cannot be read.
        LinkLost: the server cannot be reached.
    """
    raw = session.run_script("firewall", (scripts / "firewall.ps1").read_text(), {"seconds": ceil(seconds) + 1, "port": port}, Deadline(budgets.WINRM_CALL))
    assert isinstance(raw, dict)
    filters = raw["filters"]
    assert isinstance(filters, dict)
    since = YEAR_ONE + timedelta(microseconds=int(str(raw["now"])) // TICKS_PER_MICROSECOND) - timedelta(seconds=seconds)
    known = {number: _filter(str(text)) for number, text in filters.items()}
    drops = [_drop(one, known) for one in _listed(raw["drops"]) if isinstance(one, dict)]
    return FirewallView(drops=tuple(one for one in drops if one.at >= since),
                        listening=frozenset(int(str(one).rpartition(":")[2]) for one in _listed(raw["listening"])))


def _filter(text: str) -> Filter:
    found = NAME.search(text)
    return Filter(name=found[1] if found else "", conditions=dict(CONDITION.findall(text)))


def _drop(raw: Mapping[str, JSON], filters: Mapping[str, Filter]) -> Drop:
    return Drop(at=datetime.fromisoformat(str(raw["timeStamp"])), remote=str(raw["remoteAddrV4"]), local_port=int(str(raw["localPort"]) or 0), original_profile=str(raw["originalProfile"]),
                current_profile=str(raw["currentProfile"]), filter=filters[str(raw["filterId"])])


def _listed(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else [value]
