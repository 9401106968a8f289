"""The guest's first process: makes hosts and wires, starts the daemons, then answers on the control line.

Started by the image's /lab/init. Marks ("@name uptime") on the console tell how far the boot has come; the first line on the
control line tells that every host which starts at boot can be reached.
"""

from __future__ import annotations

import sys

sys.path[:0] = ["/run/lab/share/code", "/usr/local/lib/python3.13/dist-packages"]
sys.pycache_prefix = "/run/lab/share/pyc"

import json  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402

from lab.embedded.guest import daemons, namespaces, wires  # noqa: E402
from lab.embedded.guest.control import ControlLine  # noqa: E402
from lab.embedded.guest.logs import DaemonLogs  # noqa: E402
from lab.wire.inotify import await_files  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.embedded.guest.plan import GuestPlan, HostPlan

CONTROL_TTY, LOGS_TTY = "/dev/tty1", "/dev/tty2"
MODULES_FOR_WIRES = ["veth", "bridge", "sch_netem"]
MODULES_FOR_IPSEC = ["dummy", "esp4", "xfrm_user", "authenc", "cbc", "des_generic", "hmac", "echainiv", "drbg", "ctr",
                     "sha512_generic"]
READY_WITHIN = 45.0
"""Seconds for daemons to be ready; the host side gives up a little later, so that this error is the one that is seen."""

WARM = [("cbc(aes)", 16, "hmac(sha1)", 20, 96), ("cbc(aes)", 32, "hmac(sha256)", 32, 128),
        ("cbc(des3_ede)", 24, "hmac(sha1)", 20, 96)]
"""Security associations that are made once and thrown away: the first of each kind costs half a second (crypto modules)."""


def mark(name: str) -> None:
    """Tell on the console how far the boot has come."""
    with open("/proc/uptime") as uptime:
        print(f"@{name} {uptime.read().split()[0]}", flush=True)


class Guest:
    """All hosts, by name."""

    def __init__(self, plan: GuestPlan) -> None:
        self.plan = plan
        self.pids: dict[str, int] = {}
        self.go: dict[str, int] = {}
        self.started: set[str] = set()
        """Hosts that were started on demand."""

    # -- boot -----------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Hosts, wires, daemons; returns when all that start at boot can be reached."""
        modules = daemons.spawn(["/usr/sbin/modprobe", "-a", *MODULES_FOR_WIRES], "modprobe")
        self.make_hosts()
        os.waitpid(modules, 0)
        mark("hosts")
        wires.connect(self.plan, self.pids)
        mark("wires")
        daemons.spawn(["/usr/sbin/modprobe", "-a", *MODULES_FOR_IPSEC], "modprobe")  # its status means nothing: some are built in
        for name in self.pids:
            os.write(self.go[name], b"g")
        observer = self.host("observer")
        if os.fork() == 0:  # the observer lives in the root namespaces
            self.run_observer(observer)
        self.await_daemons([host for host in self.plan["hosts"] if host["start"] == "boot"])

    def host(self, name: str) -> HostPlan:
        """Return a host of the plan. Raises StopIteration if there is none."""
        return next(host for host in self.plan["hosts"] if host["name"] == name)

    def make_hosts(self) -> None:
        """Fork them all, then wait for their roots."""
        born = []
        for host in self.plan["hosts"]:
            if host["role"] != "observer":
                process = daemons.FirstProcess(host, self.plan)
                pid, ready, go = namespaces.fork_host(host["name"], process.run)
                self.pids[host["name"]], self.go[host["name"]] = pid, go
                born.append((host["name"], ready))
        for name, ready in born:
            if not os.read(ready, 1):
                raise RuntimeError(f"the host {name} could not be made")
            os.close(ready)

    def run_observer(self, host: HostPlan) -> None:
        """SSH into the root namespaces: where captures are taken. Never returns."""
        namespaces.make_lab_folder("/run/lab", host["name"])
        for shared in ("code", "pyc"):
            os.symlink(f"{namespaces.SHARE}/{shared}", f"/run/lab/{shared}")
        read_end, write_end = os.pipe()
        os.write(write_end, b"g")
        daemons.FirstProcess(host, self.plan).run(read_end)
        os._exit(1)

    @staticmethod
    def warm_up() -> None:
        """Load the crypto modules by making the security associations that will be needed. Takes more than a second of the guest's
        CPU (a random number generator that tests itself), so nobody waits for it."""
        ends = "xfrm state add src 127.0.0.1 dst 127.0.0.2 proto esp"
        lines = [f"{ends} spi {0x100 + i} mode tunnel enc {cipher} 0x{'01' * key} auth-trunc {mac} 0x{'01' * mac_key} {bits}"
                 for i, (cipher, key, mac, mac_key, bits) in enumerate(WARM)]
        daemons.write("/run/lab/warm", "\n".join([*lines, "xfrm state flush", ""]))
        daemons.spawn(["/usr/sbin/ip", "-batch", "/run/lab/warm"], "warm")

    def await_daemons(self, hosts: list[HostPlan]) -> None:
        """Wait until the daemons of these hosts can be used. Raises TimeoutError that names what is missing."""
        files = []
        for host in hosts:
            root = f"/proc/{self.pids[host['name']]}/root" if host["name"] in self.pids else ""
            if host["role"] in ("client", "server"):
                files.append(f"{root}/run/charon.vici")
            if host["role"] == "server":
                files.append(f"{root}/run/lab/twin.ready")
            if host["role"] == "dns":
                files.append(f"{root}/run/lab/dnsmasq.pid")  # written once its sockets are bound
        if missing := await_files(files, READY_WITHIN):
            self.tell_last_words()
            raise TimeoutError(f"not ready after {READY_WITHIN:.0f} s: {', '.join(sorted(missing))}")

    def log_folders(self) -> dict[str, str]:
        """Return where the daemons of each host log."""
        return {"observer": "/run/lab/log"} | {name: f"/proc/{pid}/root/run/lab/log" for name, pid in self.pids.items()}

    def tell_last_words(self) -> None:
        """Put the ends of the daemons' logs on the console, for the message of a boot that failed."""
        for name, folder in self.log_folders().items():
            for log in sorted(os.listdir(folder)):
                for line in daemons.last_lines(f"{folder}/{log}"):
                    print(f"{name}/{log}: {line}", flush=True)

    # -- operations of the control line -----------------------------------------------------------------------------

    def beat(self) -> str:
        """Show that the guest lives."""
        return "alive"

    def start(self, host: str) -> str:
        """Start the daemons of a host that starts on demand; idempotent."""
        os.write(self.go[host], b"s")
        self.await_daemons([self.host(host)])
        self.started.add(host)
        return host

    def hosts_up(self) -> list[str]:
        """Return the hosts whose daemons were started."""
        return [host["name"] for host in self.plan["hosts"] if host["start"] == "boot" or host["name"] in self.started]

    def twin(self, request: dict[str, object]) -> object:
        """Pass a request to the twin's control socket."""
        with socket.socket(socket.AF_UNIX) as twin:
            twin.settimeout(READY_WITHIN)
            twin.connect(f"/proc/{self.pids['server']}/root/run/lab/twin.sock")
            twin.sendall(json.dumps(request).encode() + b"\n")
            with twin.makefile("rb") as answers:
                answer = json.loads(answers.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


def reap() -> None:
    """Collect ended children; orphans of all kinds end here."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def main() -> None:
    """Boot and serve."""
    mark("python")
    os.makedirs("/tmp/hosts", exist_ok=True)
    os.makedirs("/run/lab/log", exist_ok=True)
    with open("/run/lab/share/guest.json") as source:
        guest = Guest(json.load(source))
    guest.boot()
    os.sync()  # so that the bytecode on the share is whole before the host keeps it
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    line = ControlLine(CONTROL_TTY, {"beat": guest.beat, "start": guest.start, "twin": guest.twin, "started": guest.hosts_up})
    mark("ready")
    line.send({"pids": guest.pids})
    guest.warm_up()
    logs = DaemonLogs(LOGS_TTY, guest.log_folders())
    line.serve(wake_read, reap, logs.watched, logs.take)


try:
    main()
except BaseException as failure:
    print(f"@fail boot: {type(failure).__name__}: {failure}", flush=True)
    raise
