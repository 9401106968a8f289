"""The program that makes hosts on a machine of its own: `carrier.py start < plan.json`, `carrier.py stop`, `carrier.py status`.

`start` goes into the background and ends when every host can be used; it prints {"digest": …, "pids": {…}, "capabilities": […]}. A carrier that runs
already with the same plan is left alone, with another plan it is replaced. The machine's adapters become ports of the networks'
bridges; what they had before (addresses, routes, state) is written down first, and `stop` puts it back, also after the carrier was
killed. Nothing else of the machine is changed: a link is removed only if we wrote down, before, that it would be ours; hosts are
namespaces over its root, and what they write is in memory.
"""

from __future__ import annotations

import sys

sys.path[:0] = ["/run/lab/share/code"]
sys.pycache_prefix = "/run/lab/share/pyc"

import contextlib  # noqa: E402
import fcntl  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import select  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402

from lab.hosts import adapters, capabilities, daemons, namespaces, wires  # noqa: E402
from lab.hosts.carried import Carried  # noqa: E402
from lab.wire.netlink import Netlink, links  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.hosts.plan import MachinePlan, Plan

FOLDER = "/run/lab"
LOCK, FACTS, HOSTS = f"{FOLDER}/carrier.lock", f"{FOLDER}/carrier.json", f"{FOLDER}/hosts"
LINKS = f"{FOLDER}/links.json"
"""Names of the links that are ours: a machine may have bridges of its own, and Docker's begin with br- too."""
END_WITHIN = 10.0
"""Seconds that a carrier may take to end its hosts; each is killed, so it is a matter of milliseconds."""
LOWER = "/"
MODULES = ["veth", "bridge", "sch_netem", "overlay", "dummy", "esp4", "xfrm_user", "authenc", "echainiv",
           "l2tp_ppp", "ppp_async"]
ENTER = """\
#!/bin/sh
# enter HOST COMMAND…: runs a command in the namespaces of a host that this machine carries.
host=$1; shift
exec nsenter --all --target "$(cat /run/lab/hosts/$host)" -- "$@"
"""


def digest_of(text: str) -> str:
    """Return what tells one plan from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def running() -> int:
    """Return the process that holds the carrier's lock; 0 if none does."""
    with open(LOCK, "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            return int(lock.read() or 0)
    return 0


def facts() -> dict[str, object]:
    """Return what the carrier that runs wrote down; empty if none runs, or if it is still at its beginning."""
    if not running():
        return {}
    try:
        with open(FACTS) as file:
            known: dict[str, object] = json.load(file)
    except FileNotFoundError:
        return {}
    return known


def stop() -> None:
    """End the carrier, also one at its beginning, and put the machine back. Harmless when none runs."""
    if pid := running():
        with contextlib.suppress(ProcessLookupError):
            watched = os.pidfd_open(pid)
            for number in (signal.SIGTERM, signal.SIGKILL):
                os.kill(pid, number)
                if select.select([watched], [], [], END_WITHIN)[0]:
                    break
    undo()


def claim(netlink: Netlink, names: list[str]) -> None:
    """Write down which links are about to be made. Raises RuntimeError for one that is there already: it is not ours."""
    if taken := {str(link["name"]) for link in links.list_links(netlink)} & set(names):
        raise RuntimeError(f"the machine has a link of the lab's name already: {', '.join(sorted(taken))}")
    write_whole(LINKS, json.dumps(names))


def undo() -> None:
    """Remove our links, put the adapters back, forget the hosts: what a carrier that ends, or was killed, leaves to do."""
    with Netlink() as netlink:
        adapters.put_back(netlink)
        there = {str(link["name"]) for link in links.list_links(netlink)}
        for name in claimed():
            if name in there:
                with contextlib.suppress(OSError):  # it has gone with its host meanwhile
                    links.delete(netlink, name, links.index_of(name))
    for folder in (HOSTS, namespaces.ROOTS):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (FACTS, LINKS):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file)


def claimed() -> list[str]:
    """Return the names of the links that are ours."""
    try:
        with open(LINKS) as file:
            return [str(name) for name in json.load(file)]
    except FileNotFoundError:
        return []


def write_whole(path: str, text: str) -> None:
    """Write a file that nobody ever sees half-written."""
    daemons.write(f"{path}.new", text)
    os.replace(f"{path}.new", path)


def start(text: str) -> dict[str, object]:
    """Start a carrier with this plan, unless it runs already. Raises RuntimeError with what went wrong in it."""
    digest = digest_of(text)
    known = facts()
    if known.get("digest") == digest:
        return known
    stop()
    ready_read, ready_write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.close(ready_read)
        run(json.loads(text), digest, ready_write)
    os.close(ready_write)
    os.wait()
    with os.fdopen(ready_read) as answer:
        said = answer.read()
    if said != "ready":
        undo()
        raise RuntimeError(said or "the carrier ended before it said why")
    return facts()


def run(plan: MachinePlan, digest: str, ready: int) -> None:
    """Be the carrier: never returns."""
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    log = os.open(f"{FOLDER}/log/carrier.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    source = os.open("/dev/null", os.O_RDONLY)
    for old, new in ((source, 0), (log, 1), (log, 2)):
        os.dup2(old, new)
    carried = None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        with contextlib.suppress(FileNotFoundError):  # a kernel without modules needs no kmod
            os.waitpid(daemons.spawn(["/sbin/modprobe", "-a", *MODULES], "modprobe"), 0)  # its status means nothing: some are built in
        with Netlink() as netlink:
            claim(netlink, wires.links_of(plan["networks"], plan["hosts"]))
            uplinks = adapters.take(netlink, plan["adapters"])
        whole: Plan = {"networks": plan["networks"], "hosts": plan["hosts"], "names": plan["names"], "uplinks": uplinks}
        carried = Carried(whole, LOWER)
        carried.make()
        carried.wire()
        carried.begin()
        carried.await_boot()
        os.makedirs(HOSTS, exist_ok=True)
        for name, pid in carried.pids.items():
            daemons.write(f"{HOSTS}/{name}", str(pid))
        write_whole(FACTS, json.dumps({"pid": os.getpid(), "digest": digest, "pids": carried.pids, "uplinks": uplinks,
                                       "capabilities": capabilities.found(carried.router_files())}))
        tell(ready, "ready")
    except BaseException as error:
        words = "\n".join([f"{type(error).__name__}: {error}", *(carried.last_words() if carried else [])])
        if carried:
            carried.end()
        tell(ready, words)
        os._exit(1)
    serve(carried)


def tell(ready: int, words: str) -> None:
    """Tell whoever started us how it went. He may be gone (his connection broke): the hosts are there all the same."""
    with contextlib.suppress(BrokenPipeError):
        os.write(ready, words.encode()[:4000])
    os.close(ready)


def serve(carried: Carried) -> None:
    """Collect ended processes until told to end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
    while signal.sigwait({signal.SIGTERM, signal.SIGCHLD}) != signal.SIGTERM:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    carried.end()
    os._exit(0)


def main() -> None:
    """Carry out the verb."""
    os.makedirs(f"{FOLDER}/log", exist_ok=True)
    for shared in ("code", "pyc"):
        os.makedirs(f"{namespaces.SHARE}/{shared}", exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.symlink(f"{namespaces.SHARE}/{shared}", f"{FOLDER}/{shared}")
    daemons.write(f"{FOLDER}/enter", ENTER, 0o755)
    verb = sys.argv[1]
    try:
        answer = start(sys.stdin.read()) if verb == "start" else facts()
        if verb == "stop":
            stop()
            answer = {}
    except (RuntimeError, adapters.AdapterProblem) as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
