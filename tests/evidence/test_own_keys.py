"""Keys of our own initiator: what its agent writes is what the evidence reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import EvidenceError
from lab.evidence.own_keys import read_own_keys
from lab.ike.conversation import Child
from lab.ike.keys import ChildKeys, IkeKeys
from lab.ike.proposals import Encryption, Hash, Suite
from lab.probe.agent import key_log

SUITE = Suite(Encryption.AES_CBC, 128, Hash.SHA1, 2)
KEYS = IkeKeys(suite=SUITE, d=b"d" * 20, ai=b"a" * 20, ar=b"b" * 20, ei=b"e" * 16, er=b"f" * 16, pi=b"p" * 20, pr=b"q" * 20)
CHILD = Child(suite=SUITE, spi_in=b"\xc0\0\0\1", spi_out=b"\xc0\0\0\2", local=(), remote=(),
              keys=ChildKeys(out_cipher=b"1" * 16, out_integrity=b"2" * 20, in_cipher=b"3" * 16, in_integrity=b"4" * 20))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ike.keys"
    monkeypatch.setattr(key_log, "PATH", str(path))
    return path


def test_what_is_written_is_read_and_only_its_owner_can(log: Path) -> None:
    key_log.keep_ike((b"\1" * 8, b"\2" * 8), KEYS)
    key_log.keep_child("203.0.113.20", "203.0.113.10", CHILD)
    ring = read_own_keys(log.read_text())

    assert log.stat().st_mode & 0o777 == 0o600
    (ike,) = ring.ike.values()
    assert (ike.spi_i, ike.spi_r, ike.secrets) == ("01" * 8, "02" * 8, {"ei": KEYS.ei, "er": KEYS.er, "ai": KEYS.ai, "ar": KEYS.ar})
    assert [(esp.spi, esp.source, esp.destination, esp.cipher_key, esp.integrity_key) for esp in ring.esp] == [
        ("c0000001", "203.0.113.10", "203.0.113.20", b"3" * 16, b"4" * 20), ("c0000002", "203.0.113.20", "203.0.113.10", b"1" * 16, b"2" * 20)]
    assert KEYS.d.hex() not in log.read_text()


@pytest.mark.parametrize("line", ["{", "[]", '{"spi_i": "01"}', '{"spi": "c0", "source": 1}'])
def test_a_line_that_holds_no_keys_is_told_by_its_number(line: str) -> None:
    with pytest.raises(EvidenceError, match="line 1 of the initiator's key log"):
        read_own_keys(line)
