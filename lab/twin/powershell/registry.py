"""Where cmdlets, programs, .NET types and drives are declared.

A cmdlet declares its parameters, and anything else is refused as on Windows::

    @cmdlet("Get-Service", "[string[]] Name @0 pipeline, [switch] RequiredServices")
    def get_service(call: Call) -> Iterable[object]:
        for name in call.strings("Name"): ...

One declaration per parameter, joined by commas: [type], name, then any of `@0` (its position), `pipeline` (takes its value from
the pipeline when it is not given), `mandatory`, `rest` (takes all that is left without a name), `empty` (may be "" or $null).
Parameters are written in full: whether a shortened one is unambiguous depends on parameters that the twin does not have. Of the
common parameters, -ErrorAction is known to every cmdlet, and the others as far as they change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.twin.powershell.convert import to_bool, to_text
from lab.twin.powershell.errors import ErrorRecord, NotSupportedByTwin, PowerShellError
from lab.twin.powershell.values import Switch, each

if TYPE_CHECKING:
    from lab.twin.powershell.interpreter import Interpreter

DECLARATION = re.compile(r"\[([\w.\[\]]+)\]\s+(\w+)((?:\s+(?:@\d+|pipeline|mandatory|rest|empty))*)$")  # [string[]] Name @0 pipeline
COMMON = {"erroraction": "ErrorAction", "ea": "ErrorAction", "warningaction": "WarningAction", "wa": "WarningAction",
          "verbose": "Verbose", "vb": "Verbose", "debug": "Debug", "db": "Debug", "whatif": "WhatIf", "wi": "WhatIf", "confirm": "Confirm",
          "cf": "Confirm"}
COMMON_SWITCHES = frozenset({"Verbose", "Debug", "WhatIf", "Confirm"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A parameter of a cmdlet."""

    name: str
    type: str
    position: int | None
    pipeline: bool
    mandatory: bool
    rest: bool
    empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cmdlet:
    """A cmdlet of the twin."""

    name: str
    parameters: tuple[Declared, ...]
    run: Callable[[Call], Iterable[object]]


@dataclass(slots=True, kw_only=True)
class Call:
    """One invocation of a cmdlet."""

    name: str
    interpreter: Interpreter
    arguments: Mapping[str, object]
    """Bound parameters, by declared name."""
    input: list[object] = field(default_factory=list)
    """What came through the pipeline."""
    output: list[object] = field(default_factory=list)
    """Where its output goes: for blocks that it runs."""

    @property
    def machine(self) -> object:
        """The Windows state that the engine was made with."""
        return self.interpreter.machine

    def has(self, name: str) -> bool:
        """Whether a parameter was given."""
        return name in self.arguments

    def value(self, name: str) -> object:
        """Return a parameter's value; None if it was not given."""
        return self.arguments.get(name)

    def text(self, name: str, default: str = "") -> str:
        """Return a parameter's value as text."""
        return to_text(self.arguments[name]) if name in self.arguments else default

    def strings(self, name: str) -> list[str]:
        """Return a parameter's values as texts."""
        return [to_text(item) for item in each(self.arguments.get(name))]

    def on(self, name: str) -> bool:
        """Whether a switch is set."""
        value = self.arguments.get(name)
        return value.present if isinstance(value, Switch) else to_bool(value)

    def error(self, message: str, *, identifier: str, category: str = "NotSpecified", target: str = "",
              exception: str = "System.Management.Automation.RuntimeException") -> None:
        """Write a non-terminating error (terminating under -ErrorAction Stop)."""
        record = ErrorRecord(message=message, identifier=identifier, category=category, target=target, exception=exception,
                             command=self.name)
        self.interpreter.report(record, self.text("ErrorAction") or None)

    def take(self, error: PowerShellError) -> None:
        """Report an error that a cmdlet goes on after; raise any other."""
        if not error.soft:
            raise error
        error.record.command = error.record.command or self.name
        self.interpreter.report(error.record, self.text("ErrorAction") or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeResult:
    """What a program gave back."""

    output: str = ""
    error: str = ""
    exit_code: int = 0


Native = Callable[[list[str], object, str], NativeResult]
"""A program: arguments, machine, standard input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DotNetType:
    """A .NET type as far as the twin knows it."""

    name: str
    construct: Callable[..., object] | None
    methods: Mapping[str, Callable[..., object]]
    """Static methods, by lower-case name; the first argument is the interpreter."""
    properties: Mapping[str, object]


class Provider:
    """A drive: HKLM:, Cert:, Env:. Every method gets the machine and the path behind the drive's name."""

    drive = ""
    has_keys = False
    """Whether its items may have private keys: only then Remove-Item has the parameter -DeleteKey."""

    def exists(self, machine: object, path: str) -> bool:
        """Whether there is an item."""
        raise self.refusal("Test-Path", machine, path)

    def item(self, machine: object, path: str) -> object:
        """Return an item; raises PowerShellError if there is none."""
        raise self.refusal("Get-Item", machine, path)

    def children(self, machine: object, path: str) -> list[object]:
        """Return the items below."""
        raise self.refusal("Get-ChildItem", machine, path)

    def create(self, machine: object, path: str, *, force: bool) -> object:
        """Make an item."""
        raise self.refusal("New-Item", machine, path)

    def remove(self, machine: object, path: str, *, recurse: bool) -> None:
        """Remove an item."""
        raise self.refusal("Remove-Item", machine, path)

    def remove_with_key(self, machine: object, path: str) -> None:
        """Remove an item and its private key."""
        raise self.refusal("Remove-Item -DeleteKey", machine, path)

    def refusal(self, verb: str, _machine: object, path: str) -> NotSupportedByTwin:
        """Return the error for what this drive does not do."""
        return NotSupportedByTwin(f"{verb} of {self.drive}:\\{path}")


CMDLETS: dict[str, Cmdlet] = {}
NATIVES: dict[str, Native] = {}
PLACES: dict[str, str] = {}
"""Programs that are called by their path only."""
TYPES: dict[str, DotNetType] = {}
PROVIDERS: dict[str, Provider] = {}
ALIASES = {"where": "Where-Object", "?": "Where-Object", "foreach": "ForEach-Object", "%": "ForEach-Object", "select": "Select-Object",
           "sort": "Sort-Object", "gci": "Get-ChildItem", "dir": "Get-ChildItem", "ls": "Get-ChildItem", "echo": "Write-Output",
           "measure": "Measure-Object", "gsv": "Get-Service", "cat": "Get-Content", "type": "Get-Content", "iex": "Invoke-Expression",
           "ft": "Format-Table", "fl": "Format-List", "gcm": "Get-Command", "group": "Group-Object", "gi": "Get-Item",
           "gp": "Get-ItemProperty", "sasv": "Start-Service", "spsv": "Stop-Service"}


def cmdlet(name: str, parameters: str = "") -> Callable[[Callable[[Call], Iterable[object]]], Callable[[Call], Iterable[object]]]:
    """Declare a cmdlet; see the top of this module."""

    def register(run: Callable[[Call], Iterable[object]]) -> Callable[[Call], Iterable[object]]:
        declared = []
        for part in filter(None, (text.strip() for text in parameters.split(","))):
            found = DECLARATION.match(part)
            assert found, f"{name}: {part!r} is not a declaration"
            words = found[3].split()
            position = next((int(word[1:]) for word in words if word.startswith("@")), None)
            declared.append(Declared(name=found[2], type=found[1], position=position, pipeline="pipeline" in words,
                                     mandatory="mandatory" in words, rest="rest" in words, empty="empty" in words))
        CMDLETS[name.lower()] = Cmdlet(name=name, parameters=tuple(declared), run=run)
        return run

    return register


def native(name: str, *, path: str = "") -> Callable[[Native], Native]:
    """Declare a program, by its name without .exe; with a path, it is called by that only, as it lies in no folder that is searched."""

    def register(run: Native) -> Native:
        NATIVES[name.lower()] = run
        if path:
            PLACES[name.lower()] = path.lower()
        return run

    return register


def program_of(word: str) -> str | None:
    """Return the name of the program that a command calls; None if it is none of the twin's."""
    path = word.lower().replace("/", "\\")
    name = path.rpartition("\\")[2].removesuffix(".exe")
    return name if name in NATIVES and PLACES.get(name, path) == path else None


def dotnet_type(
    *names: str, construct: Callable[..., object] | None = None, methods: Mapping[str, Callable[..., object]] | None = None,
    properties: Mapping[str, object] | None = None,
) -> None:
    """Declare a .NET type under its names (without "System." is implied)."""
    for name in names:
        TYPES[name.lower().removeprefix("system.")] = DotNetType(
            name=names[0], construct=construct, methods={key.lower(): method for key, method in (methods or {}).items()},
            properties={key.lower(): value for key, value in (properties or {}).items()})


def find_type(name: str) -> DotNetType:
    """Return a .NET type. Raises NotSupportedByTwin."""
    known = TYPES.get(name.lower().removeprefix("system."))
    if known is None:
        raise NotSupportedByTwin(f"the type [{name}]")
    return known


def provider(drive: str, implementation: Provider) -> None:
    """Declare a drive."""
    PROVIDERS[drive.lower()] = implementation


def find_provider(path: str) -> tuple[Provider, str]:
    """Return the drive of a path, and what is behind it. Raises NotSupportedByTwin."""
    text = re.sub(r"^(?:Microsoft\.PowerShell\.Core\\)?(Registry|Certificate)::", "", path, flags=re.I)
    for long, short in (("HKEY_LOCAL_MACHINE", "HKLM"), ("HKEY_CURRENT_USER", "HKCU"), ("HKEY_CLASSES_ROOT", "HKCR")):
        if text.upper().startswith(long):
            text = f"{short}:{text[len(long):]}"
    drive, colon, rest = text.partition(":")
    if not colon or drive.lower() not in PROVIDERS:
        raise NotSupportedByTwin(f"the drive of {path!r}")
    return PROVIDERS[drive.lower()], rest.strip("\\/")
