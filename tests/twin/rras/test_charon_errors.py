"""Records of charon's plugin error-notify, read from a socket that stands in for it."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.twin.rras.charon_errors import NO_ADDRESS, RECORD, CharonError, errors


def test_records_are_read_until_charon_ends(tmp_path: Path) -> None:
    """The record of strongSwan 6.0.1: packed, its kind in the network's order; one that is not whole is none."""
    record = RECORD.pack(NO_ADDRESS, b"allocating a virtual IP failed", b"incoming", b"CN=mac", b"203.0.113.20[500]")
    assert (len(record), record[:4]) == (768, b"\0\0\0\x0f")
    with socket.socket(socket.AF_UNIX) as listening, ThreadPoolExecutor() as pool:
        listening.bind(str(tmp_path / "charon.enfy"))
        listening.listen()
        told = pool.submit(lambda: list(errors(str(tmp_path / "charon.enfy"))))
        with listening.accept()[0] as charon:
            charon.sendall(record * 2 + record[:10])

    one = CharonError(kind=NO_ADDRESS, text="allocating a virtual IP failed", connection="incoming", identity="CN=mac", address="203.0.113.20[500]")
    assert told.result() == [one, one]


def test_a_charon_without_the_plugin_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        next(errors(str(tmp_path / "nobody")))
