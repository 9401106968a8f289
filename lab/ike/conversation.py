"""What a Mac says to make an IKE SA with its child, exchange by exchange (RFC 7296, 1.2 and 2.16). The rules; nothing of how bytes travel.

A generator: it yields requests and is sent the answers, so the order of the exchanges can be read from top to bottom.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lab.ike import bodies, keys, macos
from lab.ike.bodies import Notify
from lab.ike.channel import Channel, Request
from lab.ike.eap.peer import Peer
from lab.ike.errors import Malformed, Refused
from lab.ike.groups import KeyPair, new_pair
from lab.ike.payloads import Exchange, Kind, Payload, first_of, required
from lab.ike.proposals import Suite, accepted, encode_proposals

Answer = list[Payload]
Steps = Generator[Request, Answer, "Established"]
NONCE_SIZE = 16
MOST_EAP_ROUNDS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The client's certificate (DER) and its key."""

    certificate: bytes
    key: rsa.RSAPrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a profile says, and where the packets go."""

    local: tuple[str, int]
    """Own address and port, as they are in the packets: NAT detection covers them."""
    remote: tuple[str, int]
    identity: str
    """Local ID, or what stands for it."""
    remote_id: str
    by: Certificate | Callable[[], Peer]
    """How the client proves itself: a signature in the first IKE_AUTH, or EAP, with a new peer for the connection."""
    judge: Callable[[Sequence[bytes]], str]
    """Asked for the server's certificates (DER) once it has proved that it has the key, before any credential is shown; returns why
    they are refused, or ""."""
    ike: tuple[Suite, ...] = macos.PANE_IKE
    esp: tuple[Suite, ...] = macos.PANE_ESP


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """An ESP security association pair in tunnel mode."""

    suite: Suite
    spi_in: bytes
    spi_out: bytes
    keys: keys.ChildKeys
    local: tuple[bodies.Selector, ...]
    remote: tuple[bodies.Selector, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Established:
    """A connection that is up."""

    suite: Suite
    child: Child
    inner: IPv4Address
    configuration: bodies.Configuration
    groups: tuple[int, ...]
    """Groups of KE, one to each IKE_SA_INIT."""
    eap: tuple[int, ...] = ()
    """Types of the EAP method and of the one inside it; none without EAP."""


@dataclass(slots=True)
class _Agreed:
    """What IKE_SA_INIT has agreed on."""

    keys: keys.IkeKeys
    nonce_i: bytes
    nonce_r: bytes
    first_request: bytes
    first_answer: bytes
    groups: tuple[int, ...]

    @property
    def suite(self) -> Suite:
        return self.keys.suite

    def octets(self, *, initiator: bool, identification: bytes) -> bytes:
        """Return what an end's AUTH covers."""
        if initiator:
            return keys.signed_octets(self.suite.hash, self.first_request, self.nonce_r, self.keys.pi, identification)
        return keys.signed_octets(self.suite.hash, self.first_answer, self.nonce_i, self.keys.pr, identification)


def converse(settings: Settings, channel: Channel) -> Steps:
    """Negotiate, authenticate, and return the connection.

    Raises:
        Refused: one end refuses.
        Malformed: the server's answer is none.
    """
    agreed = yield from _init(settings, channel)
    channel.protect(agreed.keys)
    spi_in = os.urandom(4)
    own = bodies.identification(settings.identity)
    request = {
        "IDI": Payload(Kind.IDI, own),
        "INITIAL_CONTACT": bodies.notify(Notify.INITIAL_CONTACT), "MOBIKE_SUPPORTED": bodies.notify(Notify.MOBIKE_SUPPORTED),
        "IDR": Payload(Kind.IDR, bodies.identification(settings.remote_id)),
        "CP": bodies.configuration_request(macos.ATTRIBUTES),
        "ESP_TFC_PADDING_NOT_SUPPORTED": bodies.notify(Notify.ESP_TFC_PADDING_NOT_SUPPORTED),
        "NON_FIRST_FRAGMENTS_ALSO": bodies.notify(Notify.NON_FIRST_FRAGMENTS_ALSO),
        "SA": Payload(Kind.SA, encode_proposals(bodies.PROTOCOL_ESP, settings.esp, spi_in)),
        "TSI": bodies.selectors(Kind.TSI, bodies.everything()), "TSR": bodies.selectors(Kind.TSR, bodies.everything()),
    }
    if isinstance(settings.by, Certificate):
        signature = settings.by.key.sign(agreed.octets(initiator=True, identification=own), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
        request["AUTH"] = _auth(bodies.AUTH_RSA, signature)
        request["CERT"] = Payload(Kind.CERT, bytes([bodies.X509_SIGNATURE]) + settings.by.certificate)
    answer = yield Request(Exchange.IKE_AUTH, [request[name] for name in macos.AUTH_ORDER if name in request])
    _refuse_errors(answer)
    _authenticate_server(settings, agreed, answer)
    peer = None if isinstance(settings.by, Certificate) else settings.by()
    if peer is not None:
        answer = yield from _eap(peer, agreed, own, answer)
    return _established(settings, agreed, answer, spi_in, peer.methods if peer else ())


def _auth(method: int, data: bytes) -> Payload:
    return Payload(Kind.AUTH, bytes([method, 0, 0, 0]) + data)


def _refuse_errors(answer: Answer) -> None:
    for kind, _ in bodies.notifies(answer):
        if kind < bodies.ERRORS_END:
            raise Refused("server", bodies.name_of(kind), notify=bodies.name_of(kind))


# -- IKE_SA_INIT ------------------------------------------------------------------------------------------------------


def nat_detection(spi_i: bytes, spi_r: bytes, end: tuple[str, int]) -> bytes:
    """Return the hash by which an end's address and port are compared (2.23)."""
    return hashlib.sha1(spi_i + spi_r + IPv4Address(end[0]).packed + end[1].to_bytes(2, "big")).digest()


def _init_request(settings: Settings, channel: Channel, pair: KeyPair, group: int, nonce: bytes, cookie: bytes) -> Request:
    hashed = {name: nat_detection(channel.spi_i, channel.spi_r, end) for name, end in (
        ("NAT_DETECTION_SOURCE_IP", settings.local), ("NAT_DETECTION_DESTINATION_IP", settings.remote))}
    request = {
        "SA": Payload(Kind.SA, encode_proposals(bodies.PROTOCOL_IKE, settings.ike)), "KE": bodies.key_exchange(group, pair.public),
        "NONCE": Payload(Kind.NONCE, nonce), "REDIRECT_SUPPORTED": bodies.notify(Notify.REDIRECT_SUPPORTED),
        "IKEV2_FRAGMENTATION_SUPPORTED": bodies.notify(Notify.IKEV2_FRAGMENTATION_SUPPORTED),
    } | {name: bodies.notify(Notify[name], value) for name, value in hashed.items()}
    first = [bodies.notify(Notify.COOKIE, cookie)] if cookie else []
    return Request(Exchange.IKE_SA_INIT, [*first, *(request[name] for name in macos.INIT_ORDER)])


def _init(settings: Settings, channel: Channel) -> Generator[Request, Answer, _Agreed]:
    group = settings.ike[0].group or 0
    groups, repetitions, cookie, nonce, pair = [group], 0, b"", os.urandom(NONCE_SIZE), new_pair(group)
    while True:
        answer = yield _init_request(settings, channel, pair, group, nonce, cookie)
        said = dict(bodies.notifies(answer))
        if (wanted := said.get(Notify.INVALID_KE_PAYLOAD)) is not None:
            named = int.from_bytes(wanted, "big")
            if named == group or named not in {suite.group for suite in settings.ike}:  # a Mac repeats itself, and gives up
                if repetitions == macos.INVALID_KE_REPETITIONS:
                    raise Refused("server", f"INVALID_KE_PAYLOAD for group {named}, which no proposal has", notify=Notify.INVALID_KE_PAYLOAD.name)
                repetitions += 1
            else:
                group, pair = named, new_pair(named)
            groups.append(group)
        elif Notify.COOKIE in said and said[Notify.COOKIE] != cookie:
            cookie = said[Notify.COOKIE]
        else:
            break
    _refuse_errors(answer)
    if Notify.REDIRECT in said:
        raise Refused("server", "it redirects to another one, which this client does not follow", notify=Notify.REDIRECT.name)
    _refuse_nat(settings, channel, answer)
    chosen, _ = accepted(required(answer, Kind.SA), bodies.PROTOCOL_IKE, settings.ike)
    answered, public = bodies.read_key_exchange(required(answer, Kind.KE))
    if answered != group or chosen.group != group:
        raise Malformed(f"the server answered with group {answered} and chose {chosen.group} where group {group} was sent")
    first_request, first_answer = channel.sent[0], channel.received
    channel.established(first_answer[8:16])
    channel.fragmented = Notify.IKEV2_FRAGMENTATION_SUPPORTED in said
    nonce_r = required(answer, Kind.NONCE)
    made = keys.ike_keys(chosen, pair.shared(public), nonce, nonce_r, channel.spi_i, channel.spi_r)
    return _Agreed(made, nonce, nonce_r, first_request, first_answer, tuple(groups))


def _refuse_nat(settings: Settings, channel: Channel, answer: Answer) -> None:
    spi_r = channel.received[8:16]
    for kind, end in ((Notify.NAT_DETECTION_SOURCE_IP, settings.remote), (Notify.NAT_DETECTION_DESTINATION_IP, settings.local)):
        told = [data for one, data in bodies.notifies(answer) if one == kind]
        if told and nat_detection(channel.spi_i, spi_r, end) not in told:
            raise Refused("client", f"a NAT changes {end[0]}:{end[1]} on the way; this initiator is for paths without one")


# -- IKE_AUTH ---------------------------------------------------------------------------------------------------------


def _authenticate_server(settings: Settings, agreed: _Agreed, answer: Answer) -> None:
    """Have the server's certificates judged after it has proved that it has the key of the first. Raises Refused, Malformed."""
    shown = tuple(bodies.certificates(answer))
    if not shown:
        raise Refused("client", "the server showed no certificate")
    method, signature = bodies.read_auth(required(answer, Kind.AUTH))
    identification = required(answer, Kind.IDR)
    bodies.read_identification(identification)
    try:
        key = x509.load_der_x509_certificate(shown[0]).public_key()
    except ValueError as error:
        raise Malformed("the server's certificate cannot be read") from error
    if method != bodies.AUTH_RSA or not isinstance(key, rsa.RSAPublicKey):
        raise Refused("client", f"the server authenticated itself by method {method}, not by an RSA signature")
    try:
        key.verify(signature, agreed.octets(initiator=False, identification=identification), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    except InvalidSignature:
        raise Refused("client", "the server's signature is wrong") from None
    if problem := settings.judge(shown):
        raise Refused("client", problem)


def _eap(peer: Peer, agreed: _Agreed, own: bytes, answer: Answer) -> Generator[Request, Answer, Answer]:
    """Let EAP run its course, then prove with its key that both ends have had the same conversation (2.16)."""
    first = answer
    for _ in range(MOST_EAP_ROUNDS):
        packet = first_of(answer, Kind.EAP)
        if packet is None:
            _refuse_errors(answer)
            raise Refused("server", "it did not ask for EAP", notify="")
        said = _peers_answer(peer, packet, answer)
        if said is None:
            break
        answer = yield Request(Exchange.IKE_AUTH, [Payload(Kind.EAP, said)])
    else:
        raise Refused("client", f"EAP did not end after {MOST_EAP_ROUNDS} rounds")
    secret = peer.msk
    own_proof = keys.shared_key_auth(agreed.suite.hash, secret, agreed.octets(initiator=True, identification=own))
    answer = yield Request(Exchange.IKE_AUTH, [_auth(bodies.AUTH_SHARED_KEY, own_proof)])
    _refuse_errors(answer)
    method, proof = bodies.read_auth(required(answer, Kind.AUTH))
    octets = agreed.octets(initiator=False, identification=required(first, Kind.IDR))
    if method != bodies.AUTH_SHARED_KEY or proof != keys.shared_key_auth(agreed.suite.hash, secret, octets):
        raise Refused("client", "the server does not have the key that EAP made")
    return answer


def _peers_answer(peer: Peer, packet: bytes, answer: Answer) -> bytes | None:
    """Return what the peer says to a packet of EAP. Raises Refused, with the notify that stands beside a failure; Malformed."""
    try:
        said = peer.receive(packet)
    except Refused as refusal:
        beside = [bodies.name_of(kind) for kind, _ in bodies.notifies(answer) if kind < bodies.ERRORS_END]
        raise Refused(refusal.by, str(refusal), notify=beside[0] if beside else "") from refusal
    _refuse_errors(answer)
    return said


def _established(settings: Settings, agreed: _Agreed, answer: Answer, spi_in: bytes, eap: tuple[int, ...]) -> Established:
    suite, spi_out = accepted(required(answer, Kind.SA), bodies.PROTOCOL_ESP, settings.esp)
    configuration = bodies.read_configuration(required(answer, Kind.CP))
    if not configuration.addresses:
        raise Refused("client", "the server gave no IPv4 address")
    if len(spi_out) != len(spi_in):
        raise Malformed(f"an ESP SPI of {len(spi_out)} bytes")
    child = Child(suite=suite, spi_in=spi_in, spi_out=spi_out,
                  keys=keys.child_keys(suite, agreed.suite.hash, agreed.keys.d, agreed.nonce_i, agreed.nonce_r),
                  local=bodies.read_selectors(required(answer, Kind.TSI)), remote=bodies.read_selectors(required(answer, Kind.TSR)))
    return Established(suite=agreed.suite, child=child, inner=configuration.addresses[0], configuration=configuration, groups=agreed.groups,
                       eap=eap)
