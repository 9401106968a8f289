"""Keys from charon's log of the client, as tables that tshark reads.

Level 4 of "ike" prints SK_ei and its siblings (Ka for IKEv1), "chd" the ESP keys, level 2 of "mgr" the SPIs; the lines are joined by the name of
the SA in the message (at a rekey the line's prefix still names the old one). Initiator and responder of ESP keys are those of the
exchange: they are swapped when the server rekeys (IKEv1: it never begins a quick mode here). Throw-away keys of one run, files 0600.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lab.errors import EvidenceError

LINE = re.compile(r"^\d+\.\d+ (\d\d)\[(\w+)\] (?:<([^>]*)> )?(.*)$")  # 1764.123 05[IKE] <mac|1> Sk_ei secret => 16 bytes
DUMP = re.compile(r"^\d+\.\d+ \d\d\[\w+\] (?:<[^>]*> )?\s+\d+: ((?:[0-9A-F]{2} )+)")  #    0: 0A 1B …
SECRET = re.compile(r"Sk_(\w\w) secret => ")  # Sk_ei secret => 16 bytes
MAIN_MODE_KEY = re.compile(r"encryption key Ka => ")
SPIS = re.compile(r"checkin IKEv[12] SA (.*)\[(\d+)\] with SPIs (\w{16})_i (\w{16})_r")
OURS = re.compile(r"establishing CHILD_SA .*\{(\d+)\}")
INSTALLING = re.compile(r"CHILD_SA .*\{(\d+)\} state change: CREATED => INSTALLING")
ESP_KEY = re.compile(r"(encryption|integrity) (initiator|responder) key => ")
ADDING = re.compile(r"adding (inbound|outbound) ESP SA")
ENDS = re.compile(r"  SPI 0x(\w{8}), src (\S+) dst (\S+)")

IKE_CIPHERS = {16: "AES-CBC-128 [RFC3602]", 24: "3DES [RFC2451]", 32: "AES-CBC-256 [RFC3602]"}
IKE_INTEGRITIES = {16: "HMAC_MD5_96 [RFC2403]", 20: "HMAC_SHA1_96 [RFC2404]", 32: "HMAC_SHA2_256_128 [RFC4868]",
                   48: "HMAC_SHA2_384_192 [RFC4868]"}
ESP_CIPHERS = {16: "AES-CBC [RFC3602]", 24: "TripleDES-CBC [RFC2451]", 32: "AES-CBC [RFC3602]"}
ESP_INTEGRITIES = {16: "HMAC-MD5-96 [RFC2403]", 20: "HMAC-SHA-1-96 [RFC2404]", 32: "HMAC-SHA-256-128 [RFC4868]",
                   48: "HMAC-SHA-384-192 [RFC4868]"}


def _suite(known: Mapping[int, str], key: bytes, place: str) -> str:
    """Return tshark's name of the algorithm that has keys of this length."""
    if len(key) not in known:
        raise EvidenceError(f"{place}: a key of {len(key)} bytes belongs to no algorithm that captures are decrypted with",
                            hint="AES-GCM and SHA-512 are not among them: lab/evidence/keys.py")
    return known[len(key)]


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeKeys:
    """Keys of one IKE SA."""

    spi_i: str
    spi_r: str
    secrets: dict[str, bytes]
    """By name: ei, er, ai, ar."""

    def row(self) -> str:
        """Return the row of Wireshark's ikev2_decryption_table. Raises EvidenceError for a suite that we have no name of."""
        place = f"IKE SA {self.spi_i}"
        cipher, integrity = _suite(IKE_CIPHERS, self.secrets["ei"], place), _suite(IKE_INTEGRITIES, self.secrets["ai"], place)
        fields = [self.spi_i, self.spi_r, self.secrets["ei"].hex(), self.secrets["er"].hex(), f'"{cipher}"',
                  self.secrets["ai"].hex(), self.secrets["ar"].hex(), f'"{integrity}"']
        return ",".join(fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class EspKeys:
    """Keys of one direction of a child SA."""

    source: str
    destination: str
    spi: str
    cipher_key: bytes
    integrity_key: bytes

    def row(self) -> str:
        """Return the row of Wireshark's esp_sa table. Raises EvidenceError for a suite that we have no name of.

        Known by its SPI alone: behind a NAT the wire shows another address than the client logs.
        """
        place = f"ESP SA {self.spi}"
        values = ["IPv4", "*", "*", f"0x{self.spi}", _suite(ESP_CIPHERS, self.cipher_key, place),
                  f"0x{self.cipher_key.hex()}", _suite(ESP_INTEGRITIES, self.integrity_key, place), f"0x{self.integrity_key.hex()}"]
        return ",".join(f'"{value}"' for value in values)


@dataclass(slots=True)
class KeyRing:
    """All keys of a log."""

    ike: dict[tuple[str, str], IkeKeys] = field(default_factory=dict)
    main_mode: dict[str, bytes] = field(default_factory=dict)
    """IKEv1's keys, by the initiator's cookie."""
    esp: list[EspKeys] = field(default_factory=list)

    def tshark_options(self) -> list[str]:
        """Return the options that give tshark these keys; nothing is written to anybody's configuration."""
        options: list[str] = []
        for keys in self.ike.values():
            options += ["-o", f"uat:ikev2_decryption_table:{keys.row()}"]
        for cookie, key in self.main_mode.items():
            options += ["-o", f"uat:ikev1_decryption_table:{cookie},{key.hex()}"]
        for esp in self.esp:
            options += ["-o", f"uat:esp_sa:{esp.row()}"]
        if self.esp:
            options += ["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE"]
        return options


@dataclass(slots=True)
class _Record:
    thread: str
    sa: str
    message: str
    data: bytes = b""


def _records(text: str) -> Iterator[_Record]:
    """Yield the log's lines, with the bytes of the hex dump that follows each."""
    current: _Record | None = None
    for line in text.splitlines():
        if current is not None and (dump := DUMP.match(line)):
            current.data += bytes.fromhex(dump[1])
        elif found := LINE.match(line):
            if current is not None:
                yield current
            current = _Record(found[1], found[3] or "", found[4])
    if current is not None:
        yield current


class _Reader:
    """Joins the lines of one log."""

    def __init__(self) -> None:
        self.ring = KeyRing()
        self._secrets: dict[str, dict[str, bytes]] = {}
        self._main_mode: dict[str, bytes] = {}
        self._children: dict[str, dict[str, bytes]] = {}
        self._current: dict[str, str] = {}
        """The child that a thread works on."""
        self._ours: set[str] = set()
        """Children whose exchange this side began."""
        self._direction = ""

    def read(self, record: _Record) -> None:
        """Take one record."""
        message = record.message
        if found := SECRET.match(message):
            self._secrets.setdefault(record.sa, {})[found[1]] = record.data
        elif MAIN_MODE_KEY.match(message):
            self._main_mode[record.sa] = record.data
        elif found := SPIS.match(message):
            if key := self._main_mode.get(f"{found[1]}|{found[2]}"):
                self.ring.main_mode[found[3]] = key
            secrets = self._secrets.get(f"{found[1]}|{found[2]}", {})
            if {"ei", "er", "ai", "ar"} <= set(secrets) and found[4] != "0" * 16:
                self.ring.ike[found[3], found[4]] = IkeKeys(spi_i=found[3], spi_r=found[4], secrets=dict(secrets))
        elif found := OURS.match(message):
            self._ours.add(found[1])
        elif found := INSTALLING.match(message):
            self._current[record.thread] = found[1]
            self._children[found[1]] = {}
            if record.sa in self._main_mode:
                self._ours.add(found[1])
        elif found := ESP_KEY.match(message):
            child = self._children.setdefault(self._current.get(record.thread, ""), {})
            child[found[1][0] + found[2][0]] = record.data
        elif found := ADDING.match(message):
            self._direction = found[1]
        elif found := ENDS.match(message):
            self._esp(record.thread, found[1], found[2], found[3])

    def _esp(self, thread: str, spi: str, source: str, destination: str) -> None:
        number = self._current.get(thread, "")
        keys = self._children.get(number, {})
        role = "i" if (self._direction == "outbound") == (number in self._ours) else "r"
        if f"e{role}" in keys:
            self.ring.esp.append(EspKeys(source=source, destination=destination, spi=spi, cipher_key=keys[f"e{role}"],
                                         integrity_key=keys.get(f"i{role}", b"")))


def read_keys(log: str) -> KeyRing:
    """Return all keys of a client's key log."""
    reader = _Reader()
    for record in _records(log):
        reader.read(record)
    return reader.ring
