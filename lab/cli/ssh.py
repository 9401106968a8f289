"""`lab ssh`."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
from pathlib import Path

from lab.backends.base import SSHEndpoint
from lab.cli.running import lab_option, running_lab
from lab.cli.verb import Parser, Verb
from lab.errors import ConfigError, HostError


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    lab_option(parser)
    parser.add_argument("host", metavar="HOST", help="client, lan, … as in lab/topology.yaml; observer sees every network")
    parser.add_argument("command", metavar="COMMAND", nargs=argparse.REMAINDER, help="run this instead of a shell; its exit code is ours")


def run(chosen: argparse.Namespace) -> int:
    """Become OpenSSH's client, with the run's key and the host's pinned key."""
    lab = running_lab(chosen.lab)
    host = lab.start(chosen.host)
    if host.ssh is None:
        raise ConfigError(f"{chosen.host} is the Windows server: it has no SSH", hint='lab winrm "Get-Service RemoteAccess"')
    if shutil.which("ssh") is None:
        raise HostError("ssh is not installed", hint="apt install openssh-client, or `make setup`")
    command = shlex.join(chosen.command) if len(chosen.command) > 1 else "".join(chosen.command)
    os.execvp("ssh", ssh_command(host.ssh, command, lab.state))  # noqa: S606 - ssh takes over the terminal
    return 1


def ssh_command(endpoint: SSHEndpoint, command: str, state: Path | None) -> list[str]:
    """Return the arguments of OpenSSH's client.

    Args:
        endpoint: the host.
        command: what runs there; empty: a shell.
        state: folder in which a key that nobody knows yet is remembered.
    """
    options = ["-oIdentitiesOnly=yes", "-oLogLevel=ERROR", "-F", "/dev/null"]
    if endpoint.host_key:
        known = endpoint.address if endpoint.port == 22 else f"[{endpoint.address}]:{endpoint.port}"
        options += ["-oStrictHostKeyChecking=yes", "-oUserKnownHostsFile=/dev/null", f"-oKnownHostsCommand=/bin/echo {known} {endpoint.host_key}"]
    else:
        options += ["-oStrictHostKeyChecking=accept-new", f"-oUserKnownHostsFile={state}/known_hosts"]
    if endpoint.enter and command:
        command = f"{endpoint.enter} sh -c {shlex.quote(command)}"
    elif endpoint.enter:
        command, options = f"{endpoint.enter} bash -l", ["-t", *options]
    whole = ["ssh", *options, "-i", str(endpoint.key_file), "-p", str(endpoint.port), f"{endpoint.user}@{endpoint.address}"]
    return [*whole, command] if command else whole


VERB = Verb(
    name="ssh",
    summary="a shell, or a command, on a Linux host of the lab",
    description="Leads into a client or a host behind the server, with a key made for this run. A host that starts on demand is started.",
    examples=(("lab ssh client", "a shell on the client"), ("lab ssh lan ip neigh", "one command"),
              ("lab ssh client 'ip -s xfrm state | head'", "with a pipe: quote it whole"), ("lab ssh observer ls /sys/class/net", "outside of all hosts")),
    arguments=arguments,
    run=run,
)
