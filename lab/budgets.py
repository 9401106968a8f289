"""How long the project waits for what, and why. Seconds; `LAB_TIME_SCALE` stretches all of them."""

from __future__ import annotations

BOOT = 60.0
"""The guest until all hosts are ready. Measured 2 to 4 s on two cores; a loaded CI machine has taken 10 times as long."""

HEARTBEAT = 10.0
"""A guest that has not answered on its control line for so long hangs. Answers take 0.1 ms, but a guest shares one CPU. Less than
a probe's answer or a script over WinRM may take: a hang is told as the hang that it is, not as a host that does not answer."""

SSH_LOGIN = 20.0
"""One SSH login: 0.2 s measured; sshd forks and computes a key exchange in the guest."""

PROBE_ANSWER = 15.0
"""One answer of a probe that itself waits for nothing."""

WINRM_CALL = 60.0
"""One script over WinRM: milliseconds on the twin, 0.5 to 10 s on Windows."""

SERVICE_RESTART = 90.0
"""Restart of RemoteAccess: milliseconds on the twin; Windows may take a minute to stop it."""

IKE_PATIENCE = 10.0
"""How long a client tries before it says that nobody answers: two packets, the second 4 s after the first. Not stretched: charon's own
timers are the same in every lab."""

IKE_INITIATE = 12.0
"""One connection attempt: 40 to 500 ms measured; one lost packet costs charon 4 s (its first retransmission)."""

MAIN_MODE_PATIENCE = 5.0
"""The same for IKEv1, whose refusals a client with another secret cannot read: two packets and the answers to both."""

PPP_PATIENCE = 10.0
"""L2TP and PPP until an address is there: 0.2 to 1.3 s measured; each lost packet costs a second (whole seconds are their shortest timers)."""

APPEAR = 5.0
"""An effect that follows an event inside the lab: a proxy ARP entry, a route, an event log entry."""

SILENCE = 0.3
"""How long one listens before "no answer" is believed: 30 times the lab's round trip. Longer in labs with real networks."""

VAGRANT_CALL = 60.0
"""One Vagrant command that changes nothing: 0.1 to 1.4 s measured, most of it Ruby's start; a loaded CI machine has taken 10 times as long."""

VAGRANT_UP = 1200.0
"""All machines of the lab until they answer. Measured without KVM: one stand-in 34 s, two 133 s; Windows takes minutes for its first boot.
Longer than the Vagrantfile's boot_timeout (900 s) and the copying before it: Vagrant itself says best which machine it was."""

VAGRANT_SNAPSHOT = 180.0
"""Saving or restoring one machine with its memory: 1.7 and 3.9 s for 384 MB; Windows has 4 GB, and VirtualBox boots it."""

VAGRANT_HALT = 120.0
"""An orderly shutdown: 7.6 s measured; Windows finishes its updates first."""

VAGRANT_DESTROY = 120.0
"""Removing all machines: 3.6 s measured for one."""

VAGRANT_BOX = 900.0
"""Unpacking a box: a second for a stand-in of 117 MB, minutes for a Windows of 8 GB."""

VAGRANT_INTERRUPT = 5.0
"""What Vagrant gets to put its locks away when it is ended; then it is killed."""

MACHINE_HOSTS = 60.0
"""A machine's hosts until their daemons can be used: 1 s on hardware, 10 s on an emulated processor."""

PACKAGES = 600.0
"""apt on a machine of the lab: half a minute where an archive is near."""

VM_PROBE = 10.0
"""A boot sector that works for a moment: 0.3 s with real KVM (reckoned), 0.65 s emulated (measured on a machine with two busy cores)."""

VM_PROBE_MARGIN = 1.0
"""What KVM's start may cost more than emulation's, on a machine that is busy with something else."""

WINRM_READY = 300.0
"""A server that starts, restarts or was restored, until it can be used: half a minute to two on Windows 10, more when it finishes updates."""

WINRM_FIRST_ANSWER = 30.0
"""A server that runs already: it answers at once, but its service may just be restarting."""

READY_PAUSE = 2.0
"""Between two looks at a server that must both be good: a Windows about to restart answers for a moment more."""

MACHINE_ANSWERS = 5.0
"""A machine's port until it takes a connection: its kernel does that in milliseconds, also when its programs are busy."""
