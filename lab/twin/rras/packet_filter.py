"""The firewall in force: tells the kernel what lab/twin/rras/filtering.py makes of the rules, and hears of every packet that it drops.

One iptables-legacy-restore for each change that the kernel notices, none for the others. The legacy tables, since the guest's kernel has no
nf_tables for IPv4; only the table "filter" is touched. Of a machine that is not the twin's alone nothing is left: a table is whole or not there.
"""

from __future__ import annotations

import logging
import socket
import struct
import threading
from collections.abc import Collection

from lab.twin.rras.filtering import GROUP, PROFILES, table
from lab.twin.windows.firewall import DEFAULT_BLOCK, Drop, Profile
from lab.twin.windows.machine import Machine
from lab.twin.windows.network import Category
from lab.wire import iptables
from lab.wire.netlink.nflog import NflogMonitor

log = logging.getLogger(__name__)

PORTS = (socket.IPPROTO_TCP, socket.IPPROTO_UDP)


class PacketFilter:
    """Filters of the network namespace in which it was made."""

    def __init__(self, machine: Machine) -> None:
        """Put the machine's rules in force. Raises OSError."""
        self._machine = machine
        self._quirks: frozenset[str] = frozenset()
        self._in_force = ""
        self._lock = threading.Lock()
        self._monitor: NflogMonitor | None = None

    def apply(self, quirks: Collection[str] | None = None) -> None:
        """Put the machine's rules in force, unless they are.

        Args:
            quirks: inverted behaviours from now on; None: as before.

        Raises:
            OSError: the machine lacks iptables-legacy, or its kernel the modules.
        """
        with self._lock:
            if quirks is not None:
                self._quirks = frozenset(quirks)
            network = self._machine.network
            wanted = table(self._machine.firewall, network.adapters(), network.vpn_category, self._quirks)
            if wanted != self._in_force:
                _restore(wanted)
                self._in_force = wanted
            if self._monitor is None:  # after the table: it loads the module
                self._monitor = NflogMonitor(GROUP)
                threading.Thread(target=self._hear, args=(self._monitor,), name="dropped packets", daemon=True).start()

    def _hear(self, monitor: NflogMonitor) -> None:
        while True:
            try:
                told = monitor.take()
            except OSError:  # ENOBUFS: so many were dropped that not all were told
                log.warning("not every dropped packet was told")
                continue
            if "firewall-drops-reported" in self._quirks:
                continue
            for prefix, device, packet in told:
                if len(packet) >= 28 and prefix.isdigit():
                    self._machine.firewall.drops.append(drop_of(int(prefix), packet, *self._profiles(int(prefix), device)))

    def _profiles(self, number: int, device: int) -> tuple[Profile, Profile]:
        """Return the profile that a packet was received to, and the one of its interface now."""
        network = self._machine.network
        categories = {one.nic.index: one.category for one in network.adapters()}
        if number != DEFAULT_BLOCK and device in categories:
            return PROFILES[categories[device]], PROFILES[categories[device]]
        return PROFILES[Category.PUBLIC], PROFILES[network.vpn_category]


def _restore(table_text: str) -> None:
    try:
        iptables.restore(table_text, whole=True)
    except iptables.IptablesMissing:
        raise
    except iptables.IptablesRefused as refused:
        raise OSError(f"{iptables.RESTORE} refused the firewall's rules: {refused}") from refused


def drop_of(number: int, packet: bytes, original: Profile, current: Profile) -> Drop:
    """Return what a packet that a filter dropped is told as: from its IP header on, at least 28 bytes of it."""
    protocol = packet[9]
    place = (packet[0] & 15) * 4
    remote_port = local_port = 0
    if protocol in PORTS:
        remote_port, local_port = struct.unpack_from("!HH", packet, place)
    elif protocol == socket.IPPROTO_ICMP:
        local_port, remote_port = struct.unpack_from("!BB", packet, place)
    return Drop(filter_id=number, protocol=protocol, local=socket.inet_ntoa(packet[16:20]), remote=socket.inet_ntoa(packet[12:16]),
                local_port=local_port, remote_port=remote_port, original=original, current=current)
