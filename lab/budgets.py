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
"""How long a client tries before it says that nobody answers: two packets, the second 4 s after the first."""

IKE_INITIATE = 12.0
"""One connection attempt: 40 to 500 ms measured; one lost packet costs charon 4 s (its first retransmission)."""

APPEAR = 5.0
"""An effect that follows an event inside the lab: a proxy ARP entry, a route, an event log entry."""

SILENCE = 0.3
"""How long one listens before "no answer" is believed: 30 times the lab's round trip. Longer in labs with real networks."""
