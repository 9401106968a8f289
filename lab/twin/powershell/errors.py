"""What can go wrong while a script runs.

::

    PowerShellError       an error that the script can catch; carries the record
    NotSupportedByTwin    the twin does not know this; nothing catches it
    ParseError            the script is not of the subset, with line and character
    Signal                return, break, continue, exit: not errors
"""

from __future__ import annotations

from dataclasses import dataclass


class NotSupportedByTwin(Exception):
    """A construct, cmdlet, parameter or .NET member that the twin does not know."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not supported by the twin: {what}")


class ParseError(Exception):
    """A script that cannot be parsed."""

    def __init__(self, message: str, source: str, at: int) -> None:
        self.line, self.character = position(source, at)
        self.at = at
        super().__init__(message)

    def __str__(self) -> str:
        return f"At line:{self.line} char:{self.character}: {self.args[0]}"


def position(source: str, at: int) -> tuple[int, int]:
    """Return line and character, both from 1."""
    return source.count("\n", 0, at) + 1, at - (source.rfind("\n", 0, at) + 1) + 1


@dataclass(slots=True, kw_only=True)
class ErrorRecord:
    """What $_ is in a catch block."""

    message: str
    exception: str = "System.Management.Automation.RuntimeException"
    """Full name of the .NET exception."""
    identifier: str = "RuntimeException"
    category: str = "NotSpecified"
    target: str = ""
    command: str = ""
    source: str = ""
    at: int = 0
    inner: str = ""
    """Full name of the .NET exception inside this one."""

    def lines(self) -> list[str]:
        """Return the text as powershell.exe writes it."""
        head = f"{self.command} : {self.message}" if self.command else self.message
        result = head.split("\n")
        if self.source:
            line, character = position(self.source, self.at)
            text = self.source.split("\n")[line - 1]
            result += [f"At line:{line} char:{character}", f"+ {text.strip()}"]
            result += ["+ " + " " * max(0, character - 1 - (len(text) - len(text.lstrip()))) + "~"]
        short = self.exception.rpartition(".")[2]
        result += [f"    + CategoryInfo          : {self.category}: ({self.target}:) [{self.command}], {short}",
                   f"    + FullyQualifiedErrorId : {self.identifier}", " "]
        return result


class PowerShellError(Exception):
    """A terminating error."""

    def __init__(self, record: ErrorRecord) -> None:
        super().__init__(record.message)
        self.record = record
        self.thrown = False
        """By `throw`: ends the script whatever $ErrorActionPreference says."""
        self.soft = False
        """A cmdlet only reports it: terminating under -ErrorAction Stop, otherwise no catch sees it."""


def failure(message: str, *, exception: str = "System.Management.Automation.RuntimeException",
            identifier: str = "RuntimeException", category: str = "NotSpecified", target: str = "", inner: str = "") -> PowerShellError:
    """Return a terminating error."""
    return PowerShellError(ErrorRecord(message=message, exception=exception, identifier=identifier, category=category,
                                       target=target, inner=inner))


def complaint(message: str, *, exception: str = "System.Management.Automation.RuntimeException",
              identifier: str = "RuntimeException", category: str = "NotSpecified", target: str = "") -> PowerShellError:
    """Return an error that a cmdlet reports, and that is terminating only under -ErrorAction Stop."""
    error = failure(message, exception=exception, identifier=identifier, category=category, target=target)
    error.soft = True
    return error


def method_failure(method: str, count: int, message: str, inner: str) -> PowerShellError:
    """Return the error of a .NET method that threw."""
    return failure(f'Exception calling "{method}" with "{count}" argument(s): "{message}"', inner=inner,
                   exception="System.Management.Automation.MethodInvocationException", identifier=inner.rpartition(".")[2])


BASES = {
    "argumentexception": "systemexception", "argumentnullexception": "argumentexception", "argumentoutofrangeexception": "argumentexception",
    "formatexception": "systemexception", "dividebyzeroexception": "arithmeticexception", "arithmeticexception": "systemexception",
    "overflowexception": "arithmeticexception", "invalidcastexception": "systemexception", "indexoutofrangeexception": "systemexception",
    "invalidoperationexception": "systemexception", "notsupportedexception": "systemexception", "systemexception": "exception",
    "unauthorizedaccessexception": "systemexception", "exception": "", "io.ioexception": "systemexception",
    "io.filenotfoundexception": "io.ioexception", "io.directorynotfoundexception": "io.ioexception",
    "xml.xmlexception": "systemexception", "security.cryptography.cryptographicexception": "systemexception",
    "management.automation.runtimeexception": "systemexception",
    "management.automation.psinvalidcastexception": "invalidcastexception",
    "management.automation.parameterbindingexception": "management.automation.runtimeexception",
    "management.automation.commandnotfoundexception": "management.automation.runtimeexception",
    "management.automation.methodinvocationexception": "management.automation.methodexception",
    "management.automation.methodexception": "management.automation.extendedtypesystemexception",
    "management.automation.extendedtypesystemexception": "management.automation.runtimeexception",
    "management.automation.itemnotfoundexception": "management.automation.sessionstateexception",
    "management.automation.sessionstateexception": "management.automation.runtimeexception",
    "management.automation.psargumentexception": "argumentexception",
    "management.automation.propertynotfoundexception": "management.automation.extendedtypesystemexception",
    "management.automation.remoteexception": "management.automation.runtimeexception",
    "microsoft.powershell.commands.writeerrorexception": "systemexception",
    "microsoft.powershell.commands.servicecommandexception": "systemexception",
}
"""Base classes of the exceptions that the twin knows; lower case, without "System."."""


def is_exception(name: str, wanted: str) -> bool:
    """Whether an exception is of a type, by inheritance. Raises NotSupportedByTwin for a type that is not known."""
    base, sought = (one.lower().removeprefix("system.") for one in (name, wanted))
    if sought not in BASES:
        raise NotSupportedByTwin(f"catch [{wanted}]")
    while base and base != sought:
        if base not in BASES:
            raise NotSupportedByTwin(f"a typed catch for an error of type {name}")
        base = BASES[base]
    return bool(base)


class Signal(Exception):
    """Leaves the code that is running."""


class Return(Signal):
    """Leave the function or script; carries what it returns, item by item."""

    def values(self) -> tuple[object, ...]:
        """Return what it returns."""
        return self.args


class Break(Signal):
    """Leave the loop."""


class Continue(Signal):
    """Begin the loop's next turn."""


class Exit(Signal):
    """Leave powershell.exe."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code
