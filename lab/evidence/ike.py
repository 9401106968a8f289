"""IKE messages in domain words: what a test asks of a decrypted exchange (RFC 7296)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.evidence.dissect import Frame
from lab.probe.probe import JSON

EXCHANGES = {34: "IKE_SA_INIT", 35: "IKE_AUTH", 36: "CREATE_CHILD_SA", 37: "INFORMATIONAL"}
PAYLOADS = {33: "SA", 34: "KE", 35: "IDi", 36: "IDr", 37: "CERT", 38: "CERTREQ", 39: "AUTH", 40: "Nonce", 41: "N", 42: "D", 43: "V",
            44: "TSi", 45: "TSr", 46: "SK", 47: "CP", 48: "EAP", 53: "SKF"}
NOTIFIES = {1: "UNSUPPORTED_CRITICAL_PAYLOAD", 7: "INVALID_SYNTAX", 14: "NO_PROPOSAL_CHOSEN", 17: "INVALID_KE_PAYLOAD", 24: "AUTHENTICATION_FAILED",
            34: "SINGLE_PAIR_REQUIRED", 35: "NO_ADDITIONAL_SAS", 36: "INTERNAL_ADDRESS_FAILURE", 37: "FAILED_CP_REQUIRED", 38: "TS_UNACCEPTABLE",
            39: "INVALID_SELECTORS", 43: "TEMPORARY_FAILURE", 44: "CHILD_SA_NOT_FOUND", 16384: "INITIAL_CONTACT", 16388: "NAT_DETECTION_SOURCE_IP",
            16389: "NAT_DETECTION_DESTINATION_IP", 16393: "REKEY_SA", 16394: "ESP_TFC_PADDING_NOT_SUPPORTED", 16395: "NON_FIRST_FRAGMENTS_ALSO",
            16396: "MOBIKE_SUPPORTED", 16399: "NO_ADDITIONAL_ADDRESSES", 16406: "REDIRECT_SUPPORTED",
            16417: "EAP_ONLY_AUTHENTICATION", 16420: "IKEV2_MESSAGE_ID_SYNC_SUPPORTED", 16430: "IKEV2_FRAGMENTATION_SUPPORTED", 16431: "SIGNATURE_HASH_ALGORITHMS"}
EAP_CODES = {"1": "request", "2": "response", "3": "success", "4": "failure"}
FIRST_STATUS = 16384
GROUPS = {2: "MODP_1024", 5: "MODP_1536", 14: "MODP_2048", 19: "ECP_256", 20: "ECP_384"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """A notify payload."""

    name: str
    is_error: bool
    accepted_group: str = ""
    """Of INVALID_KE_PAYLOAD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeMessage:
    """One IKE message."""

    frame: Frame
    exchange: str
    is_response: bool
    source: str
    destination: str
    spi_i: str
    message_id: int

    @property
    def payloads(self) -> list[str]:
        """Names of the payloads, in their order; those inside SK too, once it is decrypted."""
        kinds = [int(str(value)) for value in self.frame.find("isakmp.typepayload")]
        return [PAYLOADS.get(kind, str(kind)) for kind in kinds if kind in PAYLOADS]

    @property
    def notifies(self) -> list[Notify]:
        """Notify payloads."""
        return [_notify(node) for node in _nodes(self.frame.layers["isakmp"], "isakmp.notify.msgtype")]

    @property
    def errors(self) -> list[str]:
        """Names of error notifies."""
        return [notify.name for notify in self.notifies if notify.is_error]

    @property
    def ke_group(self) -> str:
        """Group of the KE payload; empty without one."""
        value = self.frame.first("isakmp.key_exchange.dh_group")
        return GROUPS.get(int(value), value) if value else ""

    @property
    def transforms(self) -> list[str]:
        """Transforms of the SA payload, in order: "encr 12-256", "integ 12", … by their IANA numbers."""
        found = []
        for node in _nodes(self.frame.layers["isakmp"], "isakmp.tf.type"):
            kind = int(str(node["isakmp.tf.type"]))
            name = {1: "encr", 2: "prf", 3: "integ", 4: "dh", 5: "esn"}.get(kind, str(kind))
            number = next((str(value) for key, value in node.items() if key.startswith("isakmp.tf.id")), "?")
            length = next((str(value) for value in _values(node, "isakmp.ike2.attr.key_length")), "")
            found.append(f"{name} {number}{'-' + length if length else ''}")
        return found

    @property
    def identities(self) -> list[str]:
        """Names in ID payloads that are FQDN."""
        return [str(value) for value in self.frame.find("isakmp.id.data.fqdn")]

    @property
    def auth_method(self) -> str:
        """Number of the AUTH payload's method; 1 is RSA Digital Signature."""
        return self.frame.first("isakmp.auth.method")

    @property
    def eap(self) -> list[str]:
        """Its packets of EAP in words: "request 26", "response 3" (Nak), "success", "failure"."""
        packets = [node for name in ("eap", "isakmp") for node in _nodes(self.frame.layers.get(name), "eap.code")]
        return list(dict.fromkeys(_eap(node) for node in packets))

    @property
    def more_fragments(self) -> bool:
        """Whether its packet of EAP-TLS or PEAP is a fragment with more to come (RFC 5216, 3.1)."""
        return self.frame.first("eap.tls.flags.more_fragments") in ("1", "True")

    @property
    def configuration_attributes(self) -> list[int]:
        """Types of the attributes in CP payloads."""
        return [int(str(value)) for value in self.frame.find("isakmp.cfg.attr.type")]

    @property
    def traffic_selectors(self) -> list[tuple[str, str]]:
        """First and last address of each traffic selector."""
        return list(zip((str(value) for value in self.frame.find("isakmp.ts.start_ipv4")),
                        (str(value) for value in self.frame.find("isakmp.ts.end_ipv4")), strict=True))


def messages_of(frames: list[Frame]) -> list[IkeMessage]:
    """Return the IKEv2 messages of a capture; a fragmented one counts once, at its last fragment."""
    found = []
    for frame in frames:
        if "isakmp" not in frame.layers:
            continue
        exchange = frame.first("isakmp.exchangetype")
        flags = int(frame.first("isakmp.flags") or "0", 16)
        message = IkeMessage(
            frame=frame, exchange=EXCHANGES.get(int(exchange), exchange), is_response=bool(flags & 0x20), source=frame.first("ip.src"),
            destination=frame.first("ip.dst"), spi_i=frame.first("isakmp.ispi").replace(":", ""),
            message_id=int(frame.first("isakmp.messageid") or "0", 16),
        )
        if "SKF" in message.payloads and len(message.payloads) == 1:
            continue  # a fragment that is not the last
        found.append(message)
    return found


def _nodes(node: object, key: str) -> Iterator[Mapping[str, JSON]]:
    """Yield every object that has a key."""
    if isinstance(node, dict):
        if key in node:
            yield node
        for value in node.values():
            yield from _nodes(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value, key)


def _values(node: object, key: str) -> Iterator[JSON]:
    for found in _nodes(node, key):
        yield found[key]


def _eap(node: Mapping[str, JSON]) -> str:
    code = EAP_CODES.get(str(node["eap.code"]), str(node["eap.code"]))
    return f"{code} {node['eap.type']}" if "eap.type" in node else code


def _notify(node: Mapping[str, JSON]) -> Notify:
    number = int(str(node["isakmp.notify.msgtype"]))
    group = next((str(value) for value in _values(node, "isakmp.notify.data.accepted_dh_group")), "")
    return Notify(name=NOTIFIES.get(number, str(number)), is_error=number < FIRST_STATUS,
                  accepted_group=GROUPS.get(int(group), group) if group else "")
