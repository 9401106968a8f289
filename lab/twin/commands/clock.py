"""Set-Date, and what a script needs to measure a clock: a timer that goes on when the clock is set.

Sources: learn.microsoft.com, Set-Date; .NET Framework: Stopwatch.GetTimestamp (a timer of the machine, so processes agree).
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from lab.twin.commands.services import machine_of
from lab.twin.powershell.dates import DateTime
from lab.twin.powershell.errors import NotSupportedByTwin, failure
from lab.twin.powershell.numbers import literal
from lab.twin.powershell.registry import Call, cmdlet, dotnet_type
from lab.twin.powershell.runtime import Runtime

TICKS_PER_SECOND = 10_000_000
"""Stopwatch.Frequency on Windows 10, whose timer counts 100 ns."""


@cmdlet("Set-Date", "[object] Date @0 mandatory")
def set_date(call: Call) -> Iterator[object]:
    """Set the clock of a machine that the twin has for itself, and return the time."""
    moment = call.value("Date")
    if not isinstance(moment, DateTime):
        raise NotSupportedByTwin("Set-Date -Date with something that is no date (write Get-Date and AddSeconds)")
    clock = machine_of(call).clock
    if clock is None:
        raise NotSupportedByTwin("Set-Date here: this machine's clock is not the twin's alone")
    try:
        clock.set(moment.value)
    except PermissionError:
        raise failure("A required privilege is not held by the client", exception="System.ComponentModel.Win32Exception",
                      identifier="System.ComponentModel.Win32Exception,Microsoft.PowerShell.Commands.SetDateCommand") from None
    yield moment


def _timestamp(_: Runtime) -> int:
    return literal(time.monotonic_ns() * TICKS_PER_SECOND // 1_000_000_000 + (1 << 32))  # beyond 32 bits at once: always an Int64


dotnet_type("System.Diagnostics.Stopwatch", methods={"GetTimestamp": _timestamp}, properties={"Frequency": literal(TICKS_PER_SECOND)})
