"""What a running script has: scopes, streams, preferences. The interpreter's parts share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lab.twin.powershell import tree
from lab.twin.powershell.errors import ErrorRecord, NotSupportedByTwin, PowerShellError, failure
from lab.twin.powershell.values import PSHash, ScriptBlock

AUTOMATIC: dict[str, object] = {
    "true": True, "false": False, "null": None, "erroractionpreference": "Continue", "progresspreference": "Continue",
    "warningpreference": "Continue", "verbosepreference": "SilentlyContinue", "pwd": "C:\\Users\\labadmin", "home": "C:\\Users\\labadmin",
    "lastexitcode": None, "psversiontable": PSHash([("PSVersion", "5.1.19041.4170"), ("PSEdition", "Desktop"),
                                                    ("BuildVersion", "10.0.19041.4170")]),
    "confirmpreference": "High", "pshome": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0", "outputencoding": "us-ascii",
}


class Environment(Protocol):
    """$env: of the process; kept by the engine."""

    def get(self, name: str) -> str | None:
        """Return a variable."""

    def set(self, name: str, value: str) -> None:
        """Set a variable."""


@dataclass(slots=True)
class Streams:
    """What a script wrote beside its output."""

    errors: list[ErrorRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    host: list[str] = field(default_factory=list)
    native_errors: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Scope:
    """Variables and functions of a script or function; names in lower case."""

    variables: dict[str, object] = field(default_factory=dict)
    functions: dict[str, tree.Block] = field(default_factory=dict)


class Runtime:
    """State of one runspace."""

    def __init__(self, machine: object, environment: Environment) -> None:
        self.machine, self.environment = machine, environment
        self.scopes: list[Scope] = [Scope(dict(AUTOMATIC))]
        self.streams = Streams()
        self.succeeded = True
        """$?"""
        self.strict = False
        self.guarded = 0
        """Depth of try blocks around what runs now."""
        self.source = ""
        self.at = 0

    # -- implemented by the other parts --------------------------------------------------------------------------------

    def run(self, statements: Sequence[tree.Node]) -> list[object]:
        """Run statements; return their output."""
        raise NotImplementedError  # `interpreter.Interpreter`

    def evaluate(self, node: tree.Node) -> object:
        """Return an expression's value."""
        raise NotImplementedError  # `evaluate.Evaluator`

    def invoke_block(self, block: ScriptBlock, arguments: Sequence[object] = (), *, item: object = None,
                     input_items: Sequence[object] | None = None, own_scope: bool = True) -> list[object]:
        """Run a script block; return its output."""
        raise NotImplementedError  # `commands.Commands`

    # -- variables ------------------------------------------------------------------------------------------------------

    def variable(self, name: str) -> object:
        """Return a variable. Raises PowerShellError under StrictMode when it is not set."""
        scope, colon, rest = name.lower().partition(":")
        if colon and scope == "env":
            return self.environment.get(rest)
        folded = rest if colon and scope in ("script", "global", "local", "private") else name.lower()
        if folded == "?":
            return self.succeeded
        for candidate in reversed(self.scopes):
            if folded in candidate.variables:
                return candidate.variables[folded]
        if colon and scope not in ("script", "global", "local", "private"):
            raise NotSupportedByTwin(f"the variable ${name}")
        if self.strict:
            raise failure(f"The variable '${name}' cannot be retrieved because it has not been set.", identifier="VariableIsUndefined",
                          category="InvalidOperation", target=name)
        return None

    def is_set(self, name: str) -> bool:
        """Whether a variable is set anywhere."""
        return any(name.lower() in scope.variables for scope in self.scopes)

    def assign(self, name: str, value: object) -> None:
        """Set a variable in the scope that its prefix names, by default the innermost."""
        scope, colon, rest = name.partition(":")
        if not colon:
            self.scopes[-1].variables[name.lower()] = value
        elif scope.lower() == "env":
            self.environment.set(rest, str(value))
        elif scope.lower() in ("script", "global"):
            self.scopes[0].variables[rest.lower()] = value
        elif scope.lower() in ("local", "private"):
            self.scopes[-1].variables[rest.lower()] = value
        else:
            raise NotSupportedByTwin(f"an assignment to ${name}")

    # -- errors ---------------------------------------------------------------------------------------------------------

    def place(self, record: ErrorRecord) -> ErrorRecord:
        """Note where the script is, if the record does not say."""
        if not record.source:
            record.source, record.at = self.source, self.at
        return record

    def report(self, record: ErrorRecord, action: str | None = None) -> None:
        """Take a non-terminating error: what -ErrorAction or $ErrorActionPreference says becomes of it."""
        self.place(record)
        chosen = (action or str(self.variable("ErrorActionPreference"))).lower()
        self.succeeded = False
        if chosen == "stop":
            raise PowerShellError(record)
        if chosen not in ("ignore", "silentlycontinue"):
            self.streams.errors.append(record)
