"""A run that is killed in the middle: started by test_journal as a process of its own, ends itself by SIGKILL at a named moment."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from lab.backends.base import WinRMEndpoint
from lab.pki import RunPki
from lab.probe.probe import JSON
from lab.secrets import Secret
from lab.server.journal import TEST, Journal, journal_file
from lab.server.paths import ikev2_certificate
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.server.steps import Step
from lab.topology import load_topology
from lab.waiting import Deadline

HALF_WAY = Step(name="half-way", script="half-way", parameters={}, because="its apply fails when others are applied already")


class Killed(WindowsSession):
    """Ends the process before or after a call whose name begins so."""

    before = after = "never"

    def run_script(self, name: str, script: str, parameters: Mapping[str, JSON], deadline: Deadline) -> JSON:
        self.die_at(name, self.before)
        answer = super().run_script(name, script, parameters, deadline)
        self.die_at(name, self.after)
        return answer

    @staticmethod
    def die_at(name: str, moment: str) -> None:
        if name.startswith(moment):
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Read endpoint, state folder and moment as JSON; provision; die."""
    given = json.loads(sys.stdin.read())
    Killed.before, Killed.after = given["before"], given["after"]
    endpoint = WinRMEndpoint(address="127.0.0.1", http_port=given["port"], https_port=None, user="labadmin",
                             password=Secret(given["password"]), ca_file=None)
    with Killed(endpoint) as session:
        provisioner = Provisioner(session, scripts=Path(given["scripts"]), journal=Journal(journal_file(Path(given["state"]), TEST)))
        steps = ikev2_certificate(RunPki("vpn.example.test"), load_topology().vpn.pool)
        provisioner.apply([*steps[:3], HALF_WAY, *steps[3:]] if given["half_way"] else steps)
        provisioner.revert()


if __name__ == "__main__":
    main()
