"""The twin's control socket: what a lab may ask of a twin, and of no real Windows. One JSON line each way."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from lab.twin.windows.machine import Machine

if TYPE_CHECKING:
    from lab.twin.rras.engine import RrasEngine


class ControlSocket:
    """reset: Windows as new, nothing inverted. invert: the same, with behaviours inverted. facts: the state."""

    def __init__(self, machine: Machine, engine: RrasEngine | None) -> None:
        self._machine, self._engine = machine, engine

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        async for line in reader:
            try:
                answer = await asyncio.to_thread(self._answer, json.loads(line))
            except Exception as error:  # noqa: BLE001 - the answer carries it
                answer = {"error": f"{type(error).__name__}: {error}"}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    def _answer(self, request: dict[str, object]) -> dict[str, object]:
        operation = request["op"]
        if operation in ("reset", "invert"):
            ids, strangers = request.get("ids", []), request.get("strangers", [])
            assert isinstance(ids, list)
            assert isinstance(strangers, list)
            self._machine.reset()
            if self._engine is not None:
                self._engine.set_inverted([str(one) for one in ids], [str(one) for one in strangers])
            return {"ok": True}
        if operation == "facts":
            return {"ok": self._machine.facts(), "events": [[one.source, one.identifier, one.message] for one in self._machine.events.events]}
        raise ValueError(f"unknown operation {operation!r}")
