"""The WS-Management service: one method per action."""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from lab.twin.powershell.engine import Engine
from lab.twin.wsman import messages
from lab.twin.wsman.messages import CMD_RESOURCE, POWERSHELL, SHELL, Fault, Request, tag
from lab.twin.wsman.remoting import RemoteShell
from lab.twin.wsman.shells import Command, Shell, new_shell, receive

THREADS = 4
"""Commands share one machine and run one at a time; more threads only hold clients that wait."""
CONFIGURATION = (
    '<cfg:Config xmlns:cfg="http://schemas.microsoft.com/wbem/wsman/1/config"><cfg:MaxEnvelopeSizekb>500</cfg:MaxEnvelopeSizekb>'
    "<cfg:MaxTimeoutms>60000</cfg:MaxTimeoutms><cfg:MaxBatchItems>32000</cfg:MaxBatchItems></cfg:Config>"
)


class Service:
    """All shells of all clients."""

    def __init__(self, engine: Engine, machine: str) -> None:
        self._engine, self._machine = engine, machine
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="command")
        self.shells: dict[str, Shell] = {}
        self._remote: dict[str, RemoteShell] = {}
        self._verbs: Mapping[str, Callable[[Request, str, str], Awaitable[str]]] = {
            "Create": self._create, "Delete": self._delete, "Get": self._get, "Command": self._command, "Receive": self._receive,
            "Send": self._send, "Signal": self._signal,
        }

    async def handle(self, data: bytes, user: str, client: str) -> tuple[int, bytes]:
        """Answer one message; return HTTP's status and the body."""
        try:
            request = messages.parse(data)
        except messages.BadRequest:
            return 400, b""
        self._drop_idle()
        try:
            verb = self._verbs.get(request.verb)
            if verb is None:
                raise messages.not_supported(request.action)
            body = await verb(request, user, client)
        except Fault as fault:
            return 500, messages.envelope(messages.FAULT_ACTION, request.message_id, messages.fault_body(fault, self._machine))
        return 200, messages.envelope(request.action + "Response", request.message_id, body)

    # -- shells ---------------------------------------------------------------------------------------------------------

    def _drop_idle(self) -> None:
        now = time.monotonic()
        for shell in [one for one in self.shells.values() if now - one.used > one.idle]:
            self._close(shell)

    def _shell(self, request: Request) -> Shell:
        shell = self.shells.get((request.selectors.get("ShellId") or "").upper())
        if shell is None:
            raise messages.no_such_shell()
        shell.used = time.monotonic()
        return shell

    def _run_in_thread(self, work: Callable[[], None]) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _create(self, request: Request, user: str, client: str) -> str:
        remoting = request.resource.startswith(POWERSHELL)
        if not remoting and request.resource != CMD_RESOURCE:
            raise Fault(messages.BAD_RESOURCE, "a:DestinationUnreachable", "The WS-Management service cannot process the request. The"
                        " resource URI is missing or it has an incorrect format. ")
        shell = new_shell(request, user, client)
        self.shells[shell.identifier] = shell
        if remoting:
            remote = self._remote[shell.identifier] = RemoteShell(self._engine, self._run_in_thread)
            body = request.body.find(tag(SHELL, "Shell"))
            assert body is not None
            remote.feed(base64.b64decode(body.findtext(tag(POWERSHELL, "creationXml")) or ""), None)
        address = (
            f"<x:ResourceCreated><a:Address>{request.to}</a:Address><a:ReferenceParameters><w:ResourceURI>{request.resource}</w:ResourceURI>"
            f'<w:SelectorSet><w:Selector Name="ShellId">{shell.identifier}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
            "</x:ResourceCreated>"
        )
        return address + shell.xml()

    async def _delete(self, request: Request, user: str, client: str) -> str:
        self._close(self._shell(request))
        return ""

    def _close(self, shell: Shell) -> None:
        for command in shell.commands.values():
            if command.task:
                command.task.cancel()
            command.finish(1)
        if remote := self._remote.pop(shell.identifier, None):
            remote.channel.finish(0)
        del self.shells[shell.identifier]

    async def _get(self, request: Request, user: str, client: str) -> str:
        if request.resource.endswith("/wsman/1/config"):
            return CONFIGURATION
        if request.resource == SHELL:
            return self._shell(request).xml()
        raise messages.not_supported(request.action)

    # -- commands -------------------------------------------------------------------------------------------------------

    async def _command(self, request: Request, user: str, client: str) -> str:
        shell = self._shell(request)
        line = request.body.find(tag(SHELL, "CommandLine"))
        assert line is not None
        command = Command((line.get("CommandId") or str(uuid.uuid4())).upper())
        arguments = [one.text or "" for one in line.findall(tag(SHELL, "Arguments"))]
        shell.commands[command.identifier] = command
        if remote := self._remote.get(shell.identifier):
            remote.begin(command)
            remote.feed(base64.b64decode(arguments[0]), command)
        else:
            words = [line.findtext(tag(SHELL, "Command")) or "", *arguments]
            skip = request.options.get("WINRS_SKIP_CMD_SHELL", "FALSE").upper() == "TRUE"
            command.task = asyncio.ensure_future(self._run(shell, command, " ".join(words), skip))
        return f"<rsp:CommandResponse><rsp:CommandId>{command.identifier}</rsp:CommandId></rsp:CommandResponse>"

    async def _run(self, shell: Shell, command: Command, line: str, skip: bool) -> None:
        loop = asyncio.get_running_loop()
        if "$input" in line or _reads_input(line):
            await command.input_ended.wait()

        def write(stream: str, data: bytes) -> None:
            loop.call_soon_threadsafe(command.emit, stream, data)

        code = 1

        def work() -> None:
            nonlocal code
            code = self._engine.run_command_line(line, stdin=bytes(command.input), environment=shell.environment,
                                                 code_page=shell.code_page, skip_cmd=skip, write=write)

        try:
            await self._run_in_thread(work)
        except Exception as error:  # noqa: BLE001 - a bug of the twin must be seen by the client, never hang it
            write("stderr", f"the twin has a bug: {type(error).__name__}: {error}\r\n".encode())
        await asyncio.sleep(0)
        command.finish(code)

    def _find(self, shell: Shell, identifier: str | None) -> Command:
        if identifier is None:
            remote = self._remote.get(shell.identifier)
            if remote is None:
                raise messages.no_such_shell()
            return remote.channel
        command = shell.commands.get(identifier.upper())
        if command is None:
            raise messages.no_such_shell()
        return command

    async def _receive(self, request: Request, user: str, client: str) -> str:
        shell = self._shell(request)
        wanted = request.body.find(f"{tag(SHELL, 'Receive')}/{tag(SHELL, 'DesiredStream')}")
        command = self._find(shell, wanted.get("CommandId") if wanted is not None else None)
        return await receive(command, request, remoting=shell.identifier in self._remote)

    async def _send(self, request: Request, user: str, client: str) -> str:
        shell = self._shell(request)
        for stream in request.body.iter(tag(SHELL, "Stream")):
            data, identifier = base64.b64decode(stream.text or ""), stream.get("CommandId")
            if remote := self._remote.get(shell.identifier):
                remote.feed(data, self._find(shell, identifier) if identifier else None)
                continue
            command = self._find(shell, identifier)
            command.input += data
            if (stream.get("End") or stream.get(tag(SHELL, "End")) or "").lower() == "true":
                command.input_ended.set()
        return "<rsp:SendResponse/>"

    async def _signal(self, request: Request, user: str, client: str) -> str:
        shell = self._shell(request)
        signal = request.body.find(tag(SHELL, "Signal"))
        identifier = (signal.get("CommandId") or "").upper() if signal is not None else ""
        command = shell.commands.pop(identifier, None)
        if command is not None:
            if remote := self._remote.get(shell.identifier):
                remote.end(command)
            if command.task and not command.done:
                command.task.cancel()
        return "<rsp:SignalResponse/>"


def _reads_input(line: str) -> bool:
    """Whether a command line's encoded script reads $input; such a command starts when its input is complete."""
    words = line.split()
    for place, word in enumerate(words[:-1]):
        name = word.lower().lstrip("-/")
        if word[:1] in "-/" and (name in ("e", "ec") or (len(name) > 2 and "encodedcommand".startswith(name))):
            try:
                return "$input" in base64.b64decode(words[place + 1]).decode("utf-16-le").lower()
            except ValueError:
                return False
    return False
