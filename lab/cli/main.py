"""Entry point of `lab`.

Exit codes: 0 done, 1 the remote command or check failed, 2 wrong input, 3 no lab is up, 69 this machine lacks something, 70 the lab broke.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from lab.cli import box, bring_down, bring_up, claims, doctor, image, reap, revert, ssh, status, winrm
from lab.errors import ConfigError, HostError, InfrastructureError, LabError

VERBS = (bring_up.VERB, status.VERB, ssh.VERB, winrm.VERB, bring_down.VERB, revert.VERB, reap.VERB, doctor.VERB, claims.VERB,
         image.VERB, box.VERB)
DESCRIPTION = """\
A lab for Windows 10 as a VPN server for macOS clients: server (Windows or its twin), clients that stand in for Macs, hosts behind the
server. The tests are run by pytest; this command brings the lab up by hand, looks at it and leads into it."""
EPILOG = """\
a first session:
  lab doctor                             is this machine fit?
  lab up                                 a server, a client and a LAN host in seconds
  lab winrm "Get-Service RemoteAccess"   PowerShell on the server
  lab ssh client                         a shell on the client
  pytest e2e -k ikev2                    the tests, in the lab that is up (--fresh: in one of their own)
  lab down"""
EXIT_CODES: tuple[tuple[type[LabError], int], ...] = ((ConfigError, 2), (HostError, 69), (InfrastructureError, 70), (LabError, 1))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    raw = argparse.RawDescriptionHelpFormatter
    whole = argparse.ArgumentParser(prog="lab", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw)
    verbs = whole.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in VERBS:
        one = verbs.add_parser(verb.name, help=verb.summary, description=verb.description, epilog=verb.epilog, formatter_class=raw)
        verb.arguments(one)
        one.set_defaults(run=verb.run)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    chosen = parser().parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `lab claims | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code
