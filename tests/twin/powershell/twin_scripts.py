"""Runs scripts of the table tests."""

from __future__ import annotations

import pytest

from lab.twin import commands  # noqa: F401 - registers the machine's cmdlets
from lab.twin.powershell.convert import to_text
from lab.twin.powershell.engine import Engine, ProcessEnvironment
from lab.twin.powershell.errors import NotSupportedByTwin, ParseError
from lab.twin.powershell.interpreter import Interpreter
from lab.twin.powershell.values import NOTHING
from lab.twin.windows.machine import Machine


def run(script: str, machine: Machine | None = None) -> list[str]:
    """Return a script's output, each object as text."""
    return [to_text(value) for value in Interpreter(machine, ProcessEnvironment({})).run_script(script) if value is not NOTHING]


def refusal(script: str, machine: Machine | None = None) -> str:
    """Run a script inside a try with catch and finally, which must not swallow the refusal; return its text."""
    around = f"try {{ try {{\n{script}\n}} catch {{ 'swallowed' }} finally {{ throw 'finally ran' }} }} catch {{ 'swallowed' }}"
    with pytest.raises((NotSupportedByTwin, ParseError)) as caught:
        run(around, machine)
    return str(caught.value)


def console(script: str, machine: Machine | None = None) -> tuple[int, str]:
    """Return exit code and standard output of `powershell -Command -`."""
    written: list[bytes] = []
    code = Engine(machine).run_command_line("powershell -NoProfile -Command -", stdin=script.encode(), environment={}, code_page=65001, skip_cmd=True,
                                            write=lambda stream, data: written.append(data) if stream == "stdout" else None)
    return code, b"".join(written).decode()
