"""Runs steps as over WinRM (the session's loader, the runner, JSON both ways), on the twin's engine without its network."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import StepFailed
from lab.probe.probe import JSON
from lab.server.session import LOADER
from lab.server.steps import Step
from lab.twin import commands  # noqa: F401 - registers the machine's cmdlets
from lab.twin.powershell.engine import Engine, ProcessEnvironment
from lab.twin.powershell.interpreter import Interpreter
from lab.twin.rras.l2tp import l2tp
from lab.twin.windows.machine import CLASS, SERVICE, Machine

SCRIPTS = Path(__file__).parents[2] / "fixtures" / "windows"
COMPONENT = "ms_agilevpnminiport"


@dataclass(slots=True)
class Server:
    """A machine and what steps found on it."""

    machine: Machine = field(default_factory=Machine.stock)
    found: dict[str, JSON] = field(default_factory=dict)

    def script(self, name: str, parameters: Mapping[str, JSON]) -> dict[str, JSON]:
        """Run a script as the session does."""
        payload = json.dumps({"script": (SCRIPTS / f"{name}.ps1").read_text(), "parameters": parameters})
        written: list[bytes] = []
        code = Engine(self.machine).run_command_line(
            f"powershell -NoProfile -EncodedCommand {base64.b64encode(LOADER.encode('utf-16-le')).decode()}", stdin=payload.encode(), environment={},
            code_page=65001, skip_cmd=True, write=lambda stream, data: written.append(data))
        assert code == 0, b"".join(written).decode()
        return dict(json.loads(b"".join(written)))

    def act(self, action: str, *chosen: Step) -> Sequence[JSON]:
        """Carry out an action on steps; return their values. Raises StepFailed with the failing one's message."""
        entries: list[JSON] = [{"name": one.name, "script": (SCRIPTS / f"{one.script}.ps1").read_text(), "parameters": dict(one.parameters),
                                "found": self.found.get(one.name)} for one in chosen]
        answer = self.script("runner", {"actions": [action], "steps": entries})
        if isinstance(answer["failed"], dict):
            raise StepFailed(str(answer["failed"]["message"]))
        values = [one["value"] for one in answer["results"] if isinstance(one, dict)] if isinstance(answer["results"], list) else []
        if action == "inspect":
            self.found |= dict(zip([one.name for one in chosen], values, strict=True))
        return values

    def state(self) -> dict[str, object]:
        """Return what must be as before."""
        return self.machine.facts() | {"service": self.machine.registry.dump(SERVICE)}

    @property
    def port(self) -> str:
        """Key of the IKEv2 miniport."""
        return next(f"{CLASS}\\{key}" for key in self.machine.registry.subkeys(CLASS)
                    if self.machine.registry.get(f"{CLASS}\\{key}", "ComponentId") == COMPONENT)


def by_hand(server: Server, script: str) -> None:
    """Run what somebody else did on the server."""
    Interpreter(server.machine, ProcessEnvironment({})).run_script(f"& {{ {script} }} | Out-Null")


def put(server: Server, *steps: Step) -> None:
    """Apply steps as a path does; each is there afterwards."""
    for step in steps:
        server.act("inspect", step)
        server.act("apply", step)
        assert server.act("verify", step) == [True]


def secrets(server: Server) -> dict[str, str]:
    """Return the secrets that L2TP has, by rule."""
    return {one.rule: one.value for one in l2tp(server.machine).secrets}
