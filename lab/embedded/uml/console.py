"""What a line of the guest's console means for the guest: lines that begin with @ come from our own code in it. Pure; standard library only.

@fail REASON                    the guest could not boot
@died HOST DAEMON EXIT-CODE     a daemon ended, by itself or by a signal (its number, negative)
"""

from __future__ import annotations

TWIN = "twin"
"""The daemon without which the lab has no server. charon may end at any time: who ended it starts it anew (Restart-Service IKEEXT)."""
KILLED = "-9"


def reason_to_end(line: str, *, is_ready: bool) -> str:
    """Return why a guest that printed this must end; "": it need not."""
    word, _, rest = line.partition(" ")
    if word == "@fail":
        return f"the guest could not boot: {rest}"
    if word != "@died":
        return ""
    if not is_ready:
        return f"the guest could not boot: a daemon ended (host, daemon, exit code): {rest}"
    _, daemon, code = rest.split()
    if daemon != TWIN:
        return ""
    why = " (killed: its kernel does so when the guest's memory is full)" if code == KILLED else ""
    return f"its server has ended (host, daemon, exit code): {rest}{why}"
