"""Connections of our own initiator (lab/ike): its sockets, its clock, its SA in the kernel. One at a time; charon may run beside it.

A Mac's IKE comes from port 500, and there charon sits. So the socket is a raw one, which gets a copy of each UDP packet of the server's; charon
leaves those alone, it has no IKE SA with their SPIs.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from ipaddress import IPv4Network

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.ike.conversation import Certificate, Settings
from lab.ike.eap.mschapv2 import MsChapV2
from lab.ike.eap.peap import Peap
from lab.ike.eap.peer import MethodPeer
from lab.ike.eap.tls import EapTls
from lab.ike.eap.tls import Trust as TlsTrust
from lab.ike.errors import IkeError, Refused
from lab.ike.initiator import Initiator
from lab.ike.proposals import Encryption, Hash
from lab.ike.trust import evaluate
from lab.probe.agent import key_log
from lab.wire import packets
from lab.wire.netlink import Netlink, addresses, links, tunnels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypedDict

    from lab.ike.conversation import Child, Established
    from lab.ike.eap.peer import Peer

    class Request(TypedDict):
        """What `connect` needs."""

        local: str
        """Own address."""
        server: str
        port: int
        """Of the server; ours is 500."""
        interface: str
        """Gets the inner address."""
        identity: str
        """What the client calls itself."""
        remote_id: str
        """What it calls the server."""
        roots: Sequence[str]
        """PEM; the trusted ones, each for itself."""
        by: Mapping[str, str]
        """How it proves itself: {"method": …} and what that method needs, see `_proof`."""

PORT = 500
REPEAT_AFTER = 2.0
"""Seconds before a request is repeated. A Mac's are unknown."""
GOOD_BYE = 2.0
KERNEL_CIPHERS = {Encryption.AES_CBC: "cbc(aes)", Encryption.TRIPLE_DES: "cbc(des3_ede)"}
KERNEL_CHECKS = {Hash.SHA1: ("hmac(sha1)", 96), Hash.SHA256: ("hmac(sha256)", 128)}


class Connection:
    """A connection, from its first packet to its last trace in the kernel."""

    def __init__(self, settings: Settings, interface: str) -> None:
        self._ends, self._interface = (settings.local[0], settings.remote[0]), interface
        self._initiator = Initiator(settings)
        self._local, self._remote = settings.local, settings.remote
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self._socket.bind((settings.local[0], 0))
        self._socket.connect((settings.remote[0], 0))
        self._up: Established | None = None
        self._kept = False
        """Whether the keys of the IKE SA are in the log."""
        self._lock = threading.Lock()

    def open(self, timeout: float) -> Established:
        """Connect and install. Raises Refused, Malformed, OSError; nothing is left then."""
        try:
            self._send(self._initiator.start())
            self._until(lambda: not self._initiator.pending, timeout)
            self._up = self._initiator.connection
            key_log.keep_child(*self._ends, self._up.child)
            self._install(self._up)
        except BaseException:
            self.close()
            raise
        threading.Thread(target=self._listen, name="ike", daemon=True).start()
        return self._up

    def _send(self, datagrams: Sequence[bytes]) -> None:
        for datagram in datagrams:
            self._socket.send(packets.udp(self._local, self._remote, datagram))

    def _receive(self) -> None:
        datagram = packets.udp_payload(self._socket.recv(1 << 16), source_port=self._remote[1], destination_port=self._local[1])
        if datagram is not None:
            answer = self._initiator.receive(datagram)
            if not self._kept and self._initiator.keys:
                key_log.keep_ike(self._initiator.spis, self._initiator.keys)
                self._kept = True
            self._send(answer)

    def _until(self, done: Callable[[], bool], timeout: float) -> None:
        """Take and answer datagrams, repeat what has no answer, until it is done or time is up."""
        limit = time.monotonic() + timeout
        repeat = time.monotonic() + REPEAT_AFTER
        while not done() and (now := time.monotonic()) < limit:
            if select.select([self._socket], [], [], max(0.0, min(repeat, limit) - now))[0]:
                self._receive()
            elif time.monotonic() >= repeat:
                self._send(self._initiator.repeat())
                repeat += REPEAT_AFTER

    def _listen(self) -> None:
        """Answer the server until the connection ends."""
        with contextlib.suppress(OSError, ValueError):  # closed
            while not self._initiator.ended_by:
                if select.select([self._socket], [], [], 1.0)[0]:
                    with self._lock:
                        if not self._initiator.ended_by:
                            self._receive()
        if self._initiator.ended_by == "server":
            self._end()

    def close(self) -> None:
        """Say good-bye and remove everything; idempotent."""
        with self._lock:
            if self._up is not None and not self._initiator.ended_by:
                self._send(self._initiator.close())
                self._until(lambda: self._initiator.closed, GOOD_BYE)
        self._end()

    def _end(self) -> None:
        up, self._up = self._up, None
        if up is not None:
            self._remove(up)
        self._socket.close()

    @property
    def is_up(self) -> bool:
        """Whether it is there."""
        return self._up is not None

    @property
    def spi(self) -> bytes:
        """The client's SPI of the IKE SA."""
        return self._initiator.spis[0]

    # -- the kernel ---------------------------------------------------------------------------------------------------

    def _install(self, up: Established) -> None:
        with Netlink() as netlink:
            addresses.add(netlink, links.index_of(self._interface), f"{up.inner}/32")
        (own, server), child = self._ends, up.child
        tunnels.add_association(server, own, child.spi_in, _algorithms(child, inbound=True))
        tunnels.add_association(own, server, child.spi_out, _algorithms(child, inbound=False))
        for network in remote_networks(child):
            tunnels.lead_in(str(up.inner), str(network), own, server)

    def _remove(self, up: Established) -> None:
        own, server = self._ends
        for network in remote_networks(up.child):
            tunnels.lead_out(str(up.inner), str(network))
        tunnels.delete_association(own, up.child.spi_in)
        tunnels.delete_association(server, up.child.spi_out)
        with Netlink() as netlink, contextlib.suppress(OSError):
            addresses.delete(netlink, links.index_of(self._interface), f"{up.inner}/32")


def remote_networks(child: Child) -> list[IPv4Network]:
    """Return the IPv4 networks that the server serves through a child SA."""
    return [network for selector in child.remote for network in selector.networks() if isinstance(network, IPv4Network)]


def _algorithms(child: Child, *, inbound: bool) -> tunnels.Algorithms:
    name, bits = KERNEL_CHECKS[child.suite.hash]
    keys = child.keys
    return {"cipher": KERNEL_CIPHERS[child.suite.encryption], "cipher_key": keys.in_cipher if inbound else keys.out_cipher,
            "integrity": name, "integrity_key": keys.in_integrity if inbound else keys.out_integrity, "check_bits": bits}


# -- the probe's operations -----------------------------------------------------------------------------------------------

_current: Connection | None = None


def connect(request: Request, timeout: float) -> dict[str, object]:
    """Connect, in place of an earlier connection.

    Args:
        request: where to, as whom, and how it proves itself.
        timeout: seconds.

    Returns:
        up: whether it is. If so: inner, dns, ike and esp (suites), groups, spi (of the client's IKE SA), spi_in, spi_out, eap (types of
        the method and of the one inside). If not: by whom it was refused, reason, notify.
    """
    global _current  # noqa: PLW0603 - the probe is one process, the client one Mac
    disconnect()
    anchors, name = [x509.load_pem_x509_certificate(root.encode()) for root in request["roots"]], request["remote_id"]
    settings = Settings(local=(request["local"], PORT), remote=(request["server"], request["port"]), identity=request["identity"],
                        remote_id=name, by=_proof(request["by"], request["roots"]), judge=lambda shown: _judge(shown, anchors, name))
    made = Connection(settings, request["interface"])
    try:
        up = made.open(timeout)
    except Refused as error:
        return {"up": False, "by": error.by, "reason": error.reason, "notify": error.notify}
    except IkeError as error:
        return {"up": False, "by": "client", "reason": str(error), "notify": ""}
    _current = made
    return {"up": True, "inner": str(up.inner), "dns": [str(one) for one in up.configuration.dns], "ike": str(up.suite), "esp": str(up.child.suite),
            "groups": list(up.groups), "spi": made.spi.hex(), "spi_in": up.child.spi_in.hex(), "spi_out": up.child.spi_out.hex(), "eap": list(up.eap)}


def _proof(by: Mapping[str, str], roots: Sequence[str]) -> Certificate | Callable[[], Peer]:
    """Return the proof: "signature" and "eap-tls" take certificate and key (PEM), both of EAP a user, "eap-password" a password too: that is a
    Mac's, which knows two methods for it and takes what the server offers."""
    trust = TlsTrust(roots="".join(roots), certificate=by.get("certificate", ""), key=by.get("key", ""))
    match by["method"]:
        case "eap-password":
            return lambda: MethodPeer(by["user"], _mschapv2(by), Peap(trust, by["user"], _mschapv2(by)))
        case "eap-tls":
            return lambda: MethodPeer(by["user"], EapTls(trust))
        case "signature":
            return _signature(by)
        case other:
            raise ValueError(f"no proof is called {other!r}: signature, eap-password, eap-tls")


def _mschapv2(by: Mapping[str, str]) -> MsChapV2:
    return MsChapV2(by["user"], by["password"])


def _signature(by: Mapping[str, str]) -> Certificate:
    certificate = x509.load_pem_x509_certificate(by["certificate"].encode())
    key = serialization.load_pem_private_key(by["key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Certificate(certificate=certificate.public_bytes(serialization.Encoding.DER), key=key)


def _judge(shown: Sequence[bytes], anchors: Sequence[x509.Certificate], name: str) -> str:
    """Return why a Mac refuses the server's certificate, in its words: before the client shows anything of its own by EAP."""
    return evaluate(x509.load_der_x509_certificate(shown[0]), anchors, name)


def disconnect() -> None:
    """End the connection; idempotent."""
    global _current
    ending, _current = _current, None
    if ending is not None:
        ending.close()


def is_up() -> bool:
    """Whether the connection is there: the server may have ended it."""
    return _current is not None and _current.is_up
