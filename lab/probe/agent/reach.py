"""Reachability as a user has it: ICMP, TCP, UDP, who answers ARP, what a name server knows; and services that answer."""

from __future__ import annotations

import base64
import contextlib
import os
import select
import socket
import threading
import time

from lab.wire import packets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def ping(destination: str, source: str | None, timeout: float, size: int) -> float | None:
    """Return the round trip of one ICMP echo in milliseconds; None without an answer."""
    identifier, payload = int.from_bytes(os.urandom(2), "big"), os.urandom(size)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        if source:
            raw.bind((source, 0))
        began = time.monotonic()
        try:
            raw.sendto(packets.icmp_echo(identifier, 1, payload), (destination, 0))
        except OSError:
            return None  # no route, or the policy forbids it
        for answer in _arriving(raw, began + timeout):
            if answer[20] == packets.ICMP_ECHO_REPLY and answer[-size:] == payload:
                return round((time.monotonic() - began) * 1000, 3)
    return None


def _arriving(source: socket.socket, end: float) -> Iterator[bytes]:
    while (left := end - time.monotonic()) > 0:
        if select.select([source], [], [], left)[0]:
            yield source.recv(1 << 16)


def ask(protocol: str, destination: str, port: int, payload: str, source: str | None, timeout: float) -> str | None:
    """Send bytes to a service; return what it answered, None without an answer (base64 both ways)."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as asking:
        asking.settimeout(timeout)
        if source:
            asking.bind((source, 0))
        try:
            asking.connect((destination, port))
            asking.sendall(base64.b64decode(payload))
            return base64.b64encode(asking.recv(1 << 16)).decode()
        except OSError:
            return None


def connects(destination: str, port: int, source: str | None, timeout: float) -> bool:
    """Return whether a TCP port takes a connection, whatever is behind it."""
    try:
        with socket.create_connection((destination, port), timeout, (source, 0) if source else None):
            return True
    except OSError:
        return False


def arp(interface: str, address: str, source: str, timeout: float) -> list[dict[str, str]]:
    """Broadcast a request for an address; return everybody who answers within the time."""
    answers = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(packets.ETH_P_ARP)) as raw:
        raw.bind((interface, 0))
        mac = raw.getsockname()[4]
        raw.send(packets.arp_request(mac, source, address))
        for frame in _arriving(raw, time.monotonic() + timeout):
            if (answer := packets.arp_answer(frame)) and answer[0] == address and frame[6:12] != mac:
                answers.append({"address": answer[0], "mac": answer[1]})
    return answers


def resolve(name: str, server: str, timeout: float) -> list[str] | None:
    """Ask a name server for the addresses of a name; None without an answer."""
    identifier = int.from_bytes(os.urandom(2), "big")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect((server, 53))
        asking.send(packets.dns_query(identifier, name))
        try:
            for answer in _arriving(asking, time.monotonic() + timeout):
                if answer[:2] == identifier.to_bytes(2, "big"):
                    return packets.dns_addresses(answer)
        except OSError:
            return None
    return None


class Service:
    """Answers everything that reaches a port, over TCP and UDP, with a prefix and what was asked."""

    def __init__(self, port: int, prefix: bytes, device: str | None) -> None:
        self.prefix, self.asked = prefix, 0
        self.sources: list[str] = []
        """Who asked, in order."""
        self._tcp = socket.socket()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for listening in (self._tcp, self._udp):
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if device:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            listening.bind(("0.0.0.0", port))
        self._tcp.listen()
        self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        sources = [self._tcp, self._udp, self._wake[0]]
        while True:
            for ready in select.select(sources, [], [])[0]:
                if ready is self._wake[0]:
                    return
                with contextlib.suppress(OSError):
                    self._answer(ready)

    def _answer(self, ready: socket.socket) -> None:
        if ready is self._udp:
            data, peer = self._udp.recvfrom(1 << 16)
            self._udp.sendto(self.prefix + data, peer)
        else:
            connection, peer = self._tcp.accept()
            with connection:
                connection.settimeout(2)
                connection.sendall(self.prefix + connection.recv(1 << 16))
        self.asked += 1
        self.sources.append(peer[0])

    def close(self) -> dict[str, object]:
        """Stop; return how often it was asked and by whom."""
        self._wake[1].send(b"x")
        self._thread.join()
        for open_socket in (self._tcp, self._udp, *self._wake):
            open_socket.close()
        return {"asked": self.asked, "sources": self.sources}
