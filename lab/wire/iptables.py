"""Legacy iptables of the thread's network namespace: rules changed by iptables-legacy-restore, their counters read without a process.

There is no netlink way to these tables; `iptables` without "-legacy" is another program, which shows empty tables where the kernel has no
nf_tables for IPv4, and ends with 0. Source: linux/netfilter_ipv4/ip_tables.h (getsockopt IPT_SO_GET_INFO and IPT_SO_GET_ENTRIES).
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import subprocess

RESTORE = "/usr/sbin/iptables-legacy-restore"
IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES = 64, 65
PATIENCE = 10.0
"""Seconds that one change may take: 15 ms measured, 170 ms the first, which loads modules."""
NAME_BYTES, INFO_BYTES, HEAD_BYTES = 32, 84, 40
ENTRY_BYTES, OFFSETS_AT, COUNTERS_AT = 112, 88, 96
"""Of struct ipt_entry: its size without matches, where target_offset and next_offset are, where packets and bytes are."""
MATCH_HEAD, COMMENT = 32, "comment"
"""Size of struct xt_entry_match; the match whose data is a rule's comment."""
AGAIN = 20
"""How often a table is read anew that changes between the question for its size and the one for its rules."""


class IptablesRefused(Exception):
    """iptables-legacy-restore did not take the rules in time, or there is none."""


class IptablesMissing(IptablesRefused, FileNotFoundError):
    """There is none on this machine."""


def restore(rules: str, *, whole: bool = False) -> None:
    """Add and delete rules, in the words of iptables-save, all of a table or none.

    Args:
        rules: of one table or more.
        whole: they are all that the table has from then on; else other rules stay.

    Raises:
        IptablesRefused: they are not taken; IptablesMissing: there is nobody to take them.
    """
    try:
        done = subprocess.run([RESTORE, *([] if whole else ["--noflush"]), "--wait"], input=rules.encode(), capture_output=True, timeout=PATIENCE,
                              check=False)
    except FileNotFoundError:
        raise IptablesMissing(errno.ENOENT, f"{RESTORE} is not installed (package iptables)") from None
    except subprocess.TimeoutExpired:
        raise IptablesRefused(f"{RESTORE} did not end within {PATIENCE:.0f} s") from None
    if done.returncode:
        raise IptablesRefused(done.stderr.decode(errors="replace").strip() or f"{RESTORE} ended with exit code {done.returncode}")


def hits(table: str) -> list[tuple[str, int]]:
    """Return comment and number of matched packets of every rule that has a comment, in the table's order. Raises OSError without the table."""
    return [(comment, packets) for comment, packets, _ in rules_of(entries(table)) if comment]


def has_target(table: str, target: str) -> bool:
    """Whether a rule of a table has a target. Raises OSError without the table."""
    return any(name == target for _, _, name in rules_of(entries(table)))


def entries(table: str) -> bytes:
    """Return a table as the kernel has it: struct ipt_entry after struct ipt_entry. Raises OSError; ENOENT: there is no such table."""
    named = table.encode().ljust(NAME_BYTES, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for _ in range(AGAIN):
            size = struct.unpack_from("=I", _get(raw, IPT_SO_GET_INFO, named, INFO_BYTES), INFO_BYTES - 4)[0]
            try:
                return _get(raw, IPT_SO_GET_ENTRIES, named + struct.pack("=I", size), HEAD_BYTES + size)[HEAD_BYTES:]
            except BlockingIOError:  # EAGAIN: it has changed since
                continue
    raise BlockingIOError(f"the table {table} changes faster than it can be read")


def _get(raw: socket.socket, option: int, question: bytes, size: int) -> bytes:
    """Call getsockopt with a question in the buffer of the answer, which Python's own cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer, length = ctypes.create_string_buffer(question, size), ctypes.c_uint(size)
    if libc.getsockopt(raw.fileno(), socket.IPPROTO_IP, option, buffer, ctypes.byref(length)):
        number = ctypes.get_errno()
        raise OSError(number, f"iptables' table {question[:NAME_BYTES].rstrip(bytes(1)).decode()}: {os.strerror(number)}")
    return buffer.raw


def rules_of(data: bytes) -> list[tuple[str, int, str]]:
    """Return comment (empty without one), number of matched packets and target of every entry of a table."""
    found, at = [], 0
    while at < len(data):
        target_at, following = struct.unpack_from("=HH", data, at + OFFSETS_AT)
        packets, _ = struct.unpack_from("=QQ", data, at + COUNTERS_AT)
        comment, match = "", at + ENTRY_BYTES
        while match < at + target_at:
            size, name = struct.unpack_from("=H29s", data, match)
            if _text(name) == COMMENT:
                comment = _text(data[match + MATCH_HEAD : match + size])
            match += size
        found.append((comment, packets, _text(data[at + target_at + 2 : at + target_at + 31])))
        at += following
    return found


def _text(padded: bytes) -> str:
    return padded.partition(b"\0")[0].decode(errors="replace")
