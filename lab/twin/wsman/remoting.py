"""PowerShell remoting [MS-PSRP] on psrpcore: the only module that knows that library.

psrpcore 0.3.1 has no public way to fail a pipeline, so its state change is called directly; fragments are sent one per stream
element, because the Ruby client takes no more.
"""

from __future__ import annotations

import asyncio
import struct
import uuid
from collections.abc import Callable

import psrpcore
from psrpcore.types import (
    ErrorCategoryInfo,
    ErrorRecord,
    HostMethodIdentifier,
    NETException,
    PSCustomObject,
    PSInvocationState,
    PSVersion,
)

from lab.twin.powershell.convert import to_text
from lab.twin.powershell.engine import Engine
from lab.twin.powershell.values import PSHash, PSObject
from lab.twin.wsman.shells import Command

FRAGMENT = 32768
HEADER = 21
"""Bytes of a fragment's header; its last four are the length of what follows."""
VERSIONS = {"PSVersionTable": {"PSVersion": PSVersion("5.1.19041.4170"), "PSEdition": "Desktop", "WSManStackVersion": PSVersion("3.0")}}


class RemoteShell:
    """A runspace pool of one client."""

    def __init__(self, engine: Engine, run_in_thread: Callable[[Callable[[], None]], asyncio.Future[None]]) -> None:
        self._engine, self._run_in_thread = engine, run_in_thread
        self._pool = psrpcore.ServerRunspacePool(application_private_data=VERSIONS)
        self._runspace = engine.new_runspace()
        self.channel = Command("")
        """Output of the pool itself, received without a command id."""
        self._commands: dict[str, Command] = {}

    def begin(self, command: Command) -> None:
        """Take a new pipeline."""
        psrpcore.ServerPipeline(self._pool, uuid.UUID(command.identifier))
        self._commands[command.identifier] = command

    def end(self, command: Command) -> None:
        """Forget a pipeline."""
        self._commands.pop(command.identifier, None)
        self._pool.pipeline_table.pop(uuid.UUID(command.identifier), None)

    def feed(self, data: bytes, command: Command | None) -> None:
        """Take fragments from the client."""
        identifier = uuid.UUID(command.identifier) if command else None
        self._pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, identifier))
        while (event := self._pool.next_event()) is not None:
            if isinstance(event, psrpcore.CreatePipelineEvent):
                assert command is not None
                pipeline = self._pool.pipeline_table[event.pipeline_id]
                command.task = asyncio.ensure_future(self._run(command, pipeline, event.pipeline))
            elif isinstance(event, (psrpcore.SetMaxRunspacesEvent, psrpcore.SetMinRunspacesEvent, psrpcore.ResetRunspaceStateEvent)):
                self._pool.runspace_availability_response(event.ci, True)
            elif isinstance(event, psrpcore.GetAvailableRunspacesEvent):
                self._pool.runspace_availability_response(event.ci, self._pool.max_runspaces)
        self._flush()

    def _flush(self) -> None:
        while (payload := self._pool.data_to_send(FRAGMENT)) is not None:
            target = self.channel if payload.pipeline_id is None else self._commands.get(str(payload.pipeline_id).upper())
            data = bytes(payload.data)
            while data:
                length = HEADER + int(struct.unpack(">I", data[HEADER - 4 : HEADER])[0])
                if target is not None:
                    target.emit("stdout", data[:length])
                data = data[length:]

    async def _run(self, command: Command, pipeline: psrpcore.ServerPipeline, metadata: psrpcore.PowerShell) -> None:
        pipeline.start()
        loop = asyncio.get_running_loop()
        failed: list[str] = []

        def emit(kind: str, value: object) -> None:
            loop.call_soon_threadsafe(self._tell, pipeline, kind, value, failed)

        script = script_of(metadata)
        try:
            await self._run_in_thread(lambda: self._engine.run_remote(self._runspace, script, emit))
        except Exception as error:  # noqa: BLE001 - a bug of the twin must be seen by the client, never hang it
            failed.append(f"the twin has a bug: {type(error).__name__}: {error}")
        await asyncio.sleep(0)
        if failed:
            record = ErrorRecord(Exception=NETException(Message=failed[0]), CategoryInfo=ErrorCategoryInfo(),
                                 FullyQualifiedErrorId="RuntimeException")
            pipeline._change_state(PSInvocationState.Failed, error=record)  # noqa: SLF001 - see the top of this module
        else:
            pipeline.complete()
        self._flush()
        command.finish(0)

    def _tell(self, pipeline: psrpcore.ServerPipeline, kind: str, value: object, failed: list[str]) -> None:
        if kind == "output":
            pipeline.write_output(to_remote(value))
        elif kind == "error":
            pipeline.write_error(NETException(Message=str(value)), ErrorCategoryInfo(), fully_qualified_error_id="Error")
        elif kind == "warning":
            pipeline.write_warning(str(value))
        elif kind == "exit":
            pipeline.host_call(HostMethodIdentifier.SetShouldExit, [int(str(value))])
        else:
            failed.append(str(value))
        self._flush()


def script_of(metadata: psrpcore.PowerShell) -> str:
    """Return a pipeline's commands as a script: clients send a script, or Invoke-Expression -Command … | Out-String -Stream."""
    statements: list[list[str]] = [[]]
    for command in metadata.commands:
        if command.is_script:
            text = str(command.command_text)
        else:
            words = [str(command.command_text)]
            for name, value in command.parameters:
                if name:
                    words.append(f"-{str(name).lstrip('-')}")
                if value is not None and value is not True:
                    words.append("'" + to_text(value).replace("'", "''") + "'" if isinstance(value, str) else to_text(value))
            text = " ".join(words)
        statements[-1].append(text)
        if command.end_of_statement:
            statements.append([])
    return "\n".join(" | ".join(parts) for parts in statements if parts)


def to_remote(value: object) -> object:
    """Return a value as psrpcore serialises it."""
    if isinstance(value, PSObject):
        if value.text is not None and not value.properties:
            return value.text
        content = {name: to_remote(one() if callable(one) else one) for name, one in value.properties.items()}
        return PSCustomObject(**content)
    if isinstance(value, PSHash):
        return {to_text(key): to_remote(one) for key, one in value.items()}
    if isinstance(value, list):
        return [to_remote(one) for one in value]
    return value if isinstance(value, (str, int, bool, float, bytes, type(None))) else to_text(value)
