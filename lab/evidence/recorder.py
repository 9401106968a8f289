"""The evidence of one test: a folder with a pcap per network, keys, daemon logs, transcript, facts before, during and after."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.backends.base import CapturePoint
from lab.evidence.keys import KeyRing, read_keys
from lab.evidence.own_keys import read_own_keys
from lab.evidence.pcap import PcapWriter
from lab.evidence.wire import Wire
from lab.probe.probe import Probe, Stream
from lab.secrets import write_private

KEY_LOG, OWN_KEY_LOG, CHARON_LOG = "/run/lab/log/charon.keys", "/run/lab/log/ike.keys", "/run/lab/log/charon.log"
"""Of charon, and of our own initiator, whose file is there from its first connection on."""


class Follower:
    """A file of a host, copied as it grows: what was written before a panic survives it."""

    def __init__(self, probe: Probe, path: str, target: Path) -> None:
        self.target = target
        write_private(target, b"")
        self._parts: list[str] = []
        self._file = target.open("a", encoding="utf-8")
        self.stream: Stream = probe.follow(path, self._take)

    def _take(self, text: str) -> None:
        self._parts.append(text)
        if not self._file.closed:
            self._file.write(text)
            self._file.flush()

    @property
    def text(self) -> str:
        """What was written since the follower began."""
        return "".join(self._parts)

    def close(self) -> None:
        """End."""
        self.stream.stop()
        self._file.close()


class Recorder:
    """Records while a test runs."""

    def __init__(self, folder: Path, points: Sequence[CapturePoint], probe: Callable[[str], Probe]) -> None:
        """Begin to capture every network.

        Args:
            folder: the test's folder; made here.
            points: where each network can be seen.
            probe: gives the probe of a host that sees one.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._followers: dict[str, Follower] = {}
        self._keys: dict[str, Follower] = {}
        self._own_keys: dict[str, Follower] = {}
        self.captures = {name: PcapWriter(folder / f"{name}.pcap") for name in dict.fromkeys(point.network for point in points)}
        self._streams = [(point.network, probe(point.host).capture(point.interface, self.captures[point.network].add)) for point in points]

    def follow_client(self, name: str, probe: Probe) -> None:
        """Follow a client's logs: its keys, and what charon says."""
        if name not in self._keys:
            self._keys[name] = Follower(probe, KEY_LOG, self.folder / f"{name}.keys")
            self._own_keys[name] = Follower(probe, OWN_KEY_LOG, self.folder / f"{name}.ike.keys")
            self._followers[name] = Follower(probe, CHARON_LOG, self.folder / f"{name}.charon.log")

    def wire(self) -> Wire:
        """Return the wire up to now."""
        for _, stream in self._streams:
            stream.sync()
        return Wire(self.captures, self._ring)

    def _ring(self) -> KeyRing:
        ring = KeyRing()
        for followers, read in ((self._keys, read_keys), (self._own_keys, read_own_keys)):
            for follower in followers.values():
                follower.stream.sync()
                found = read(follower.text)
                ring.ike |= found.ike
                ring.esp += found.esp
        return ring

    def write(self, name: str, text: str) -> None:
        """Write a text for people: a table of what was measured."""
        (self.folder / name).write_text(text)

    def note(self, name: str, facts: object) -> None:
        """Write facts as JSON."""
        (self.folder / f"{name}.json").write_text(json.dumps(facts, indent=1, default=str, sort_keys=True))

    def close(self) -> dict[str, int]:
        """End all captures; return the packets that the kernel dropped, by network (each is a hole in the evidence)."""
        dropped: dict[str, int] = {}
        for name, stream in self._streams:
            lost = stream.stop()["dropped"]
            if lost:
                dropped[name] = dropped.get(name, 0) + int(str(lost))
        for capture in self.captures.values():
            capture.close()
        for follower in (*self._keys.values(), *self._own_keys.values(), *self._followers.values()):
            follower.close()
        return dropped
