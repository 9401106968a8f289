"""Security associations as charon reports them, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.errors import ControlCheckFailed
from lab.probe.probe import JSON, Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSa:
    """An ESP security association pair."""

    suite: str
    """As in a proposal: "AES_CBC-128/HMAC_SHA1_96"; with the group after a rekey with PFS."""
    mode: str
    spi_in: str
    spi_out: str
    local_ts: tuple[str, ...]
    remote_ts: tuple[str, ...]
    encapsulated: bool
    """In UDP, because of NAT."""
    bytes_in: int
    bytes_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeSa:
    """An IKE SA with its children."""

    name: str
    spi: str
    """The initiator's, which a rekey replaces."""
    state: str
    suite: str
    """"AES_CBC-128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024"."""
    group: str
    local_identity: str
    remote_identity: str
    inner_addresses: tuple[IPv4Address, ...]
    children: tuple[ChildSa, ...]


def read_sas(probe: Probe) -> list[IkeSa]:
    """Return the established IKE SAs of a host's charon."""
    found = []
    for answer in probe.vici("list_sas"):
        for name, sa in answer.items():
            if isinstance(sa, dict):
                found.append(_ike(name, sa))
    return found


def only_sa(probe: Probe) -> IkeSa:
    """Return the IKE SA with its child. Raises ControlCheckFailed when there is not exactly one of each."""
    sas = read_sas(probe)
    if len(sas) != 1 or len(sas[0].children) != 1:
        children = sum(len(sa.children) for sa in sas)
        raise ControlCheckFailed(f"{probe.host}: expected one IKE SA with one child, there are {len(sas)} with {children}")
    return sas[0]


def _texts(value: JSON) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _suite(sa: Mapping[str, JSON], *, ike: bool) -> str:
    size = f"-{sa['encr-keysize']}" if "encr-keysize" in sa else ""
    parts = [f"{sa.get('encr-alg')}{size}", sa.get("integ-alg"), sa.get("prf-alg") if ike else None, sa.get("dh-group")]
    return "/".join(str(part) for part in parts if part)


def _ike(name: str, sa: Mapping[str, JSON]) -> IkeSa:
    children = sa.get("child-sas")
    return IkeSa(
        name=name, spi=str(sa.get("initiator-spi")), state=str(sa.get("state")), suite=_suite(sa, ike=True), group=str(sa.get("dh-group", "")),
        local_identity=str(sa.get("local-id")), remote_identity=str(sa.get("remote-id")),
        inner_addresses=tuple(IPv4Address(one) for one in _texts(sa.get("local-vips"))),
        children=tuple(_child(child) for child in children.values() if isinstance(child, dict)
                       and child.get("state") == "INSTALLED") if isinstance(children, dict) else (),
    )


def _child(child: Mapping[str, JSON]) -> ChildSa:
    return ChildSa(
        suite=_suite(child, ike=False), mode=str(child.get("mode")), spi_in=str(child.get("spi-in")), spi_out=str(child.get("spi-out")),
        local_ts=_texts(child.get("local-ts")), remote_ts=_texts(child.get("remote-ts")), encapsulated=child.get("encap") == "yes",
        bytes_in=int(str(child.get("bytes-in", 0))), bytes_out=int(str(child.get("bytes-out", 0))),
    )
