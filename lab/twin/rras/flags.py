"""Bits of the registry value ServerFlags ([MS-RRASM] 2.2.3.4.6)."""

from __future__ import annotations

from enum import IntFlag


class ServerFlags(IntFlag):
    """Those that concern the paths that are built."""

    EAP = 0x00008000
    CERT = 0x04000000
