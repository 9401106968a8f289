"""The program in place of eapahost.dll as a process: a line to it, a line back, each verb one of the interface's eleven (docs/eaphost.md).

A process that dies, falls silent or answers what no verb answers is given up: `ProgramFailed`. A verb that the program refuses is `Misuse`; it
goes on. One conversation at a time speaks: the caller serialises.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lab.twin.rras.eap.messages import MICROSOFT, RECEIVE_KEY, SEND_KEY, USER_NAME, Keys

PATIENCE = 5.0
"""Seconds for one answer: a thousand times what the slowest takes; Mono compiles what is called first, 0.2 s in the guest."""
LONGEST = 1 << 18
"""Octets of an answer: four times the longest packet in hexadecimal."""
VENDOR, VENDOR_HEADER, SALT = 26, 6, 2
"""Vendor-Specific; vendor, type and length before its data; a key's salt, which is zero here."""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


class ProgramFailed(Exception):
    """The process does not answer as the interface says."""


class Misuse(Exception):
    """The program refuses a verb: it makes no sense now, or its arguments are wrong."""


class Action(StrEnum):
    """What is due after a packet."""

    DISCARD = "Discard"
    SEND = "Send"
    AUTHENTICATE = "Authenticate"
    RESULT = "Result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An attribute of RADIUS', as the interface carries it."""

    kind: int
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a conversation ended (GetResult)."""

    success: bool
    failure: int
    """A RAS error; 0 after success."""
    method: int
    """EAP type; 0 before one had begun."""
    user: str
    keys: Keys | None
    reason: str
    """The program's own words."""


class Program:
    """A process that answers."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        """Start it, and wait until it is ready. Raises ProgramFailed."""
        try:
            with log.open("ab") as record:
                self._process = subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=record, env=ENVIRONMENT)
        except OSError as error:
            raise ProgramFailed(f"the program cannot be started: {error}") from error
        self._unread = b""
        try:
            said = self._line()
            if said != "ready":
                raise ProgramFailed(f"the program began with {said[:80]!r}")
        except ProgramFailed:
            self.end()
            raise

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it, from any thread, and return when it has ended. Idempotent."""
        self._process.kill()  # nothing of it outlives a conversation
        self._process.wait()

    def end(self) -> None:
        """End it, and let its pipes go. Idempotent."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # a line that was never read
                pipe.close()

    # -- verbs --------------------------------------------------------------------------------------------------------------

    def begin(self, methods: Sequence[int], length: int) -> int:
        """Begin a conversation that offers methods, in packets of at most so many octets; return its number."""
        return self._number(self._ask("BeginSession", ",".join(map(str, methods)), length, "-", "-"))

    def receive(self, session: int, packet: bytes) -> Action:
        """Take the client's packet."""
        return self._action(self._ask("ReceivePacket", session, packet.hex() or "-"))

    def is_replay(self, session: int, packet: bytes) -> bool:
        """Whether a packet is the one that was accepted last, come again."""
        return self._ask("IsReplay", session, packet.hex() or "-") == "1"

    def send(self, session: int) -> bytes:
        """Return the packet that is due."""
        return self._octets(self._ask("SendPacket", session).partition(" ")[0])

    def question(self, session: int) -> list[Attribute]:
        """Return what the caller is to decide, after AUTHENTICATE."""
        return self._attributes(self._ask("GetAttributes", session))

    def decide(self, session: int, failure: int, attributes: Sequence[Attribute]) -> Action:
        """Give the caller's decision: 0, or a RAS error."""
        shown = ",".join(f"{one.kind}:{one.value.hex()}" for one in attributes) or "-"
        return self._action(self._ask("SetAuthenticateResult", session, failure, shown))

    def outcome(self, session: int) -> Outcome:
        """Return how a conversation ended, after RESULT."""
        words = self._ask("GetResult", session).split(" ", 4)
        if len(words) < 4:
            raise ProgramFailed(f"a result of {len(words)} words")
        attributes = self._attributes(words[3])
        send, receive = _key(attributes, SEND_KEY), _key(attributes, RECEIVE_KEY)
        user = next((one.value.decode(errors="replace") for one in attributes if one.kind == USER_NAME), "")
        return Outcome(success=words[0] == "1", failure=self._number(words[1]), method=self._number(words[2]), user=user,
                       keys=Keys(send=send, receive=receive) if send and receive else None, reason=words[4] if len(words) > 4 else "")

    def final(self, session: int, *, success: bool) -> bytes:
        """Return EAP-Success or EAP-Failure."""
        return self._octets(self._ask("GetFinalPacket", session, int(success)))

    def forget(self, session: int) -> None:
        """Forget a conversation."""
        self._ask("EndSession", session)

    # -- lines --------------------------------------------------------------------------------------------------------------

    def _ask(self, verb: str, *words: object) -> str:
        """Call a verb; return what follows "ok". Raises Misuse, ProgramFailed."""
        line = " ".join([verb, *map(str, words)]).encode() + b"\n"
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError as error:
            raise ProgramFailed(f"the program takes nothing more: {error}") from error
        answer = self._line()
        if answer.startswith("error "):
            raise Misuse(f"{verb}: {answer.removeprefix('error ')}")
        if answer != "ok" and not answer.startswith("ok "):
            raise ProgramFailed(f"{verb} is answered by {answer[:80]!r}")
        return answer[3:]

    def _line(self) -> str:
        assert self._process.stdout is not None
        descriptor, limit = self._process.stdout.fileno(), time.monotonic() + PATIENCE
        while b"\n" not in self._unread:
            if not select.select([descriptor], [], [], max(0.0, limit - time.monotonic()))[0]:
                raise ProgramFailed(f"the program has said nothing for {PATIENCE:g} s")
            piece = os.read(descriptor, 1 << 16)
            self._unread += piece
            if not piece or len(self._unread) > LONGEST:
                raise ProgramFailed("the program has ended" if not piece else f"an answer of more than {LONGEST} octets")
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode(errors="replace")

    @staticmethod
    def _number(word: str) -> int:
        if not word.isdecimal():
            raise ProgramFailed(f"expected a number, got {word[:80]!r}")
        return int(word)

    @staticmethod
    def _action(word: str) -> Action:
        try:
            return Action(word)
        except ValueError:
            raise ProgramFailed(f"expected an action, got {word[:80]!r}") from None

    @staticmethod
    def _octets(word: str) -> bytes:
        try:
            return bytes.fromhex(word)
        except ValueError:
            raise ProgramFailed(f"expected hexadecimal octets, got {word[:80]!r}") from None

    def _attributes(self, word: str) -> list[Attribute]:
        pairs = [one.split(":") for one in word.split(",")] if word != "-" else []
        if any(len(pair) != 2 for pair in pairs):
            raise ProgramFailed(f"expected attributes, got {word[:80]!r}")
        return [Attribute(kind=self._number(kind), value=self._octets(value)) for kind, value in pairs]


def microsoft(attributes: Sequence[Attribute], kind: int) -> bytes:
    """Return the data of a vendor attribute of Microsoft's; empty when there is none."""
    head = MICROSOFT.to_bytes(4, "big") + bytes([kind])
    return next((one.value[VENDOR_HEADER:] for one in attributes if one.kind == VENDOR and one.value.startswith(head)), b"")


def microsoft_attribute(kind: int, data: bytes) -> Attribute:
    """Return a vendor attribute of Microsoft's (RFC 2548)."""
    return Attribute(kind=VENDOR, value=MICROSOFT.to_bytes(4, "big") + bytes([kind, 2 + len(data)]) + data)


def key_attribute(kind: int, key: bytes) -> Attribute:
    """Return a key in clear behind a salt of zero, as the interface carries it (inferred: "Creating MPPE Attributes in an EAP Extension")."""
    return microsoft_attribute(kind, bytes(SALT) + bytes([len(key)]) + key + bytes(-(len(key) + 1) % 16))


def _key(attributes: Sequence[Attribute], kind: int) -> bytes:
    data = microsoft(attributes, kind)[SALT:]
    return data[1 : 1 + data[0]] if data else b""
