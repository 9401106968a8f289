"""The host side of the probe: typed questions, each one round trip (1 to 3 ms in the embedded lab)."""

from __future__ import annotations

import base64
import json
import shlex
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TypeAlias

import paramiko

from lab import budgets
from lab.backends.base import Host
from lab.errors import CommandFailed, ConfigError, LinkLost, RemoteTimeout
from lab.probe.channel import Channel, SSHChannel, connect
from lab.waiting import Deadline, stretched

JSON: TypeAlias = "str | int | float | bool | list[JSON] | dict[str, JSON] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArpAnswer:
    """Who claims an address."""

    address: str
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One captured frame."""

    at_ns: int
    """Nanoseconds since the epoch, by the host's clock."""
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The outcome of a vici command that takes its time."""

    error: str
    """Empty when it succeeded."""
    log: tuple[str, ...]


class Stream:
    """Something that an agent keeps open: a capture, a followed file, a service. Ends itself as a context manager."""

    def __init__(self, probe: Probe, identifier: int) -> None:
        self._probe, self.identifier = probe, identifier
        self._stopped: Mapping[str, JSON] | None = None

    def sync(self) -> Mapping[str, JSON]:
        """Return when everything until now has been delivered."""
        return _mapping(self._probe.ask("sync", stream=self.identifier))

    def stop(self) -> Mapping[str, JSON]:
        """End it; return the agent's last word on it. Idempotent."""
        if self._stopped is None:
            self._stopped = _mapping(self._probe.ask("stop", stream=self.identifier))
            self._probe.forget(self.identifier)
        return self._stopped

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Probe:
    """A host's resident process. Thread-safe: questions may be asked at the same time."""

    def __init__(self, host: str, channel: Channel, ssh: paramiko.SSHClient | None = None, *, enter: str = "") -> None:
        self.host, self._channel, self._ssh, self._enter = host, channel, ssh, enter
        self._lock = threading.Lock()
        self._last = 0
        self._answers: dict[int, SimpleQueue[dict[str, JSON] | None]] = {}
        self._streams: dict[int, Callable[[Mapping[str, JSON]], None]] = {}
        self._gone, self._why = False, ""
        threading.Thread(target=self._listen, name=f"probe {host}", daemon=True).start()

    @classmethod
    def open(cls, host: Host) -> Probe:
        """Log in to a host and start its agent. Raises LinkLost."""
        if host.ssh is None:
            raise ConfigError(f"{host.name} is not reached over SSH")
        client = connect(host.ssh, host.name)
        return cls(host.name, SSHChannel(client, host.ssh.enter), client, enter=host.ssh.enter)

    def run(self, command: str, *, budget: float = budgets.PROBE_ANSWER) -> tuple[int, bytes, bytes]:
        """Run a shell's command on the host over the kept connection; return exit code, output and standard error.

        Costs a process; for what the agent cannot tell.
        """
        if self._ssh is None:
            raise ConfigError(f"the probe of {self.host} is a local process")
        whole = f"{self._enter} sh -c {shlex.quote(command)}" if self._enter else command
        _, output, error = self._ssh.exec_command(whole, timeout=Deadline(budget).budget)
        said = output.read(), error.read()
        return (output.channel.recv_exit_status(), *said)

    def close(self) -> None:
        """End the agent and the connection."""
        self._channel.close()
        if self._ssh is not None:
            self._ssh.close()

    # -- the exchange -------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        try:
            for raw in self._channel.lines():
                self._take(raw)
        except OSError as error:  # the connection broke: the same as its end
            self._why = str(error)
        finally:
            self._gone = True
            for queue in list(self._answers.values()):
                queue.put(None)

    def _take(self, raw: bytes) -> None:
        try:
            message = json.loads(raw)
            identifier = message["id"]
        except (ValueError, KeyError, TypeError) as error:
            raise OSError(f"it said {raw[:200]!r}, which is no answer") from error
        if "event" in message:
            if act := self._streams.get(identifier):
                act(message["event"])
        elif queue := self._answers.pop(identifier, None):
            queue.put(message)

    def ask(self, operation: str, *, budget: float = budgets.PROBE_ANSWER, **arguments: object) -> JSON:
        """Ask the agent for something and return its answer.

        Args:
            operation: a name of `lab.probe.agent.main`.
            budget: seconds until the answer must be there.
            arguments: as the operation takes them.

        Raises:
            CommandFailed: the agent could not do it; with its error.
            RemoteTimeout, LinkLost: no answer.
        """
        return self._ask(operation, budget, arguments)[1]

    def _ask(
        self, operation: str, budget: float, arguments: Mapping[str, object],
        stream: Callable[[Mapping[str, JSON]], None] | None = None,
    ) -> tuple[int, JSON]:
        deadline = Deadline(budget)
        queue: SimpleQueue[dict[str, JSON] | None] = SimpleQueue()
        with self._lock:
            self._last += 1
            identifier = self._last
            self._answers[identifier] = queue
            if stream:
                self._streams[identifier] = stream
            request = {"id": identifier, "op": operation, "args": arguments}
            try:
                self._channel.send(json.dumps(request).encode() + b"\n")
            except OSError as error:
                raise self._lost() from error
        if self._gone:
            raise self._lost()
        try:
            answer = queue.get(timeout=deadline.remaining)
        except Empty:
            raise RemoteTimeout(f"{self.host}: no answer to {operation} within {deadline.budget:.0f} s") from None
        if answer is None:
            raise self._lost()
        if "error" in answer:
            raise CommandFailed(f"{self.host}: {operation} failed: {answer['type']}: {answer['error']}")
        return identifier, answer["ok"]

    def _lost(self) -> LinkLost:
        words = self._channel.last_words() if isinstance(self._channel, SSHChannel) else ""
        return LinkLost(f"{self.host}: the probe is gone" + (f": {self._why}" if self._why else ""), evidence=words)

    def _stream(self, operation: str, act: Callable[[Mapping[str, JSON]], None], **arguments: object) -> Stream:
        identifier, _ = self._ask(operation, budgets.PROBE_ANSWER, arguments, act)
        return Stream(self, identifier)

    def forget(self, stream: int) -> None:
        """Expect nothing more of a stream."""
        self._streams.pop(stream, None)

    # -- reachability -------------------------------------------------------------------------------------------------

    def ping(self, destination: str, *, source: str | None = None, timeout: float = 1.0, size: int = 56) -> float | None:
        """Return the round trip of one ICMP echo in milliseconds; None without an answer."""
        answer = self.ask("ping", destination=destination, source=source, timeout=stretched(timeout), size=size)
        return answer if isinstance(answer, float) else None

    def ask_service(
        self, protocol: str, destination: str, port: int, payload: bytes, *, source: str | None = None, timeout: float = 1.0
    ) -> bytes | None:
        """Send bytes to a TCP or UDP service; return its answer, None without one."""
        answer = self.ask("ask", protocol=protocol, destination=destination, port=port, source=source, timeout=stretched(timeout),
                          payload=base64.b64encode(payload).decode())
        return base64.b64decode(answer) if isinstance(answer, str) else None

    def connects(self, destination: str, port: int, *, source: str | None = None, timeout: float = 1.0) -> bool:
        """Return whether a TCP port takes a connection, whatever is behind it."""
        return self.ask("connects", destination=destination, port=port, source=source, timeout=stretched(timeout)) is True

    def arp(self, interface: str, address: str, *, source: str, timeout: float = budgets.SILENCE) -> list[ArpAnswer]:
        """Broadcast an ARP request; return everybody who answers within the time."""
        answers = self.ask("arp", interface=interface, address=address, source=source, timeout=stretched(timeout))
        assert isinstance(answers, list)
        return [ArpAnswer(address=str(_mapping(answer)["address"]), mac=str(_mapping(answer)["mac"])) for answer in answers]

    def resolve(self, name: str, server: str, *, timeout: float = 1.0) -> list[str] | None:
        """Ask one name server, and nothing else, for the addresses of a name; None without an answer."""
        answer = self.ask("resolve", name=name, server=server, timeout=stretched(timeout))
        return [str(address) for address in answer] if isinstance(answer, list) else None

    def serve(self, port: int, *, prefix: str = "answer ", device: str | None = None) -> Stream:
        """Answer everything on a TCP and UDP port with the prefix and what was asked."""
        return self._stream("serve", lambda _: None, port=port, prefix=prefix, device=device)

    # -- state --------------------------------------------------------------------------------------------------------

    def facts(self) -> Mapping[str, JSON]:
        """Return the host's state: see `lab.probe.agent.state`."""
        return _mapping(self.ask("facts"))

    def forget_neighbours(self, interface: str) -> None:
        """Make ARP ask again for every address of an interface's network."""
        self.ask("forget_neighbours", interface=interface)

    def mac(self, interface: str) -> str:
        """Return the MAC address of an interface."""
        return str(_mapping(_mapping(self.facts()["links"])[interface])["mac"])

    def add_route(
        self, destination: str, *, gateway: str | None = None, interface: str | None = None, source: str | None = None
    ) -> None:
        """Add a route of the main table."""
        self.ask("route", action="add", destination=destination, gateway=gateway, interface=interface, source=source)

    def delete_route(
        self, destination: str, *, gateway: str | None = None, interface: str | None = None, source: str | None = None
    ) -> None:
        """Remove a route of the main table."""
        self.ask("route", action="delete", destination=destination, gateway=gateway, interface=interface, source=source)

    def read_file(self, path: str) -> str:
        """Return a file's text."""
        return str(self.ask("read", path=path))

    def write_file(self, path: str, content: str, *, mode: int = 0o600) -> None:
        """Write a file whole."""
        self.ask("write", path=path, content=content, mode=mode)

    # -- streams ------------------------------------------------------------------------------------------------------

    def capture(self, interface: str, act: Callable[[Packet], None]) -> Stream:
        """Stream the packets of an interface; returns when the first can be seen."""

        def take(event: Mapping[str, JSON]) -> None:
            data, position = base64.b64decode(str(event["packets"])), 0
            while position < len(data):
                at_ns, length = struct.unpack_from("=QI", data, position)
                position += 12
                act(Packet(at_ns=at_ns, data=data[position : position + length]))
                position += length

        return self._stream("capture", take, interface=interface)

    def follow(self, path: str, act: Callable[[str], None]) -> Stream:
        """Stream what is added to a file from now on."""
        return self._stream("follow", lambda event: act(str(event["text"])), path=path)

    # -- charon -------------------------------------------------------------------------------------------------------

    def vici(self, command: str, message: Mapping[str, object] | None = None) -> list[Mapping[str, JSON]]:
        """Send a command to the host's charon; return its answers. Raises CommandFailed when charon refuses."""
        answers = self.ask("vici", command=command, message=message)
        assert isinstance(answers, list)
        return [_mapping(answer) if answer is not None else {} for answer in answers]

    def vici_control(self, command: str, message: Mapping[str, object], *, budget: float = budgets.IKE_INITIATE) -> Control:
        """Send `initiate`, `terminate` or `rekey`; return charon's error, if any, and its log lines."""
        answer = _mapping(self.ask("control", budget=budget, command=command, message=message))
        lines = answer["log"]
        assert isinstance(lines, list)
        return Control(error=str(answer["error"]), log=tuple(str(line) for line in lines))


def _mapping(value: JSON) -> Mapping[str, JSON]:
    if not isinstance(value, dict):
        raise CommandFailed(f"a probe answered {value!r} where an object was expected")
    return value
