"""The command line of linux.uml. Each parameter has its reason; figures were measured on kernel 6.12."""

from __future__ import annotations

from pathlib import Path

MEMORY = "384M"
"""Cap of the guest's memory; what is not used is none of the host's. Ten hosts, five charons, the twin, its compiler or the EAP host, and our own
initiator use up to 240 MB, logs in it 12 MB after a whole suite: with 256 MB the kernel killed the twin in the middle of one."""


def command_line(*, run: Path, share: Path, root: Path, memory: str = MEMORY) -> list[str]:
    """Return the arguments of linux.uml for one run.

    Args:
        run: the run's folder: memory file, sockets.
        share: the only folder of the host that the guest may see.
        root: the image's disk, opened read-only.
        memory: the guest's memory.
    """
    return [
        "./linux.uml",
        f"mem={memory}",
        f"ubd0r={root}",  # read-only: several guests share one image
        "root=/dev/ubda", "rootfstype=ext2", "ro", "init=/lab/init",
        "con0=null,fd:1", "con=null", "ssl=null",  # con1 and con2, the control line and the logs, are added by the supervisor
        "quiet", "loglevel=3",
        "initcall_blacklist=raid6_select_algo",  # a benchmark that costs 0.8 of 1.2 seconds
        "ipv6.disable=1",  # the lab is IPv4; neighbour discovery would only be noise in captures
        f"uml_dir={run}/uml", "umid=u",
        f"vec0:transport=bess,dst={run}/wire,depth=128",  # to slirp4netns: needs no privilege
        f"hostfs={share}",  # where hostfs begins; the border is lab/embedded/uml/confine.py
        "panic=-1",
    ]
