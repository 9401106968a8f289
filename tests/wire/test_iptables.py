"""Legacy iptables: a table's bytes as the kernel gives them, read; and rules that are not taken."""

from __future__ import annotations

import struct
import subprocess
from typing import Any

import pytest

from lab.wire import iptables


def entry(target: str, packets: int = 0, *matches: tuple[str, bytes]) -> bytes:
    """One struct ipt_entry, by linux/netfilter_ipv4/ip_tables.h."""
    inner = b"".join(struct.pack("=H29sB", 32 + len(data), name.encode(), 0) + data for name, data in matches)
    tail = struct.pack("=H29sBi4x", 40, target.encode(), 0, -1)
    return bytes(88) + struct.pack("=HHIQQ", 112 + len(inner), 112 + len(inner) + len(tail), 0, packets, packets * 84) + inner + tail


TABLE = entry("DROP", 3, ("statistic", bytes(24)), ("comment", b"lab:loss".ljust(256, b"\0"))) + entry("MASQUERADE", 9) + entry("ERROR")


def test_comments_packets_and_targets_are_read() -> None:
    assert iptables.rules_of(TABLE) == [("lab:loss", 3, "DROP"), ("", 9, "MASQUERADE"), ("", 0, "ERROR")]
    assert iptables.rules_of(b"") == []


def test_only_rules_with_a_comment_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iptables, "entries", lambda table: TABLE if table == "raw" else b"")

    assert iptables.hits("raw") == [("lab:loss", 3)]
    assert (iptables.has_target("raw", "MASQUERADE"), iptables.has_target("nat", "MASQUERADE")) == (True, False)


def test_rules_that_are_not_taken_are_told_in_iptables_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        assert command == [iptables.RESTORE, "--noflush", "--wait"]
        return subprocess.CompletedProcess(command, 2, b"", b"iptables-restore: line 2 failed\n")

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(iptables.IptablesRefused, match="line 2 failed"):
        iptables.restore("*raw\nnonsense\nCOMMIT\n")


def test_a_machine_without_it_is_told_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iptables, "RESTORE", "/nonexistent/iptables-legacy-restore")
    with pytest.raises(iptables.IptablesRefused, match="not installed"):
        iptables.restore("")
