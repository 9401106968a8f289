"""Hosts as namespaces (network, mount, UTS, PID) with an overlay root each.

Made with fork, unshare(2), mount(2) and pivot_root(2) from one Python process: spawning the tools for each mount would cost
four times as much (7 to 12 ms a process in the guest).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct

TYPE_CHECKING = False  # typing itself is never imported here: imports cost time in the guest
if TYPE_CHECKING:
    from collections.abc import Callable

MS_NOSUID, MS_BIND, MS_REC, MS_PRIVATE = 2, 4096, 16384, 1 << 18
MNT_DETACH, SYS_PIVOT_ROOT = 2, 155
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x04000000, 0x20000000, 0x40000000  # in os since Python 3.12 only
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
NEW_HOST = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWPID
SHARE = "/run/lab/share"
ROOTS = "/run/lab/roots"
"""Where the hosts' roots are put together; a memory file system, which an overlay's upper folder may be on."""
READY = b"!"
OLD_ROOT = "ov"
"""Folder of the new root to which the old one goes, before it is let go."""

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    """Mount a file system. Raises OSError that names the target."""
    arguments = [text.encode() if text is not None else None for text in (source, target, kind)]
    if _libc.mount(*arguments, ctypes.c_ulong(flags), data.encode() if data else None):
        number = ctypes.get_errno()
        raise OSError(number, f"mount {kind or source} on {target}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave namespaces for new ones. Raises OSError."""
    if _libc.unshare(flags):
        number = ctypes.get_errno()
        raise OSError(number, f"unshare: {os.strerror(number)}")


def set_namespace(descriptor: int, kind: int) -> None:
    """Enter the namespace behind a descriptor. Raises OSError."""
    if _libc.setns(descriptor, kind):
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


def loopback_up() -> None:
    """Set the new network namespace's loopback up."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP | IFF_RUNNING))


def fork_host(name: str, lower: str, first_process: Callable[[int], None]) -> tuple[int, int, int]:
    """Start a host; return the pid of its first process, a descriptor at which `READY` tells that its root is there, anything else why
    it is not, and one that takes b"g" when its wires are there. `lower` is what the host's root lies over: the guest's read-only
    image, or a machine's own root.

    `first_process(go)` runs as pid 1 of the new namespaces once its root is in place; it must wait on the descriptor `go` for
    the wires, and never return. Raises OSError if it cannot have namespaces.
    """
    born_read, born_write = os.pipe()
    pid_read, pid_write = os.pipe()  # one of its own: the child may be ready before the process between has told its pid
    go_read, go_write = os.pipe()
    middle = os.fork()
    if middle == 0:
        try:
            unshare(NEW_HOST)
            pid = os.fork()  # only a child is in the new PID namespace
            if pid:
                os.write(pid_write, struct.pack("i", pid))
                os._exit(0)
            close_all_but(born_write, go_read)  # others' pipes and locks among them: whoever waits for their end must see it
            enter_root(name, lower)
            os.write(born_write, READY)
            os.close(born_write)
            born_write = -1  # its number may be another descriptor's from now on
            first_process(go_read)
        except BaseException as error:
            tell_failure(name, error, born_write)
        finally:
            os._exit(1)  # never back into the caller's code: this is a copy of it
    os.waitpid(middle, 0)
    for descriptor in (born_write, go_read, pid_write):
        os.close(descriptor)  # their ends in the children are the only ones left: a child that dies is seen as the end of the pipe
    said = os.read(pid_read, 4)
    os.close(pid_read)
    if not said:
        reason = os.read(born_read, 4096).decode()
        os.close(born_read)
        os.close(go_write)
        raise OSError(f"the host {name} could not be made: {reason}")
    return struct.unpack("i", said)[0], born_read, go_write


def tell_failure(name: str, error: BaseException, born: int) -> None:
    """Say why a host ends: to who made it, and on the console once that one no longer listens."""
    words = f"{type(error).__name__}: {error}"
    with contextlib.suppress(OSError):
        os.write(born, words.encode()[:4096])
    with contextlib.suppress(OSError), open("/dev/console", "w") as console:
        console.write(f"@fail host {name}: {words}\n")


def close_all_but(*kept: int) -> None:
    """Close every descriptor of this process but the standard ones and those named."""
    for entry in os.listdir("/proc/self/fd"):
        if int(entry) > 2 and int(entry) not in kept:
            with contextlib.suppress(OSError):  # the listing's own
                os.close(int(entry))


def enter_root(name: str, lower: str) -> None:
    """As pid 1 of the new namespaces: an overlay over `lower`, with its own /run, /tmp, /proc, /sys and /dev/pts.

    Of the share it keeps the code (read by all) and its own private folder, copied; nothing else of the run is visible.
    """
    folder = f"{ROOTS}/{name}"
    for part in ("upper", "work", "root"):
        os.makedirs(f"{folder}/{part}")
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount(name, f"{folder}/root", "overlay", 0,
          f"lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work")
    os.chdir(f"{folder}/root")
    mount("/dev", "dev", None, MS_BIND | MS_REC)
    mount("devpts", "dev/pts", "devpts", 0, "newinstance,ptmxmode=666")
    mount("sysfs", "sys", "sysfs")
    mount("run", "run", "tmpfs", 0, "mode=755")
    mount("tmp", "tmp", "tmpfs", 0, "mode=1777")
    mount("proc", "proc", "proc")
    make_lab_folder("run/lab", name)
    for shared in ("code", "pyc"):
        os.mkdir(f"run/lab/{shared}")
        mount(f"{SHARE}/{shared}", f"run/lab/{shared}", None, MS_BIND)
    for needed in ("run/sshd", "run/lock", OLD_ROOT):
        os.makedirs(needed, exist_ok=True)
    _libc.syscall(SYS_PIVOT_ROOT, b".", OLD_ROOT.encode())
    os.chdir("/")
    _libc.umount2(f"/{OLD_ROOT}".encode(), MNT_DETACH)
    socket.sethostname(name)
    loopback_up()


def make_lab_folder(folder: str, name: str) -> None:
    """Make /run/lab with logs and the host's private files. hostfs shows the owner's uid, so the files are copied."""
    for part, mode in (("", 0o755), ("/log", 0o755), ("/private", 0o700)):
        os.makedirs(folder + part, exist_ok=True)
        os.chmod(folder + part, mode)
    private = f"{SHARE}/hosts/{name}"
    for entry in os.listdir(private):
        with open(f"{private}/{entry}", "rb") as source:
            data = source.read()
        target = os.open(f"{folder}/private/{entry}", os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(target, data)
        os.close(target)
