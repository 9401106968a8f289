"""The wire plane: what a test may ask of the packets of its networks. One way to ask each question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from lab.errors import WireCheckFailed
from lab.evidence.dissect import Frame, dissect
from lab.evidence.encapsulation import Measured, measured
from lab.evidence.esp import EspPacket, esp_of
from lab.evidence.ike import IkeMessage, messages_of
from lab.evidence.ikev1 import Ikev1Message, ikev1_messages
from lab.evidence.keys import KeyRing
from lab.evidence.pcap import PcapWriter

PAYLOADS = ("tcp.payload", "udp.payload", "data.data")
"""Not data.data alone: a client's port that some protocol has registered (57000: IRC) makes tshark see that protocol instead of data."""


class Wire:
    """A snapshot of all networks up to one moment."""

    def __init__(self, captures: Mapping[str, PcapWriter], keys: Callable[[], KeyRing]) -> None:
        self._captures, self._read_keys = captures, keys
        self._until = {network: len(capture.packets) for network, capture in captures.items()}

    # -- in clear, byte by byte -------------------------------------------------------------------------------------------

    def count(self, network: str, token: bytes) -> int:
        """Return how many packets of a network show a token in clear."""
        return sum(token in packet.data for packet in self._captures[network].packets[: self._until[network]])

    def must_show(self, network: str, token: bytes) -> None:
        """Raise WireCheckFailed unless the token was seen in clear."""
        if not self.count(network, token):
            raise WireCheckFailed(f"{network}: expected the token {token.decode()!r} in clear, it was never seen; {self._file(network)}")

    def must_not_show(self, network: str, token: bytes) -> None:
        """Raise WireCheckFailed if the token was seen in clear."""
        if found := self.count(network, token):
            raise WireCheckFailed(f"{network}: the token {token.decode()!r} was seen in clear in {found} packets; {self._file(network)}")

    def esp_packets(self, network: str = "wan") -> int:
        """Return the number of ESP packets, in UDP or not."""
        return len(self.esp(network))

    def esp(self, network: str = "wan") -> list[EspPacket]:
        """Return the ESP packets of a network, in order."""
        return [found for packet in self._captures[network].packets[: self._until[network]] if (found := esp_of(packet.data))]

    def arp_requests_for(self, network: str, address: str) -> int:
        """Return how many ARP requests asked for an address."""
        return sum(1 for frame in self._dissected(network) if frame.first("arp.opcode") == "1" and frame.first("arp.dst.proto_ipv4") == address)

    # -- decrypted --------------------------------------------------------------------------------------------------------

    @cached_property
    def keys(self) -> KeyRing:
        """Keys of the clients, as far as they were logged."""
        return self._read_keys()

    def _dissected(self, network: str) -> list[Frame]:
        if network not in self._frames:
            self._captures[network].flush()
            frames = dissect(self._captures[network].path, self.keys)
            self._frames[network] = [frame for frame in frames if frame.number <= self._until[network]]
        return self._frames[network]

    @cached_property
    def _frames(self) -> dict[str, list[Frame]]:
        return {}

    @cached_property
    def ike(self) -> list[IkeMessage]:
        """All IKE messages on the wan, decrypted as far as keys are known."""
        return messages_of(self._dissected("wan"))

    @cached_property
    def ikev1(self) -> list[Ikev1Message]:
        """All messages of IKEv1 on the wan."""
        return ikev1_messages(self._dissected("wan"))

    def ike_ports(self, address: str) -> list[int]:
        """Return the UDP port of one end in each IKE message on the wan, of both versions, in order."""
        frames = [frame for frame in self._dissected("wan") if "isakmp" in frame.layers]
        return [int(frame.first("udp.srcport" if frame.first("ip.src") == address else "udp.dstport")) for frame in frames]

    def exchange(self, name: str) -> list[IkeMessage]:
        """Return the messages of one kind of exchange, requests and responses."""
        return [message for message in self.ike if message.exchange == name]

    def requests(self, name: str) -> list[IkeMessage]:
        """Return the requests of an exchange, each once although it may have been retransmitted."""
        seen: dict[tuple[str, int, str], IkeMessage] = {}
        for message in self.exchange(name):
            if not message.is_response:
                seen.setdefault((message.spi_i, message.message_id, message.ke_group), message)
        return list(seen.values())

    def responses(self, name: str) -> list[IkeMessage]:
        """Return the responses of an exchange."""
        return [message for message in self.exchange(name) if message.is_response]

    @property
    def errors(self) -> list[str]:
        """Names of all error notifies of responders, in order."""
        return [name for message in self.ike if message.is_response for name in message.errors]

    def decrypted_shows(self, token: bytes, network: str = "wan") -> bool:
        """Whether a token is inside an ESP packet that was decrypted."""
        text = token.hex(":")
        inside = [frame for frame in self._dissected(network) if "esp" in frame.layers]
        return any(text in str(value) for frame in inside for name in PAYLOADS for value in frame.find(name))

    def encapsulated(self, network: str = "wan") -> list[Measured]:
        """Return the inner packets of ESP that was decrypted, in order, taken apart layer by layer. Raises EvidenceError as `measured`."""
        return [one for frame in self._dissected(network) if (one := measured(frame)) is not None]

    def values(self, name: str, *, inside: str = "", network: str = "wan") -> list[str]:
        """Return all values of a field of tshark's, in order; of frames that have the layer `inside` ("esp"), if one is named."""
        frames = [frame for frame in self._dissected(network) if not inside or inside in frame.layers]
        return [str(value) for frame in frames for value in frame.find(name)]

    def _file(self, network: str) -> str:
        return f"see {self._captures[network].path}"
