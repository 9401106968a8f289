"""Dissection by tshark: an independent reader of what was on the wire.

A wrong key never makes tshark fail, it only shows less; so the checks are made here: ESP whose integrity or padding does not hold, or
IKE whose payloads make no sense, raise EvidenceError.
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

PROTOCOLS = "frame eth arp ip icmp udp tcp isakmp eap esp l2tp ppp lcp chap ipcp dhcp data dns"
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
    if not pcap.stat().st_size:  # tshark takes it for a capture of nothing
        raise EvidenceError(f"{pcap.name} is empty: not even a capture's header was written")
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
    if "esp" in frame.layers and frame.first("esp.spi").removeprefix("0x").lower() in known and (problem := _esp_problem(frame)):
        raise EvidenceError(f"{pcap.name}: frame {frame.number}: the ESP key for SPI {frame.first('esp.spi')} is wrong: {problem}")
    if "isakmp" in frame.layers and (problem := _ike_problem(frame)):
        raise EvidenceError(f"{pcap.name}: frame {frame.number}: the IKE key is wrong: {problem}")


def _esp_problem(frame: Frame) -> str:
    """Return the sign of a wrong key; empty if there is none. Integrity covers the ciphertext, so only the padding tells of the other key."""
    if frame.first("esp.icv_good") not in ("1", "True"):
        return "its integrity fails"
    length = frame.first("esp.pad_len")
    counted = ":".join(f"{number:02x}" for number in range(1, int(length or 0) + 1))  # RFC 4303, 2.4: 1, 2, 3, …
    return "" if length and frame.first("esp.pad") == counted else "its padding makes no sense"


def _ike_problem(frame: Frame) -> str:
    text = json.dumps(frame.layers["isakmp"])
    if found := next((sign for sign in BAD_SIGNS if sign in text), ""):
        return found
    return "" if all(value == "0x00" for value in frame.find("isakmp.reserved7")) else "reserved bits of a payload are set"
