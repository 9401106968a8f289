"""CLIXML on standard error, as powershell.exe writes it when its output is redirected."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

PROGRESS = (
    '<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T><T>System.Object</T></TN><MS>'
    '<I64 N="SourceId">1</I64><PR N="Record"><AV>Preparing modules for first use.</AV><AI>0</AI><Nil /><PI>-1</PI><PC>-1</PC>'
    "<T>Completed</T><SR>-1</SR><SD> </SD></PR></MS></Obj>"
)
"""Written on most calls unless $ProgressPreference forbids it."""


def clixml(lines: list[str], *, progress: bool) -> str:
    """Return the text of standard error."""
    errors = "".join(f'<S S="Error">{_encode(line)}_x000D__x000A_</S>' for line in lines)
    body = (PROGRESS if progress else "") + errors
    return f'#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">{body}</Objs>'


def _encode(line: str) -> str:
    return escape(re.sub(r"_(x[0-9A-Fa-f]{4}_)", r"_x005F_\1", line), {"\t": "_x0009_"})
