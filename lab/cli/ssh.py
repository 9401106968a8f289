"""`lab ssh`."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil

from lab.cli.running import running_lab
from lab.cli.verb import Parser, Verb
from lab.errors import ConfigError, HostError
from lab.secrets import write_private


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument("host", metavar="HOST", help="client, lan, … as in lab/topology.yaml; observer sees every network")
    parser.add_argument("command", metavar="COMMAND", nargs=argparse.REMAINDER, help="run this instead of a shell; its exit code is ours")


def run(chosen: argparse.Namespace) -> int:
    """Become OpenSSH's client, with the run's key and the host's pinned key."""
    lab = running_lab()
    lab.topology.host(chosen.host)
    host = lab.start(chosen.host)
    if host.ssh is None:
        raise ConfigError(f"{chosen.host} is the Windows server: it has no SSH", hint='lab winrm "Get-Service RemoteAccess"')
    if shutil.which("ssh") is None:
        raise HostError("ssh is not installed", hint="apt install openssh-client, or `make setup`")
    known = write_private(lab.run.folder / f"known_hosts.{host.name}", f"[{host.ssh.address}]:{host.ssh.port} {host.ssh.host_key}\n")
    options = [f"-oUserKnownHostsFile={known}", "-oStrictHostKeyChecking=yes", "-oIdentitiesOnly=yes", "-oLogLevel=ERROR", "-F", "/dev/null"]
    command = ["ssh", *options, "-i", str(host.ssh.key_file), "-p", str(host.ssh.port), f"{host.ssh.user}@{host.ssh.address}"]
    os.execvp("ssh", [*command, *([shlex.join(chosen.command)] if len(chosen.command) > 1 else chosen.command)])  # noqa: S606 - ssh takes over the terminal


VERB = Verb(
    name="ssh",
    summary="a shell, or a command, on a Linux host of the lab",
    description="Leads into a client or a host behind the server, with a key made for this run. A host that starts on demand is started.",
    examples=(("lab ssh client", "a shell on the client"), ("lab ssh lan ip neigh", "one command"),
              ("lab ssh client 'ip -s xfrm state | head'", "with a pipe: quote it whole"), ("lab ssh observer ls /sys/class/net", "outside of all hosts")),
    arguments=arguments,
    run=run,
)
