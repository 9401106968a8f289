"""What a running script has: scopes, streams, preferences. The interpreter's parts share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lab.twin.powershell import tree
from lab.twin.powershell.convert import cast, to_text
from lab.twin.powershell.errors import ErrorRecord, NotSupportedByTwin, PowerShellError, failure
from lab.twin.powershell.values import NOTHING, PSHash, ScriptBlock, Version

VERSION = Version((5, 1, 19041, 4170))
AUTOMATIC: dict[str, object] = {
    "true": True, "false": False, "null": None, "erroractionpreference": "Continue", "progresspreference": "Continue",
    "warningpreference": "Continue", "verbosepreference": "SilentlyContinue", "debugpreference": "SilentlyContinue",
    "informationpreference": "SilentlyContinue", "whatifpreference": False, "confirmpreference": "High",
    "pwd": "C:\\Users\\labadmin", "home": "C:\\Users\\labadmin", "lastexitcode": None, "matches": None,
    "psversiontable": PSHash([("PSVersion", VERSION), ("PSEdition", "Desktop"), ("BuildVersion", Version((10, 0, 19041, 4170)))]),
    "pshome": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0", "args": [], "input": [], "_": None,
}
CONSTANT = frozenset({"true", "false", "?", "pshome", "psversiontable", "home", "error"})
"""Read-only: an assignment is an error."""
UNKNOWN = frozenset({
    "$", "^", "ofs", "psboundparameters", "myinvocation", "psscriptroot", "pscommandpath", "host", "pid", "profile", "shellid",
    "stacktrace", "executioncontext", "foreach", "switch", "pscmdlet", "this", "event", "eventargs", "sender", "psculture", "psuiculture",
    "psdefaultparametervalues", "nestedpromptlevel", "consolefilename", "psdebugcontext", "pssenderinfo", "maximumerrorcount",
    "psmoduleautoloadingpreference", "psemailserver", "pssessionoption", "outputencoding",
})
"""Variables that PowerShell fills or heeds, and the twin does not."""
FIXED = {"verbosepreference": ("silentlycontinue", "ignore"), "debugpreference": ("silentlycontinue", "ignore"),
         "informationpreference": ("silentlycontinue", "ignore"), "whatifpreference": ("false",),
         "warningpreference": ("continue", "silentlycontinue", "ignore"), "confirmpreference": ("high", "none", "medium", "low"),
         "erroractionpreference": ("stop", "continue", "silentlycontinue", "ignore"), "progresspreference": ("silentlycontinue", "continue")}
"""Preference variables, and the values of which the twin knows the effect."""
SCOPES = ("script", "global", "local")


class Environment(Protocol):
    """$env: of the process; kept by the engine."""

    def get(self, name: str) -> str | None:
        """Return a variable."""

    def set(self, name: str, value: str) -> None:
        """Set a variable; an empty value removes it."""


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
    types: dict[str, str] = field(default_factory=dict)
    """Declared types: `[int] $x` converts every later assignment too."""


class Runtime:
    """State of one runspace."""

    def __init__(self, machine: object, environment: Environment) -> None:
        self.machine, self.environment = machine, environment
        self.errors: list[object] = []
        """$Error, the newest first."""
        self.scopes: list[Scope] = [Scope(dict(AUTOMATIC) | {"error": self.errors})]
        self.streams = Streams()
        self.succeeded = True
        """$?"""
        self.strict = False
        self.guarded = 0
        """Depth of try blocks around what runs now."""
        self.source = ""
        self.at = 0

    # -- implemented by the other parts --------------------------------------------------------------------------------

    def run(self, statements: Sequence[tree.Node], output: list[object] | None = None) -> list[object]:
        """Run statements; add their output to a list, by default a new one, and return it."""
        raise NotImplementedError  # `interpreter.Interpreter`

    def evaluate(self, node: tree.Node) -> object:
        """Return an expression's value."""
        raise NotImplementedError  # `evaluate.Evaluator`

    def raw(self, node: tree.Node) -> object:
        """Return an expression's value; NOTHING for a command without output."""
        raise NotImplementedError  # `evaluate.Evaluator`

    def invoke_block(self, block: ScriptBlock, arguments: Sequence[object] = (), *, item: object = None, own_scope: bool = True,
                     ) -> list[object]:
        """Run a script block; return its output."""
        raise NotImplementedError  # `functions.Functions`

    def run_block(self, block: ScriptBlock, item: object, output: list[object]) -> None:
        """Run the block of ForEach-Object and its like."""
        raise NotImplementedError  # `functions.Functions`

    def say(self, stream: str, text: str) -> None:
        """Write to the console, or a warning; `listener` shows it at once."""
        (self.streams.host if stream == "host" else self.streams.warnings).append(text)

    # -- variables ------------------------------------------------------------------------------------------------------

    def variable(self, name: str) -> object:
        """Return a variable. Raises PowerShellError under StrictMode when it is not set."""
        value = self.raw_variable(name)
        return None if value is NOTHING else value

    def raw_variable(self, name: str) -> object:
        """Return a variable, NOTHING if it holds the result of a command without output."""
        prefix, colon, rest = name.lower().partition(":")
        if colon and prefix == "env":
            return self.environment.get(rest)
        if colon and prefix not in SCOPES:
            raise NotSupportedByTwin(f"the variable ${name}")
        folded = rest if colon else name.lower()
        if folded == "?":
            return self.succeeded
        places = self.scopes if not colon else self.scopes[-1:] if prefix == "local" else self.scopes[:1]
        for candidate in reversed(places):
            if folded in candidate.variables:
                return candidate.variables[folded]
        if folded in UNKNOWN:
            raise NotSupportedByTwin(f"the automatic variable ${name}")
        if self.strict:
            raise failure(f"The variable '${name}' cannot be retrieved because it has not been set.", identifier="VariableIsUndefined",
                          category="InvalidOperation", target=name)
        return None

    def is_set(self, name: str) -> bool:
        """Whether a variable is set anywhere."""
        return any(name.lower() in scope.variables for scope in self.scopes)

    def assign(self, name: str, value: object, *, declared: str | None = None) -> None:
        """Set a variable in the scope that its prefix names, by default the innermost; `declared` fixes its type."""
        prefix, colon, rest = name.lower().partition(":")
        if colon and prefix == "env":
            self.environment.set(rest, to_text(value))
            return
        if colon and prefix not in SCOPES:
            raise NotSupportedByTwin(f"an assignment to ${name}")
        folded = rest if colon else name.lower()
        if folded == "null":
            return
        self._check(name, folded, value)
        scope = self.scopes[0] if colon and prefix != "local" else self.scopes[-1]
        if declared:
            scope.types[folded] = declared
        kind = scope.types.get(folded)
        scope.variables[folded] = cast(kind, value) if kind else value

    @staticmethod
    def _check(name: str, folded: str, value: object) -> None:
        if folded in CONSTANT:
            raise failure(f"Cannot overwrite variable {name} because it is read-only or constant.", identifier="VariableNotWritable",
                          category="WriteError", target=name, exception="System.Management.Automation.SessionStateException")
        if folded in UNKNOWN:
            raise NotSupportedByTwin(f"an assignment to the automatic variable ${name}")
        if folded in FIXED and to_text(value).lower() not in FIXED[folded]:
            raise NotSupportedByTwin(f"${name} = '{to_text(value)}'")

    # -- errors ---------------------------------------------------------------------------------------------------------

    def place(self, record: ErrorRecord) -> ErrorRecord:
        """Note where the script is, if the record does not say."""
        if not record.source:
            record.source, record.at = self.source, self.at
        return record

    def preference(self) -> str:
        """Return $ErrorActionPreference, lower case."""
        return to_text(self.variable("ErrorActionPreference")).lower()

    def note(self, record: ErrorRecord) -> None:
        """Put a record into $Error."""
        if not any(known is record for known in self.errors):
            self.errors.insert(0, record)

    def report(self, record: ErrorRecord, action: str | None = None) -> None:
        """Take a non-terminating error: what -ErrorAction or $ErrorActionPreference says becomes of it."""
        self.place(record)
        chosen = (action or self.preference()).lower()
        self.succeeded = False
        if chosen == "stop":
            raise PowerShellError(record)
        if chosen != "ignore":
            self.note(record)
        if chosen not in ("ignore", "silentlycontinue"):
            self.streams.errors.append(record)
