"""What is compiled by this machine's gcc while the image is built: the shim over the guest kernel's clock, kept beside the kernel, and
plugins of pppd's, put into the image.

None needs libc's headers nor any other's (the sources say why), so the package gcc alone is enough, and the suite of this machine does not
matter; compiled in the image they would cost a compiler's 60 MB there.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.errors import HostError

HERE = Path(__file__).parent
CLOCK = HERE / "clock.c"
CLOCK_LIBRARY = "clock.so"
"""Its name in the image's folder."""
PPPD_PLUGINS = {"/usr/local/lib/lab/pppd-addresses.so": HERE / "pppd_addresses.c", "/usr/local/lib/lab/pppd-users.so": HERE / "pppd_users.c"}
"""Sources by their places in the image; lab/twin/rras/l2tp_config.py names the places too."""
FLAGS = ("-shared", "-fPIC", "-O2", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-Wall", "-Wextra", "-Werror", "-Wl,--build-id=none", "-s")


def compile_library(source: Path, target: Path, *, lock: int | None = None) -> None:
    """Compile a shared library.

    Args:
        source: one file of C.
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


def compile_plugins(work: Path, *, lock: int) -> list[str]:
    """Compile pppd's plugins in a folder; return mmdebstrap's hooks that put them into a system. Raises HostError as `compile_library`."""
    hooks = []
    for place, source in PPPD_PLUGINS.items():
        made = work / Path(place).name
        compile_library(source, made, lock=lock)
        hooks += [f'mkdir -p "$1"{Path(place).parent}', f"upload {made} {place}"]
    return hooks
