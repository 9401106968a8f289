"""Confinement of the guest's two processes on this machine, by unprivileged means of the kernel; called between fork and exec.

`hostfs=FOLDER` on the guest's command line is a prefix, not a border: in the guest, root gets out of it by "..", or by a symbolic
link put in the place of a folder that it is in. And slirp4netns passes on to the world what it is sent; a route is all that the
guest's root needs. So:

- linux.uml lives under Landlock: it can open what the guest is made of, the run's share and its own folder, nothing else. Landlock
  leaves changes of mode, owner and times alone; a seccomp filter forbids those.
- slirp4netns cannot connect: it only accepts what this machine opens, on the forwarded ports of 127.0.0.1.

Rules of this file: standard library only, no threads (the supervisor has none).
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION, PATH_BENEATH = 1, 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
ALL_OF_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
"""Access rights to files by version of Landlock: 2 added moves between folders, 3 truncation. Later ones do not concern files."""
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/ptmx", "/proc/cpuinfo")

X86_64 = 0xC000003E
FORBIDDEN_IN_GUEST = (90, 92, 94, 132, 188, 189, 197, 198, 235, 260, 261, 268, 280, 452)
"""x86-64 numbers: chmod chown lchown utime setxattr lsetxattr removexattr lremovexattr utimes fchownat futimesat fchmodat utimensat
fchmodat2."""
CONNECT, SOCKET, AF_UNIX, AF_INET, SOCK_STREAM = 42, 41, 1, 2, 1

LOAD, JUMP_EQUAL, AND, RETURN = 0x20, 0x15, 0x54, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1  # EPERM


def landlock_version() -> int:
    """Return the kernel's version of Landlock; 0 if it has none, or it is switched off."""
    return max(0, int(_libc.syscall(CREATE_RULESET, None, 0, VERSION)))


def confine_guest(*, readable: Iterable[str], writable: Iterable[str]) -> None:
    """Confine this process to these folders. Without Landlock only the filter applies. Raises OSError."""
    _no_new_privileges()
    if version := landlock_version():
        _landlock(ALL_OF_ABI[min(version, 3)], list(readable), list(writable))
    _filter(_forbid(FORBIDDEN_IN_GUEST))


def confine_network() -> None:
    """Forbid this process to reach anything outside of it: it can only answer. Raises OSError."""
    _no_new_privileges()
    _filter(_only_answers())


# -- Landlock ---------------------------------------------------------------------------------------------------------


def _landlock(rights: int, readable: list[str], writable: list[str]) -> None:
    ruleset = _call(CREATE_RULESET, struct.pack("=Q", rights), 8, 0)
    for paths, granted in ((readable, EXECUTE | READ_FILE | READ_DIR), (writable, rights), (DEVICES, READ_FILE | WRITE_FILE)):
        for path in paths:
            if path in DEVICES and not Path(path).exists():
                continue
            descriptor = os.open(path, os.O_PATH)
            allowed = granted & rights if Path(path).is_dir() else granted & rights & ON_FILES
            _call(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", allowed, descriptor), 0)
            os.close(descriptor)
    _call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _call(*arguments: int | bytes) -> int:
    result = int(_libc.syscall(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"landlock: {os.strerror(number)}")
    return result


# -- seccomp ----------------------------------------------------------------------------------------------------------


def _no_new_privileges() -> None:
    if _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _forbid(numbers: Iterable[int]) -> list[bytes]:
    """A filter that refuses these calls, and all of another architecture."""
    tests = [part for number in numbers for part in (_step(JUMP_EQUAL, number, 0, 1), _step(RETURN, REFUSE))]
    return [_step(LOAD, 4), _step(JUMP_EQUAL, X86_64, 1), _step(RETURN, REFUSE), _step(LOAD, 0), *tests, _step(RETURN, ALLOW)]


def _only_answers() -> list[bytes]:
    """Refuse connect, and sockets that need none: of the internet, other than TCP."""
    return [
        _step(LOAD, 4), _step(JUMP_EQUAL, X86_64, 1), _step(RETURN, REFUSE),
        _step(LOAD, 0), _step(JUMP_EQUAL, CONNECT, 0, 1), _step(RETURN, REFUSE),
        _step(JUMP_EQUAL, SOCKET, 1), _step(RETURN, ALLOW),
        _step(LOAD, 16), _step(JUMP_EQUAL, AF_UNIX, 0, 1), _step(RETURN, ALLOW),
        _step(JUMP_EQUAL, AF_INET, 1), _step(RETURN, REFUSE),
        _step(LOAD, 24), _step(AND, 0xF), _step(JUMP_EQUAL, SOCK_STREAM, 1), _step(RETURN, REFUSE),
        _step(RETURN, ALLOW),
    ]


def _filter(program: list[bytes]) -> None:
    instructions = ctypes.create_string_buffer(b"".join(program))
    header = struct.pack("=H6xQ", len(program), ctypes.addressof(instructions))
    if _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
