"""Dissection by tshark: an independent reader of what was on the wire.

A wrong key never makes tshark fail, it only shows less; so the checks are made here: ESP whose integrity does not hold, or IKE whose
payloads make no sense, raise EvidenceError.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.errors import EvidenceError, HostError
from lab.evidence.keys import KeyRing
from lab.probe.probe import JSON

PROTOCOLS = "frame eth arp ip icmp udp tcp isakmp esp data dns"
BAD_SIGNS = ("Pad length is too big", "Integrity Checksum Data is incorrect", "Malformed Packet")
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as tshark sees it."""

    number: int
    layers: Mapping[str, JSON]

    @property
    def protocols(self) -> list[str]:
        """Names of its protocols, from the outside in."""
        return str(self.first("frame.protocols")).split(":")

    def find(self, name: str) -> Iterator[JSON]:
        """Yield every value of a field, at any depth, in order."""
        yield from _find(self.layers, name)

    def first(self, name: str) -> str:
        """Return the first value of a field; empty if there is none."""
        return str(next(self.find(name), ""))


def _find(node: object, name: str) -> Iterator[JSON]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == name:
                yield from value if isinstance(value, list) else [value]
            yield from _find(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from _find(value, name)


def dissect(pcap: Path, keys: KeyRing) -> list[Frame]:
    """Return the frames of a capture, decrypted with the keys.

    Raises:
        HostError: tshark is not installed.
        EvidenceError: it could not read the file, or a key is wrong.
    """
    if shutil.which("tshark") is None:
        raise HostError("tshark is not installed", hint="apt install tshark, or `make setup`")
    command = ["tshark", "-r", str(pcap), "-n", "-T", "json", "--no-duplicate-keys", "-J", PROTOCOLS, *keys.tshark_options()]
    done = subprocess.run(command, capture_output=True, check=False, timeout=SECONDS)
    if done.returncode:
        words = done.stderr.decode(errors="replace").splitlines()[-6:]
        raise EvidenceError(f"tshark could not read {pcap.name}", evidence="\n".join(words))
    content = json.loads(done.stdout or b"[]")
    frames = [Frame(number=int(entry["_source"]["layers"]["frame"]["frame.number"]), layers=entry["_source"]["layers"]) for entry in content]
    for frame in frames:
        _check(frame, pcap, keys)
    return frames


def _check(frame: Frame, pcap: Path, keys: KeyRing) -> None:
    known = {esp.spi.lower() for esp in keys.esp}
    if "esp" in frame.layers and frame.first("esp.spi").removeprefix("0x").lower() in known and frame.first("esp.icv_good") not in ("1", "True"):
        raise EvidenceError(f"{pcap.name}: frame {frame.number}: the ESP key for SPI {frame.first('esp.spi')} is wrong: its integrity fails")
    if "isakmp" in frame.layers:
        text = json.dumps(frame.layers["isakmp"])
        for sign in BAD_SIGNS:
            if sign in text:
                raise EvidenceError(f"{pcap.name}: frame {frame.number}: the IKE key is wrong: {sign}")
