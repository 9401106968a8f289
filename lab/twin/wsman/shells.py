"""Shells and their commands: what a client created, and the output that waits to be received."""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from lab.twin.wsman.messages import SHELL, Request, timed_out

STATE = SHELL + "/CommandState/"


class Command:
    """A running command: output in the order in which it came."""

    def __init__(self, identifier: str) -> None:
        self.identifier = identifier
        self.waiting: deque[tuple[str, bytes]] = deque()
        self.exit_code = 0
        self.done = False
        self.input = bytearray()
        self.input_ended = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    def emit(self, stream: str, data: bytes) -> None:
        """Add output."""
        if data:
            self.waiting.append((stream, data))
            self._news.set()

    def finish(self, exit_code: int) -> None:
        """End."""
        self.exit_code, self.done = exit_code, True
        self._news.set()

    async def news(self, timeout: float) -> None:
        """Wait for output or the end. Raises the fault that makes the client ask again."""
        if self.waiting or self.done:
            return
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), timeout)
        except TimeoutError:
            raise timed_out() from None


@dataclass(kw_only=True)
class Shell:
    """A shell of a client."""

    identifier: str
    resource: str
    owner: str
    client: str
    environment: dict[str, str] = field(default_factory=dict)
    working_directory: str | None = None
    code_page: int = 437
    commands: dict[str, Command] = field(default_factory=dict)
    idle: float = 7200.0
    born: float = field(default_factory=time.monotonic)
    used: float = field(default_factory=time.monotonic)

    def xml(self) -> str:
        """Return the shell's description."""
        now = time.monotonic()
        return (
            f'<rsp:Shell xmlns:rsp="{SHELL}"><rsp:ShellId>{self.identifier}</rsp:ShellId><rsp:ResourceUri>{self.resource}</rsp:ResourceUri>'
            f"<rsp:Owner>{escape(self.owner)}</rsp:Owner><rsp:ClientIP>{self.client}</rsp:ClientIP>"
            f"<rsp:IdleTimeOut>PT{self.idle:.3f}S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams>"
            f"<rsp:OutputStreams>stdout stderr</rsp:OutputStreams><rsp:ShellRunTime>{_duration(now - self.born)}</rsp:ShellRunTime>"
            f"<rsp:ShellInactivity>{_duration(now - self.used)}</rsp:ShellInactivity></rsp:Shell>"
        )


def _duration(elapsed: float) -> str:
    return f"P0DT0H{int(elapsed) // 60}M{int(elapsed) % 60}S"


def new_shell(request: Request, owner: str, client: str) -> Shell:
    """Return the shell that a Create asks for."""
    body = request.body.find(f"{{{SHELL}}}Shell")
    assert body is not None
    return Shell(
        identifier=(body.get("ShellId") or str(uuid.uuid4())).upper(), resource=request.resource, owner=owner, client=client,
        environment={variable.get("Name") or "": variable.text or "" for variable in body.iter(f"{{{SHELL}}}Variable")},
        working_directory=body.findtext(f"{{{SHELL}}}WorkingDirectory"), code_page=int(request.options.get("WINRS_CODEPAGE", 437)),
    )


async def receive(command: Command, request: Request, *, remoting: bool) -> str:
    """Return the body of a Receive's answer: as much as the client's envelope holds, and the command's state."""
    await command.news(request.timeout)
    room = int(request.envelope * 0.7)
    mark = f' CommandId="{command.identifier}"' if command.identifier else ""
    parts = []
    while command.waiting and room > 0:
        stream, data = command.waiting.popleft()
        if not remoting and len(data) > room:  # a PSRP fragment must arrive whole
            command.waiting.appendleft((stream, data[room:]))
            data = data[:room]
        room -= len(data) * 4 // 3
        parts.append(f'<rsp:Stream Name="{stream}"{mark}>{base64.b64encode(data).decode()}</rsp:Stream>')
    if command.identifier:
        if command.done and not command.waiting:
            if not remoting:
                parts += [f'<rsp:Stream Name="{name}"{mark} End="true"></rsp:Stream>' for name in ("stdout", "stderr")]
            code = f"<rsp:ExitCode>{command.exit_code}</rsp:ExitCode>"
            parts.append(f'<rsp:CommandState{mark} State="{STATE}Done">{code}</rsp:CommandState>')
        else:
            parts.append(f'<rsp:CommandState{mark} State="{STATE}Running"></rsp:CommandState>')
    return f"<rsp:ReceiveResponse>{''.join(parts)}</rsp:ReceiveResponse>"
