"""`lab winrm`."""

from __future__ import annotations

import argparse
import sys

from lab import budgets
from lab.cli.running import lab_option, running_lab
from lab.cli.verb import Parser, Verb
from lab.server.session import WindowsSession
from lab.waiting import Deadline


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument("text", metavar="POWERSHELL", help="what you would type on the server; - reads it from standard input")
    lab_option(parser)
    parser.add_argument("--https", action="store_true", help="over TLS (5986) instead of message encryption (5985)")


def run(chosen: argparse.Namespace) -> int:
    """Run PowerShell on the server; its exit code is ours."""
    lab = running_lab(chosen.lab)
    endpoint = lab.hosts[lab.topology.server.name].winrm
    assert endpoint is not None
    text = sys.stdin.read() if chosen.text == "-" else chosen.text
    with WindowsSession(endpoint, transport="https" if chosen.https else None) as session:
        done = session.run_powershell(text, Deadline(budgets.WINRM_CALL))
    sys.stdout.write(done.output.replace("\r\n", "\n"))
    sys.stderr.write(done.error + "\n" if done.error else "")
    return done.exit_code


VERB = Verb(
    name="winrm",
    summary="run PowerShell on the server",
    description="""\
Runs PowerShell on the server over WinRM (NTLM with message encryption). The twin knows the part of PowerShell that the provisioning steps
need; what it does not know it refuses with "not supported by the twin: …", it never guesses.""",
    examples=(('lab winrm "Get-Service RemoteAccess"', "is the service running?"), ('lab winrm "netsh ras show client"', "who is connected?"),
              ("lab winrm - < script.ps1", "a file"), ('lab winrm --https "hostname"', "over TLS")),
    arguments=arguments,
    run=run,
)
