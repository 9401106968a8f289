"""The one class that wraps Vagrant, on top of python-vagrant.

Rules: every command has a budget and is ended when it is used up; every failure is one sentence with its remedy
(`lab.backends.vagrant.failures`); nothing is polled with it, since each call costs Ruby's start; secrets are masked in log and errors.
python-vagrant 1.0.0 finds the program and knows the commands; deadlines, streaming, several machines, snapshots of one machine,
`winrm-config` and reading of the answers it lacks (facts: its source, and libvirt's provider measured).
"""
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import vagrant

from lab import budgets
from lab.backends.vagrant import answers, failures
from lab.backends.vagrant.answers import Box, MachineState, SshConfig, WinRmConfig
from lab.backends.vagrant.process import Outcome, run_to_end
from lab.errors import InfrastructureError, LabError
from lab.progress import Progress
from lab.secrets import Mask, Secret

SETTINGS: Mapping[str, str] = {
    "VAGRANT_NO_COLOR": "1",
    "VAGRANT_CHECKPOINT_DISABLE": "1",  # it would ask the network for a newer version
    "LC_ALL": "C.UTF-8",  # libvirt translates its errors, and they are recognised by their words
}
BUDGETS: Mapping[str, float] = {
    "up": budgets.VAGRANT_UP, "snapshot": budgets.VAGRANT_SNAPSHOT, "halt": budgets.VAGRANT_HALT, "destroy": budgets.VAGRANT_DESTROY,
    "box": budgets.VAGRANT_BOX,
}
"""By command; all others have VAGRANT_CALL."""

_PASSWORD = re.compile(r"^(\s*(?:RDP)?Password\s+)\S.*$", re.MULTILINE)
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class _Vagrant(vagrant.Vagrant):
    """python-vagrant with deadlines: all commands that it can run go through `execute`."""

    def __init__(self, folder: Path, environment: Mapping[str, str], log: Path, progress: Progress) -> None:
        super().__init__(root=str(folder), env={**os.environ, **environment, **SETTINGS})
        self._log, self._progress = log, progress
        self.mask = Mask()

    def execute(self, arguments: Sequence[str | None], *, budget: float | None = None, aloud: bool = False) -> Outcome:
        """Run a command; None among the arguments is left out. Raises what `failures.explain` returns."""
        given = [one for one in arguments if one is not None]
        program = shutil.which("vagrant", path=self.env["PATH"])
        if program is None:
            raise failures.missing()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with open(self._log, "a", opener=_private) as log:

            def listener(line: str) -> None:
                shown = self.masked(_ESCAPES.sub("", line).rpartition("\r")[2])
                print(shown, file=log, flush=True)
                if aloud and shown.startswith("==> "):
                    self._progress(shown.removeprefix("==> "))

            print(f"$ vagrant {' '.join(given)}", file=log, flush=True)
            outcome = run_to_end([program, *given], folder=Path(self.root), environment=self.env, listener=listener,
                                 budget=BUDGETS.get(given[0], budgets.VAGRANT_CALL) if budget is None else budget)
        if outcome.overdue or outcome.code or answers.fatal_error(outcome.output):
            raise self.explained(outcome)
        return outcome

    def explained(self, outcome: Outcome) -> LabError:
        """Return the error that a run is, without secrets."""
        error = failures.explain(outcome)
        return type(error)(self.masked(error.message), evidence=self.masked(_ESCAPES.sub("", error.evidence)), hint=error.hint)

    def masked(self, text: str) -> str:
        """Return text without the secrets that are known, and without what stands where Vagrant prints passwords."""
        return _PASSWORD.sub(r"\1***", self.mask(text))

    def _call_vagrant_command(self, args: Sequence[str | None]) -> None:
        self.execute(args)

    def _run_vagrant_command(self, args: Sequence[str | None]) -> str:
        return self.execute(args).output


class Vagrant:
    """Vagrant for the machines of one Vagrantfile.

    Every method raises HostError (this machine lacks something), ConfigError (Vagrantfile, box or snapshot), LabBusy (locks, names),
    BootTimeout or InfrastructureError, with the last lines that Vagrant said.
    """

    def __init__(self, folder: Path, *, environment: Mapping[str, str], log: Path, progress: Progress) -> None:
        """Describe it; nothing is run.

        Args:
            folder: has the Vagrantfile.
            environment: added to this process's own.
            log: everything that Vagrant says is appended to this file.
            progress: told what `up` does: "server: Creating image", without the details.
        """
        self._cli = _Vagrant(folder, environment, log, progress)

    def version(self) -> tuple[int, int, int]:
        """Return its version. Raises HostError if it is missing or too old."""
        outcome = self._cli.execute(["--version"])
        found = answers.version(outcome.output)
        if found is None:
            raise InfrastructureError(f"`vagrant --version` says {outcome.output!r}, \"Vagrant 2.3.4\" is expected", evidence=outcome.tail)
        if found < failures.OLDEST:
            raise failures.too_old(found)
        return found

    # -- machines -----------------------------------------------------------------------------------------------------

    def up(self, machines: Sequence[str], *, provider: str, budget: float = budgets.VAGRANT_UP) -> None:
        """Start machines, creating those that do not exist; return when all answer.

        After a failure what was made is still there, to be looked at: the caller destroys it.

        Args:
            machines: names; none: all of the Vagrantfile.
            provider: "libvirt" or "virtualbox". Never installed on the way.
            budget: seconds for all of them.
        """
        self._cli.execute(["up", *machines, f"--provider={provider}", "--no-install-provider", "--no-destroy-on-error"],
                          budget=budget, aloud=True)

    def status(self) -> Mapping[str, MachineState]:
        """Return the state of each machine of the Vagrantfile."""
        return answers.states(self._cli.execute(["status", "--machine-readable"]).output)

    def halt(self, machine: str | None = None) -> None:
        """Shut a machine down, or all; after graceful_halt_timeout by force."""
        self._cli.halt(vm_name=machine)

    def destroy(self, machines: Sequence[str] = (), *, graceful: bool = False) -> None:
        """Destroy machines with their disks and snapshots; none named: all. Harmless for machines that do not exist.

        Args:
            machines: names.
            graceful: shut them down first, where the provider can; costs up to graceful_halt_timeout each.
        """
        self._cli.execute(["destroy", "--force", "--graceful" if graceful else None, *machines])

    # -- ways in ------------------------------------------------------------------------------------------------------

    def ssh_config(self, machine: str) -> SshConfig:
        """Return the way into a Linux machine that runs."""
        return answers.ssh_config(self._cli.ssh_config(vm_name=machine))

    def winrm_config(self, machine: str) -> WinRmConfig:
        """Return the way into a Windows machine that runs; its password is masked from then on."""
        found = answers.winrm_config(self._cli.execute(["winrm-config", machine]).output)
        self.hide(found.password)
        return found

    def hide(self, secret: Secret) -> None:
        """Mask a secret in the log and in errors, from now on."""
        self._cli.mask.add(secret)

    # -- snapshots ----------------------------------------------------------------------------------------------------

    def save_snapshot(self, machine: str, name: str) -> None:
        """Save a machine, with its memory if it runs; replaces a snapshot of the same name."""
        self._need(machine, self._cli.execute(["snapshot", "save", "--force", machine, name]))

    def restore_snapshot(self, machine: str, name: str) -> None:
        """Go back to a snapshot. Its clock is as old as the snapshot, and with libvirt it may not answer yet."""
        self._need(machine, self._cli.execute(["snapshot", "restore", "--no-provision", machine, name]))

    def snapshots(self, machine: str) -> list[str]:
        """Return the names of a machine's snapshots."""
        outcome = self._cli.execute(["snapshot", "list", machine])
        self._need(machine, outcome)
        return answers.snapshots(outcome.output)

    def _need(self, machine: str, outcome: Outcome) -> None:
        """Vagrant passes over a machine that does not exist, with exit code 0."""
        if re.search(r"VM not created|has not been created yet", outcome.tail):
            raise InfrastructureError(f"the machine {machine} does not exist: it has no snapshots", evidence=outcome.tail,
                                      hint="`lab status`, then `lab up --lab vagrant`")

    # -- boxes and plugins --------------------------------------------------------------------------------------------

    def boxes(self) -> list[Box]:
        """Return the boxes that have been added."""
        return answers.boxes(self._cli.execute(["box", "list", "--machine-readable"], budget=budgets.VAGRANT_CALL).output)

    def add_box(self, name: str, file: Path, provider: str) -> None:
        """Add a box from a file."""
        self._cli.box_add(name, str(file), provider=provider)

    def remove_box(self, name: str, provider: str) -> None:
        """Remove a box. With libvirt its base volume stays in the pool: `lab reap` removes it."""
        self._cli.execute(["box", "remove", name, f"--provider={provider}", "--all", "--force"])

    def plugins(self) -> Mapping[str, str]:
        """Return the version of each plugin by name."""
        return answers.plugins(self._cli.execute(["plugin", "list", "--machine-readable"]).output)

    def forget_gone(self) -> None:
        """Make Vagrant's list of all machines of this user forget those that are gone."""
        self._cli.execute(["global-status", "--prune"])
