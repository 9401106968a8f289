"""Waiting for files without polling: inotify(7) through ctypes, for programs that run inside the guest."""

from __future__ import annotations

import ctypes
import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

IN_CREATE, IN_MOVED_TO, IN_CLOSE_WRITE, IN_MODIFY = 0x100, 0x80, 0x8, 0x2

_libc = ctypes.CDLL(None, use_errno=True)


def watch(folder: str, events: int) -> int:
    """Return a descriptor that becomes readable when one of `events` happens in (or to) `folder`; close it after use."""
    descriptor: int = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    if _libc.inotify_add_watch(descriptor, folder.encode(), events) < 0:
        number = ctypes.get_errno()
        os.close(descriptor)
        raise OSError(number, f"inotify on {folder}: {os.strerror(number)}")
    return descriptor


def await_files(paths: Iterable[str], seconds: float) -> set[str]:
    """Wait until all files exist; return those that do not after `seconds`, and call nothing in between."""
    end = time.monotonic() + seconds
    missing = set(paths)
    watches = {watch(folder, IN_CREATE | IN_MOVED_TO) for folder in {os.path.dirname(path) for path in paths}}
    try:
        while missing := {path for path in missing if not os.path.exists(path)}:
            ready = select.select(list(watches), [], [], max(0.0, end - time.monotonic()))[0]
            if not ready:
                break
            for descriptor in ready:
                os.read(descriptor, 4096)
    finally:
        for descriptor in watches:
            os.close(descriptor)
    return missing
