"""The interface by which this machine was reached: the one that has the address at which the login's SSH connection ended.

sshd tells it in SSH_CONNECTION ("client port server port"); sudo does not pass it on, so the processes above this one are asked too,
whose first environment Linux shows to root in /proc/PID/environ.
"""

from __future__ import annotations

import os
import socket

from lab.wire.netlink import Netlink, addresses

VARIABLE = b"SSH_CONNECTION="


def interface_of_way_in() -> str:
    """Return its name. Raises LookupError."""
    return interface_with(local_address(connection(os.getpid())))


def connection(pid: int) -> str:
    """Return SSH_CONNECTION of a process or of the nearest one above it. Raises LookupError if none has it."""
    while pid > 0:
        with open(f"/proc/{pid}/environ", "rb") as file:
            for entry in file.read().split(b"\0"):
                if entry.startswith(VARIABLE):
                    return entry[len(VARIABLE):].decode()
        with open(f"/proc/{pid}/stat") as file:
            pid = int(file.read().rpartition(")")[2].split()[1])
    raise LookupError("no process above this one has SSH_CONNECTION: it was not reached over SSH")


def local_address(said: str) -> str:
    """Return the server's address of SSH_CONNECTION; an IPv4 address may be written as an IPv6 one. Raises LookupError."""
    words = said.split()
    if len(words) != 4:
        raise LookupError(f"SSH_CONNECTION is {said!r}, expected client, port, server and port")
    return words[2].removeprefix("::ffff:")


def interface_with(address: str) -> str:
    """Return the name of the interface that has an IPv4 address. Raises LookupError."""
    with Netlink() as netlink:
        for one in addresses.list_addresses(netlink):
            if str(one["address"]).partition("/")[0] == address:
                return socket.if_indextoname(int(str(one["index"])))
    raise LookupError(f"no interface of this machine has the address {address}, at which it was reached")
