"""powershell.exe and cmd.exe: command lines, code pages, exit codes, standard error; and pipelines of PowerShell remoting.

cmd.exe refuses a command line of more than 8,191 characters: a script that Windows would refuse must not run here either.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Mapping
from typing import Literal

from lab.twin.powershell import core, dotnet  # noqa: F401 - they register cmdlets and types
from lab.twin.powershell.clixml import clixml
from lab.twin.powershell.cmdexe import argument_words, run_cmd
from lab.twin.powershell.convert import to_text
from lab.twin.powershell.errors import ErrorRecord, Exit, NotSupportedByTwin, ParseError, PowerShellError, Signal
from lab.twin.powershell.formatting import display
from lab.twin.powershell.interpreter import Interpreter
from lab.twin.powershell.registry import NATIVES, program_of
from lab.twin.powershell.values import PSHash, PSObject

COMMAND_LINE_LIMIT = 8191
POWERSHELL = re.compile(r'^"?((?:[^"\s]*\\)?powershell(?:\.exe)?)"?(?:\s+(.*))?$', re.I | re.S)  # powershell -NoProfile …
CODECS = {437: "cp437", 850: "cp850", 1252: "cp1252", 65001: "utf-8"}
VALUELESS = ("noprofile", "noninteractive", "nologo", "sta", "mta")
WITH_VALUE = ("executionpolicy", "inputformat", "outputformat", "version", "windowstyle")
Write = Callable[[Literal["stdout", "stderr"], bytes], None]


class ProcessEnvironment:
    """$env: of one command."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = {"computername": "WIN10VPN", "username": "labadmin", "systemroot": "C:\\Windows", "windir": "C:\\Windows",
                           "temp": "C:\\Users\\labadmin\\AppData\\Local\\Temp", "programdata": "C:\\ProgramData",
                           "programfiles": "C:\\Program Files", "systemdrive": "C:",
                           "processor_architecture": "AMD64", "os": "Windows_NT"}
        self._variables.update({name.lower(): value for name, value in variables.items()})

    def get(self, name: str) -> str | None:
        """Return a variable."""
        return self._variables.get(name.lower())

    def set(self, name: str, value: str) -> None:
        """Set a variable; an empty value removes it."""
        if value:
            self._variables[name.lower()] = value
        else:
            self._variables.pop(name.lower(), None)


def codec_of(code_page: int) -> str:
    """Return Python's name of a code page."""
    return CODECS.get(code_page, "cp437")


class Console(Interpreter):
    """A runspace of powershell.exe: output, host and warnings are one text, in the order in which they were written."""

    def __init__(self, machine: object, environment: ProcessEnvironment) -> None:
        super().__init__(machine, environment)
        self.shown: list[object] = []
        self._said: list[tuple[int, str]] = []

    def say(self, stream: str, text: str) -> None:
        """Note what is written, and behind how much output."""
        super().say(stream, text)
        self._said.append((len(self.shown), (text if stream == "host" else f"WARNING: {text}\n").replace("\n", "\r\n")))

    def text(self) -> str:
        """Return everything. Raises NotSupportedByTwin for what cannot be displayed."""
        parts: list[str] = []
        done = 0
        for place, text in self._said:
            parts += [display(self.shown[done:place]), text]
            done = max(done, place)
        return "".join([*parts, display(self.shown[done:])])


class Engine:
    """Carries out what reaches the twin; one command at a time, since they share the machine."""

    def __init__(self, machine: object) -> None:
        self.machine = machine
        self._lock = threading.RLock()

    def new_runspace(self) -> Interpreter:
        """Return a runspace for PowerShell remoting."""
        return Interpreter(self.machine, ProcessEnvironment({}))

    def run_command_line(
        self, line: str, *, stdin: bytes, environment: Mapping[str, str], code_page: int, skip_cmd: bool, write: Write
    ) -> int:
        """Run a command of a WinRS shell; return its exit code."""
        if not skip_cmd and len(line) > COMMAND_LINE_LIMIT:
            write("stderr", b"The command line is too long.\r\n")
            return 1
        with self._lock:
            return self._run(line.strip(), stdin, ProcessEnvironment(environment), codec_of(code_page), write)

    def _run(self, line: str, stdin: bytes, environment: ProcessEnvironment, codec: str, write: Write) -> int:
        found = POWERSHELL.match(line)
        if found:
            return self._powershell(argument_words(found[2] or ""), stdin.decode(codec, "replace"), environment, codec, write)

        def program(name: str, arguments: list[str], text: str) -> tuple[str, str, int]:
            if name == "powershell":
                parts: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
                code = self._powershell(arguments, text, environment, codec, lambda stream, data: parts[stream].append(data))
                return b"".join(parts["stdout"]).decode(codec), b"".join(parts["stderr"]).decode(codec), code
            if program_of(name) is None:
                return "", f"{NotSupportedByTwin(f'the program {name}')}\r\n", 1
            try:
                result = NATIVES[name](arguments, self.machine, text)
            except NotSupportedByTwin as error:
                return "", f"{error}\r\n", 1
            return result.output, result.error, result.exit_code

        try:
            output, error, code = run_cmd(line, environment.get, program)
        except NotSupportedByTwin as refusal:
            output, error, code = "", f"{refusal}\r\n", 1
        if output:
            write("stdout", output.encode(codec, "replace"))
        if error:
            write("stderr", error.encode(codec, "replace"))
        return code

    # -- powershell.exe ---------------------------------------------------------------------------------------------------

    def _powershell(self, words: list[str], stdin: str, environment: ProcessEnvironment, codec: str, write: Write) -> int:
        console = Console(self.machine, environment)
        console.assign("input", stdin.removesuffix("\n").removesuffix("\r").split("\n") if stdin else [])
        errors: list[ErrorRecord] = []
        code: int | None = None
        script = ""
        try:
            script = _script_of(words, stdin)
            console.run_script(script, console.shown)
        except Exit as signal:
            code = signal.code
        except Signal:
            code = 0
        except PowerShellError as error:
            errors, code = [error.record], 1
        except ParseError as error:
            errors = [ErrorRecord(message=str(error.args[0]), exception="System.Management.Automation.ParseException",
                                  identifier="ParserError", category="ParserError", source=script, at=error.at)]
            code = 1
        except NotSupportedByTwin as error:
            errors = [ErrorRecord(message=str(error), identifier="TwinNotSupported", category="NotImplemented", source=console.source,
                                  at=console.at)]
            code = 1
        try:
            text = console.text()
        except NotSupportedByTwin as error:
            text, code = "", 1
            errors.append(ErrorRecord(message=str(error), identifier="TwinNotSupported", category="NotImplemented"))
        streams = console.streams
        if text:
            write("stdout", text.encode(codec, "replace"))
        lines = [line for record in [*streams.errors, *errors] for line in record.lines()] + streams.native_errors
        noisy = to_text(console.variable("ProgressPreference")).lower() == "continue"
        if lines or noisy:
            write("stderr", clixml(lines, progress=noisy).encode(codec, "replace"))
        return code if code is not None else 0 if console.succeeded else 1

    # -- remoting -----------------------------------------------------------------------------------------------------------

    def run_remote(self, runspace: Interpreter, script: str, emit: Callable[[str, object], None]) -> None:
        """Run a script in a runspace; report "output", "error" (text), "warning", "failed" (text), "exit" (code)."""
        with self._lock:
            runspace.streams.errors.clear()
            runspace.streams.warnings.clear()
            output: list[object] = []
            ended: tuple[str, object] | None = None
            try:
                runspace.run_script(script, output)
            except Exit as signal:
                ended = ("exit", signal.code)
            except Signal:
                pass  # break and continue at the top end the script
            except PowerShellError as error:
                ended = ("failed", error.record.message)
            except (ParseError, NotSupportedByTwin) as error:
                ended = ("failed", str(error))
            for value in output:
                emit("output", portable(value))
            if ended:
                emit(*ended)
            for record in runspace.streams.errors:
                emit("error", record.message)
            for warning in runspace.streams.warnings:
                emit("warning", warning)


def portable(value: object) -> object:
    """Return a value as the client's library takes it: without the twin's own types of text and numbers."""
    if isinstance(value, PSObject):
        return PSObject([(name, portable(one() if callable(one) else one)) for name, one in value.properties.items()], text=value.text)
    if isinstance(value, PSHash):
        return PSHash([(key, portable(one)) for key, one in value.items()])
    if isinstance(value, list):
        return [portable(one) for one in value]
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return value
    return int(value) if isinstance(value, int) else str(value)


def _script_of(words: list[str], stdin: str) -> str:
    """Return the script that powershell.exe's arguments mean. Parameters may be shortened, as on Windows."""
    place = 0
    while place < len(words):
        name = words[place].lower().lstrip("-/") if words[place][:1] in "-/" else ""
        if not name:
            break
        if name in ("e", "ec") or ("encodedcommand".startswith(name) and len(name) > 2):
            return base64.b64decode(words[place + 1]).decode("utf-16-le")
        if "command".startswith(name):
            rest = words[place + 1 :]
            return stdin if rest == ["-"] else " ".join(rest)
        if any(one.startswith(name) and len(name) >= 3 for one in VALUELESS):
            place += 1
        elif any(one.startswith(name) and len(name) >= 2 for one in WITH_VALUE):
            place += 2
        else:
            raise NotSupportedByTwin(f"powershell.exe {words[place]}")
    return " ".join(words[place:]) if place < len(words) else stdin
