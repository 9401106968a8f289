"""What went wrong when Vagrant failed: from its words to one sentence, a type of error and the remedy.

Vagrant's exit code is 1 for everything, so the words decide. They are from Vagrant 2.3.4's templates/locales/en.yml, vagrant-libvirt
0.11.2's locales/en.yml, libvirt and QEMU; tests/vagrant/recorded.yaml has them in full, and says which were seen and which only read.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

from lab.backends.vagrant.answers import fatal_error, readable
from lab.backends.vagrant.process import Outcome
from lab.errors import BootTimeout, ConfigError, GuestDied, HostError, InfrastructureError, LabBusy, LabError

OLDEST = (2, 3, 4)
"""Debian 12's, the version on which all of this was tried."""
DOCTOR = "`lab doctor --lab vagrant` examines this machine"
REAP = "`lab reap` removes what killed runs left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failure that is known."""

    words: str
    """Regular expression; every run of white space in Vagrant's output is one space."""
    error: type[LabError]
    says: str
    """The sentence; {name} is a group of the expression."""
    hint: str


KNOWN = (
    Failure(words=r"cannot load such file -- (?P<gem>winrm[\w-]*)", error=HostError,
            says="vagrant's communicator winrm cannot be used: Ruby has no gem {gem}",
            hint="leave LAB_SERVER_COMMUNICATOR unset (the lab's own probe needs no gem), or: gem install winrm winrm-fs winrm-elevated"),
    Failure(words=r"satisfy the following version requirements: (?P<wanted>.+?) You are running Vagrant (?P<found>[\d.]+)", error=HostError,
            says="vagrant is too old: {wanted} is expected, got {found}", hint="install a newer one: apt install vagrant"),
    Failure(words=r"The provider '(?P<provider>[^']+)' could not be found", error=HostError,
            says="vagrant has no provider {provider}: its plugin is not installed", hint="vagrant plugin install vagrant-{provider} (Debian: apt install vagrant-{provider})"),
    Failure(words=r"provider '(?P<provider>[^']+)' that was requested .* isn't usable on this system", error=HostError,
            says="vagrant's provider {provider} cannot be used here: its program is not installed", hint=DOCTOR),
    Failure(words=r"No usable default provider could be found", error=HostError,
            says="vagrant has no provider that can be used here", hint="apt install vagrant-libvirt libvirt-daemon-system, or install VirtualBox"),
    Failure(words=r"another process is already executing an action on the machine", error=LabBusy,
            says="another vagrant works on the machine and holds its lock", hint=f"wait until it has ended; {REAP}"),
    Failure(words=r"requested machine because it is locked|lock is being held by another instance of Vagrant", error=LabBusy,
            says="another vagrant holds a lock that is needed", hint=f"wait until it has ended; {REAP}"),
    Failure(words=r"virConnectOpen failed: .*(?:Permission denied|authentication (?:unavailable|failed)|access denied)", error=HostError,
            says="libvirt's daemon refuses this user", hint='adduser "$USER" libvirt, then log in anew'),
    Failure(words=r"Error making a connection to libvirt URI (?P<uri>[^ ]+?):? ", error=HostError,
            says="libvirt's daemon cannot be reached at {uri}", hint="apt install libvirt-daemon-system; systemctl start libvirtd"),
    Failure(words=r"Could not access KVM kernel module|failed to initialize kvm|requires KVM|(?:domain)?type=kvm|virt type 'kvm'",
            error=HostError, says="QEMU cannot use KVM on this machine", hint=f"LAB_LIBVIRT_DRIVER=qemu does without, slower; {DOCTOR}"),
    Failure(words=r"box '(?P<box>[^']+)' isn't installed for the provider '(?P<provider>[^']+)'", error=HostError,
            says="the box {box} has not been added for the provider {provider}", hint="`vagrant box list` shows for which it has"),
    Failure(words=r"doesn't match the provider you specified. Provider expected: (?P<expected>\S+) Provider of box: (?P<found>\S+)",
            error=ConfigError, says="the box is for the wrong provider: {expected} is expected, got {found}",
            hint="take the box that was built for your provider"),
    Failure(words=r"box '(?P<box>[^']+)' exists but not with the provider specified", error=ConfigError,
            says="the box {box} is not there for this provider", hint="`vagrant box list` shows for which it is"),
    Failure(words=r"[Bb]ox '(?P<box>[^']+)' could not be found or could not be accessed in the remote catalog", error=HostError,
            says="the box {box} has not been added, and no catalog has it", hint=f"vagrant box add --name {{box}} FILE; {DOCTOR}"),
    Failure(words=r"box '(?P<box>[^']+)' (?:\(v[^)]*\) with provider '[^']+' could not be found|does not exist)", error=HostError,
            says="the box {box} has not been added", hint=f"vagrant box add --name {{box}} FILE; {DOCTOR}"),
    Failure(words=r"No boxes named '(?P<box>[^']+)' could be found", error=ConfigError,
            says="there is no box {box}", hint="`vagrant box list` shows all"),
    Failure(words=r"The box you're attempting to add already exists.*? Name: (?P<box>\S+)", error=ConfigError,
            says="the box {box} has been added already", hint="vagrant box remove {box}"),
    Failure(words=r"Couldn't open file (?P<file>\S+)", error=ConfigError,
            says="the box file {file} cannot be read", hint="is the path right?"),
    Failure(words=r"No space left on device|[Nn]ot enough free (?:disk )?space", error=HostError,
            says="the disk of the virtual machines is full", hint=f"{REAP}; df -h shows which disk it is"),
    Failure(words=r"[Cc]annot allocate memory|cannot set up guest memory|failed to allocate memory", error=HostError,
            says="there is not enough memory for the virtual machines", hint=f"end something else; {REAP}"),
    Failure(words=r"[Nn]etwork is already in use by interface (?P<interface>[\w.-]+\w)|creating bridge interface (?P<bridge>[^ :]+): File exists", error=LabBusy,
            says="a subnet of the lab is in use on this machine, by {interface}{bridge}", hint=f"{REAP}; `virsh net-list --all` shows the networks"),
    Failure(words=r"network '(?P<network>[^']+)' already exists|Network (?P<other>\S+) exists but does not have dhcp", error=LabBusy,
            says="a network of the lab's name is there already: {network}{other}", hint=f"{REAP}; `virsh net-list --all` shows the networks"),
    Failure(words=r"Address (?P<address>\S+) does not match with network name (?P<network>[^ .]+)", error=LabBusy,
            says="the network {network} is there already, with a subnet that lacks {address}", hint=f"{REAP}; `virsh net-dumpxml {{network}}`"),
    Failure(words=r"IP address configured for the host-only network is not within the allowed ranges", error=HostError,
            says="VirtualBox allows no host-only network with the lab's addresses", hint="put `* 0.0.0.0/0 ::/0` into /etc/vbox/networks.conf"),
    Failure(words=r"Name `(?P<name>[^`]+)` of domain about to create is already taken|Volume for domain is already created", error=LabBusy,
            says="a virtual machine or a disk of the lab's name is there already", hint=REAP),
    Failure(words=r"Timed out while waiting for the machine to boot|wait_for timeout \(\d+ seconds\) was exceeded", error=BootTimeout,
            says="a machine did not become ready within Vagrant's boot_timeout",
            hint=f"LAB_LIBVIRT_DRIVER=qemu if KVM hangs here; LAB_TIME_SCALE=3 waits three times as long; {DOCTOR}"),
    Failure(words=r"guest machine entered an invalid state while waiting for it to boot.*?The machine is in the '(?P<state>[^']+)' state", error=GuestDied,
            says="a machine died while it booted: it is {state}", hint=f"LAB_LIBVIRT_DRIVER=qemu if KVM is the reason; {DOCTOR}"),
    Failure(words=r"internal snapshots of a VM with pflash based firmware are not supported", error=HostError,
            says="libvirt takes no snapshot of a machine with UEFI firmware", hint="use a box with BIOS, or libvirt 10.10 or newer"),
    Failure(words=r"snapshot name `(?P<name>[^`]+)` was not found|Snapshot not found: (?P<other>[^ .]+)", error=ConfigError,
            says="there is no snapshot {name}{other}", hint="`vagrant snapshot list` shows all"),
    Failure(words=r"VM not created|has not been created yet|not yet ready for SSH|winrm_not_ready|report an address for WinRM", error=InfrastructureError,
            says="the machine is not running", hint="`lab status`, then `lab up --lab vagrant`"),
    Failure(words=r"machine with the name '(?P<name>[^']+)' was not found configured", error=ConfigError,
            says="the Vagrantfile has no machine {name}", hint="its machines come from topology.yaml"),
    Failure(words=r"A Vagrant environment or target machine is required", error=ConfigError,
            says="there is no Vagrantfile where vagrant was started", hint="run it in the project's folder"),
    Failure(words=r"syntax error in the following Vagrantfile", error=ConfigError,
            says="the Vagrantfile is not Ruby", hint="`ruby -c Vagrantfile` says where"),
    Failure(words=r"There are errors in the configuration of this machine", error=ConfigError,
            says="vagrant refuses the configuration", hint="`vagrant validate` says what it is about"),
    Failure(words=r"Vagrant exited after cleanup due to external interrupt", error=InfrastructureError,
            says="it was interrupted", hint=REAP),
)  # fmt: skip
"""The first that fits is it: what explains more stands before what it leads to."""


def missing() -> HostError:
    """Return the error for a machine without Vagrant."""
    return HostError("vagrant is not installed", hint="apt install vagrant vagrant-libvirt libvirt-daemon-system")


def too_old(found: tuple[int, int, int]) -> HostError:
    """Return the error for a Vagrant that is too old."""
    oldest, here = (".".join(map(str, one)) for one in (OLDEST, found))
    return HostError(f"vagrant is too old: {oldest} is expected, got {here}", hint="install a newer one: apt install vagrant")


def explain(outcome: Outcome) -> LabError:
    """Return the error that a failed run of Vagrant is; the last lines that it said are its evidence."""
    command = f"`vagrant {' '.join(outcome.arguments)}`"
    said = readable(outcome.tail)
    flat = " ".join(f"{said}\n{fatal_error(outcome.tail) or ''}".split())
    for failure in KNOWN:
        if found := re.search(failure.words, flat):
            groups = {name: value or "" for name, value in found.groupdict().items()}
            return failure.error(f"{command} failed: {failure.says.format(**groups)}", evidence=said, hint=failure.hint.format(**groups))
    if outcome.overdue:
        error = BootTimeout if outcome.arguments[:1] == ("up",) else InfrastructureError
        return error(f"{command} had not ended after {outcome.budget:.0f} s and was ended", evidence=said,
                     hint=f"LAB_TIME_SCALE=3 waits three times as long; {DOCTOR}")
    if outcome.code < 0:
        return InfrastructureError(f"{command} was ended from outside, by {signal.Signals(-outcome.code).name}", evidence=said, hint=REAP)
    return InfrastructureError(f"{command} failed with exit code {outcome.code}", evidence=said, hint=DOCTOR)
