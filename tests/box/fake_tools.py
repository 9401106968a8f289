"""The programs of a box build, as short scripts on PATH: each notes that it was called, and makes what the next one needs."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from lab.box.disk import LIBRARY, TOOLS

TOUCH_LAST = 'for last; do :; done; echo made > "$last"'
SCRIPTS = {
    "mmdebstrap": 'for one; do case "$one" in *base.tar) cp {system} "$one";; esac; done; echo "I: done..." >&2',
    "genext2fs": TOUCH_LAST,
    "mformat": 'while [ "$1" != -i ]; do shift; done; echo fat > "$2"',
    "qemu-img": TOUCH_LAST,
}


def put_on(path: Path, *, failing: str = "") -> Path:
    """Put them into a new folder for PATH; return the file in which each notes its name.

    Args:
        path: the folder.
        failing: the one that fails.
    """
    path.mkdir()
    system, calls = path.parent / "system.tar", path.parent / "calls"
    system.write_bytes(_system())
    for tool in TOOLS:
        act = "echo it broke >&2; exit 3" if tool == failing else SCRIPTS.get(tool, ":").format(system=system)
        script = path / tool
        script.write_text(f"#!/bin/sh\necho {tool} >> {calls}\n{act}\n")
        script.chmod(0o755)
    return calls


def _system() -> bytes:
    """A tar with kernel, initial file system, and a loader that is content with everything."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, content in (("./boot/vmlinuz-6.12.0", b"kernel"), ("./boot/initrd.img-6.12.0", b"initrd"),
                              (f"./{LIBRARY}/ld-linux-x86-64.so.2", b"#!/bin/sh\nexit 0\n")):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return data.getvalue()
