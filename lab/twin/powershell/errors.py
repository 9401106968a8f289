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


def failure(message: str, *, exception: str = "System.Management.Automation.RuntimeException",
            identifier: str = "RuntimeException", category: str = "NotSpecified", target: str = "") -> PowerShellError:
    """Return a terminating error."""
    return PowerShellError(ErrorRecord(message=message, exception=exception, identifier=identifier, category=category,
                                       target=target))


class Signal(Exception):
    """Leaves the code that is running."""

    def __init__(self, *values: object) -> None:
        super().__init__(*values)
        self.output: list[object] = []
        """What the code that is left had written."""


class Return(Signal):
    """Leave the function or script."""


class Break(Signal):
    """Leave the loop."""


class Continue(Signal):
    """Begin the loop's next turn."""


class Exit(Signal):
    """Leave powershell.exe."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code
