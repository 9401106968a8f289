"""Who listens: the UDP sockets of the machine's network namespace as the kernel lists them (proc_net(5)), and the endpoint mapper, which
listens on TCP port 135 of every Windows (MicrosoftDocs, Service overview and network port requirements: RPC)."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

UDP = Path("/proc/thread-self/net/udp")
ENDPOINT_MAPPER = 135


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpEndpoint:
    """A socket that receives."""

    address: str
    port: int


def udp_endpoints(table: str) -> list[UdpEndpoint]:
    """Return the sockets that a table lists, by port."""
    found = []
    for line in table.splitlines()[1:]:
        address, port = line.split()[1].split(":")  # 0100007F:0035, the address in the machine's order
        found.append(UdpEndpoint(address=socket.inet_ntoa(struct.pack("=I", int(address, 16))), port=int(port, 16)))
    return sorted(found, key=lambda one: (one.port, one.address))


async def serve_endpoint_mapper() -> None:
    """Take connections on TCP port 135. What a client may ask there is not imitated: it is heard out until it goes. Raises OSError."""

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1 << 16):
            pass
        writer.close()

    await asyncio.start_server(hear, "0.0.0.0", ENDPOINT_MAPPER)
