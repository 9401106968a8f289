"""The EAP host's Linux face as tests see it: compiling it, talking to it, and a whole conversation with a peer."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from lab.errors import HostError

SOURCES = Path(__file__).parents[2] / "fixtures" / "eaphost"
PRIMITIVES = Path(__file__).parent / "primitives"
FLAGS = ("-langversion:5", "-warn:4", "-warnaserror", "-nologo", "-platform:x64")
"""C# 5 is what .NET Framework's own compiler knows; a warning is an error."""
MICROSOFT = bytes.fromhex("00000137")
IDENTITY, NAK, TLS, PEAP, MSCHAPV2 = 1, 3, 13, 25, 26


def mcs(target: Path, *folders: Path, options: Sequence[str] = ()) -> Path:
    """Compile all sources of folders.

    Raises:
        HostError: there is no compiler, or it complains.
    """
    sources = [str(file) for folder in folders for file in sorted(folder.glob("*.cs"))]
    try:
        done = subprocess.run(["mcs", *FLAGS, *options, f"-out:{target}", *sources], check=False, capture_output=True, text=True, timeout=120)
    except FileNotFoundError as error:
        raise HostError("there is no mcs, which compiles fixtures/eaphost", hint="ci/install-packages tests") from error
    if done.returncode != 0 or done.stderr.strip() or "warning" in done.stdout:
        raise HostError(f"mcs does not compile {target.name}", evidence=done.stdout + done.stderr)
    return target


@dataclass(frozen=True, slots=True)
class Attribute:
    """A RADIUS attribute."""

    type: int
    value: bytes

    @classmethod
    def microsoft(cls, kind: int, data: bytes) -> Attribute:
        """Return a vendor attribute of Microsoft's."""
        return cls(26, MICROSOFT + bytes([kind, 2 + len(data)]) + data)

    @classmethod
    def key(cls, kind: int, key: bytes) -> Attribute:
        """Return a key as the host understands it."""
        return cls.microsoft(kind, b"\0\0" + bytes([len(key)]) + key + bytes(-(len(key) + 1) % 16))


def shown(attributes: Sequence[Attribute]) -> str:
    """Return attributes as a word of a line."""
    return ",".join(f"{one.type}:{one.value.hex()}" for one in attributes) or "-"


def read(word: str) -> list[Attribute]:
    """Return the attributes of a word."""
    return [Attribute(int(kind), bytes.fromhex(value)) for kind, _, value in (one.partition(":") for one in word.split(","))] if word != "-" else []


def microsoft(attributes: Sequence[Attribute], kind: int) -> bytes | None:
    """Return the data of a vendor attribute of Microsoft's, or None."""
    found = [one.value[6:] for one in attributes if one.type == 26 and one.value[:5] == MICROSOFT + bytes([kind])]
    return found[0] if found else None


class Misuse(Exception):
    """The host answers "error"."""


class Host:
    """A running host: one line to it, one back."""

    def __init__(self, program: Path, *options: str, runner: Sequence[str] = ("mono",)) -> None:
        self._process = subprocess.Popen([*runner, str(program), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.line() == "ready", self._process.stderr.read().decode() if self._process.stderr else ""

    def line(self) -> str:
        """Read a line."""
        assert self._process.stdout
        return self._process.stdout.readline().decode().rstrip("\n")

    def write(self, octets: bytes) -> None:
        """Write as it stands."""
        assert self._process.stdin
        self._process.stdin.write(octets)
        self._process.stdin.flush()

    def raw(self, line: str) -> str:
        """Send a line, return the answer as it stands."""
        self.write(line.encode() + b"\n")
        return self.line()

    def ask(self, *words: object) -> str:
        """Call a verb, return what follows "ok". Raises Misuse for an error."""
        answer = self.raw(" ".join(map(str, words)))
        if answer.startswith("error "):
            raise Misuse(answer)
        assert answer == "ok" or answer.startswith("ok "), answer
        return answer[3:]

    @property
    def is_alive(self) -> bool:
        """Whether it still answers."""
        return self._process.poll() is None and self.raw("?") == "error input there is no such verb"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End its input, which ends it."""
        self._process.communicate(timeout=20)


class Session:
    """One conversation of a host."""

    def __init__(self, host: Host, *methods: int, length: int = 1400) -> None:
        self._host = host
        self.number = int(host.ask("BeginSession", ",".join(map(str, methods)), length, "-", "-"))

    def receive(self, packet: bytes) -> str:
        """Return the action."""
        return self._host.ask("ReceivePacket", self.number, packet.hex() or "-")

    def send(self) -> bytes:
        """Return the request."""
        return bytes.fromhex(self._host.ask("SendPacket", self.number).split()[0])

    def is_replay(self, packet: bytes) -> bool:
        """Return whether the host knows it."""
        return self._host.ask("IsReplay", self.number, packet.hex() or "-") == "1"

    def attributes(self) -> list[Attribute]:
        """Return what GetAttributes gives."""
        return read(self._host.ask("GetAttributes", self.number))

    def authenticated(self, status: int, *attributes: Attribute) -> str:
        """Give the caller's verdict, return the action."""
        return self._host.ask("SetAuthenticateResult", self.number, status, shown(attributes))

    def result(self) -> Result:
        """Return how it ended."""
        success, failure, method, attributes, *reason = self._host.ask("GetResult", self.number).split(" ", 4)
        return Result(success == "1", int(failure), int(method), read(attributes), reason[0] if reason else "")

    def final(self, *, success: bool) -> bytes:
        """Return the packet that ends it."""
        return bytes.fromhex(self._host.ask("GetFinalPacket", self.number, int(success)))

    def end(self) -> None:
        """Forget it."""
        self._host.ask("EndSession", self.number)


@dataclass(frozen=True, slots=True)
class Result:
    """What GetResult says."""

    success: bool
    failure: int
    method: int
    attributes: list[Attribute]
    reason: str

    @property
    def user(self) -> str | None:
        """User-Name."""
        return next((one.value.decode() for one in self.attributes if one.type == 1), None)

    @property
    def msk(self) -> bytes:
        """The master session key: receive, send, zeros (RFC 3079 keys are not padded one by one)."""
        halves = [microsoft(self.attributes, kind) for kind in (17, 16)]
        return b"".join(half[3:3 + half[2]] for half in halves if half).ljust(64, b"\0") if all(halves) else b""


class Peer(Protocol):
    """The other side."""

    def answer(self, request: bytes) -> bytes:
        """Return the response to a request."""
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """A conversation that came to its end."""

    result: Result
    final: bytes
    requests: list[bytes]


Decide = Callable[[list[Attribute]], tuple[int, list[Attribute]]]


def converse(session: Session, peer: Peer, decide: Decide | None = None, rounds: int = 500) -> Ended:
    """Carry a conversation to its end, from the identity request to EAP-Success or EAP-Failure; end the session."""
    requests: list[bytes] = []
    for _ in range(rounds):
        requests.append(session.send())
        action = session.receive(peer.answer(requests[-1]))
        if action == "Authenticate":
            assert decide is not None
            status, attributes = decide(session.attributes())
            action = session.authenticated(status, *attributes)
        if action == "Result":
            result = session.result()
            final = session.final(success=result.success)
            session.end()
            return Ended(result, final, requests)
        assert action == "Send", action
    raise AssertionError(f"no end after {rounds} rounds")
