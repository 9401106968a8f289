"""Every error of the project. The type decides the verdict; the message says what, where and what to do next.

    LabError
    ├── ConfigError            the user's input is wrong: topology.yaml, a profile's field, an option
    ├── HostError              this machine lacks something; `lab doctor` tells what
    ├── InfrastructureError    the lab broke, nothing was learnt about VPNs (verdict "infrastructure")
    │   ├── BootTimeout        the guest or a daemon did not become ready in time
    │   ├── GuestDied          the guest panicked, hung or was killed
    │   ├── LinkLost           SSH, WinRM or the control line broke
    │   └── LabBusy            a lab is up already, or a port or lock is taken
    ├── RemoteError            a host answered, and the answer is a failure
    │   ├── CommandFailed      a command or script ended with an error
    │   ├── StepFailed         a provisioning step could not be applied, verified or reverted
    │   └── RemoteTimeout      no answer within the budget
    ├── ConnectionRefused      one end refuses the VPN connection; says which end, why, and what was on the wire
    ├── ProfileRefused         the stand-in refuses a profile before any packet, as macOS would
    ├── UnsupportedHere        the lab lacks a capability (verdict "unsupported here")
    └── EvidenceError          evidence is missing or unreadable (a wrong key, an empty capture)

    CheckFailed (AssertionError)
    ├── ControlCheckFailed     SAs, RAS state
    ├── WireCheckFailed        packets, counters
    └── UserCheckFailed        reachability

Message form: one lower-case sentence "what, where, expected and got"; then, indented, the evidence; then `hint:` with the
next command. Secrets never get into a message: they are `lab.secrets.Secret`, which prints as ***.
"""

from __future__ import annotations


class LabError(Exception):
    """Base of all errors that the project raises on purpose. Not raised itself."""

    def __init__(self, message: str, *, evidence: str = "", hint: str = "") -> None:
        self.message = message
        """One sentence: what, where, expected and got."""
        self.evidence = evidence
        """Lines that show it: last console lines, standard error, a packet."""
        self.hint = hint
        """The next command or the remedy."""
        super().__init__(message)

    def __str__(self) -> str:
        parts = [self.message]
        if self.evidence:
            parts += ["    " + line for line in self.evidence.rstrip().splitlines()]
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(parts)


class ConfigError(LabError):
    """The user's input is wrong; the message names value, place and remedy."""


class HostError(LabError):
    """This machine lacks something that the lab needs."""


class InfrastructureError(LabError):
    """The lab itself broke: the verdict is "infrastructure", never "failed"."""


class BootTimeout(InfrastructureError):
    """The guest or one of its daemons did not become ready within its budget."""


class GuestDied(InfrastructureError):
    """The guest panicked, hung or was killed."""


class LinkLost(InfrastructureError):
    """A connection into the lab (SSH, WinRM, control line) broke."""


class LabBusy(InfrastructureError):
    """A lab is up already, or something that it needs is taken."""


class RemoteError(LabError):
    """A host answered, and its answer is a failure."""


class CommandFailed(RemoteError):
    """A command or script on a host ended with an error."""


class StepFailed(RemoteError):
    """A provisioning step could not be applied, verified or reverted."""


class RemoteTimeout(RemoteError):
    """A host did not answer a request within the budget."""


class ConnectionRefused(LabError):
    """One end refuses the VPN connection."""


class ProfileRefused(LabError):
    """The macOS stand-in refuses a profile before it sends a packet."""


class UnsupportedHere(LabError):
    """The lab lacks a capability that the test asks for."""


class EvidenceError(LabError):
    """Evidence is missing or cannot be read."""


class CheckFailed(AssertionError):
    """A check on one of the three planes failed; base of the three below."""


class ControlCheckFailed(CheckFailed):
    """The control plane (SAs, RAS state) contradicts the claim."""


class WireCheckFailed(CheckFailed):
    """The packets contradict the claim."""


class UserCheckFailed(CheckFailed):
    """Reachability contradicts the claim."""
