"""Whether this machine lets a process trace its children, which is how User-Mode Linux runs the guest's processes.

Yama (ptrace_scope 2 wants CAP_SYS_PTRACE, 3 forbids it to everybody), a container's seccomp filter and SELinux can forbid it; trying it is
the only answer that covers all of them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")
TRY = "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True); os._exit(ctypes.get_errno() if libc.ptrace(0, 0, 0, 0) else 0)"
"""PTRACE_TRACEME: the child asks to be traced by its parent; refused, it exits with errno."""


def ptrace_problem() -> str:
    """Return why tracing is forbidden here, with the remedy; empty if it is allowed."""
    tried = subprocess.run([sys.executable, "-I", "-S", "-c", TRY], check=False, capture_output=True)
    if tried.returncode == 0:
        return ""
    try:
        scope = int(YAMA.read_text())
    except (OSError, ValueError):
        scope = 0
    if scope >= 2:
        return f"ptrace is forbidden by Yama (kernel.yama.ptrace_scope = {scope}): sudo sysctl kernel.yama.ptrace_scope=1" + (
            "; 3 cannot be lowered without a reboot" if scope == 3 else "")
    return "ptrace is forbidden, probably by a container's seccomp profile: start it with --cap-add=SYS_PTRACE or --security-opt seccomp=unconfined"
