"""The shim over the guest kernel's clock: compiled by this machine's gcc while the image is built, and kept beside the kernel.

It needs neither libc nor its headers (clock.c says why), so the package gcc alone is enough, and the suite of this machine does not
matter; compiled in the image it would cost a compiler's 60 MB there.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.errors import HostError

SOURCE = Path(__file__).with_name("clock.c")
LIBRARY = "clock.so"
"""Its name in the image's folder."""
FLAGS = ("-shared", "-fPIC", "-O2", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-Wall", "-Wextra", "-Werror", "-Wl,--build-id=none", "-s")


def compile_clock(source: Path, target: Path, *, lock: int | None = None) -> None:
    """Compile the shim.

    Args:
        source: clock.c.
        target: the shared library to make.
        lock: descriptor of the cache's lock, which the compiler inherits.

    Raises:
        HostError: gcc refuses it; with the end of its output.
    """
    done = subprocess.run(["gcc", *FLAGS, "-o", str(target), str(source)], capture_output=True, text=True, check=False,
                          pass_fds=[] if lock is None else [lock])
    if done.returncode:
        raise HostError(f"gcc cannot compile {source.name}", evidence="\n".join(done.stderr.splitlines()[-8:]),
                        hint="`apt install gcc` brings compiler, assembler and linker")
    target.chmod(0o444)
