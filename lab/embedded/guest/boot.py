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

from lab.embedded.guest.control import ControlLine  # noqa: E402
from lab.embedded.guest.logs import DaemonLogs  # noqa: E402
from lab.hosts import daemons, namespaces  # noqa: E402
from lab.hosts.carried import OBSERVER, READY_WITHIN, Carried  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.hosts.plan import HostPlan, Plan

CONTROL_TTY, LOGS_TTY = "/dev/tty1", "/dev/tty2"
READ_ONLY_IMAGE = "/ov"
RT_BUDGET = "/proc/sys/kernel/sched_rt_runtime_us"
"""How much of a second the scheduling class of the client's charon (lab/hosts/daemons.py) may use; -1: without a limit."""
MODULES_FOR_WIRES = ["veth", "bridge", "sch_netem"]
MODULES_FOR_IPSEC = ["dummy", "esp4", "xfrm_user", "authenc", "cbc", "des_generic", "hmac", "echainiv", "drbg", "ctr",
                     "sha512_generic"]
MODULES_FOR_PPP = ["l2tp_ppp", "ppp_async"]
"""With them comes /dev/ppp, which every host shares; a PPP unit belongs to the network namespace of the process that makes it."""
MODULES_FOR_THE_FIREWALL = ["iptable_filter", "xt_policy", "xt_conntrack", "xt_multiport", "xt_tcpudp", "xt_NFLOG", "nfnetlink_log"]
"""They would load by themselves with the first table, which would then take ten times as long."""
WARM = [("cbc(aes)", 16, "hmac(sha1)", 20, 96), ("cbc(aes)", 32, "hmac(sha256)", 32, 128),
        ("cbc(des3_ede)", 24, "hmac(sha1)", 20, 96)]
"""Security associations that are made once and thrown away: the first of each kind costs half a second (crypto modules)."""


def mark(name: str) -> None:
    """Tell on the console how far the boot has come."""
    with open("/proc/uptime") as uptime:
        print(f"@{name} {uptime.read().split()[0]}", flush=True)


class Guest:
    """All hosts, and what the control line may ask for."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.hosts = Carried(plan, READ_ONLY_IMAGE)

    # -- boot -----------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Hosts, wires, daemons; returns when all that start at boot can be reached."""
        # A jump of the clock is charged to whoever has the CPU: an hour to charon, which would then be throttled for an hour.
        daemons.write(RT_BUDGET, "-1")
        modules = daemons.spawn(["/usr/sbin/modprobe", "-a", *MODULES_FOR_WIRES], "modprobe")
        self.hosts.make()
        os.waitpid(modules, 0)
        mark("hosts")
        self.hosts.wire()
        mark("wires")
        # Its status means nothing: some are built in.
        daemons.spawn(["/usr/sbin/modprobe", "-a", *MODULES_FOR_IPSEC, *MODULES_FOR_PPP, *MODULES_FOR_THE_FIREWALL], "modprobe")
        self.hosts.begin()
        observer = self.hosts.host(OBSERVER)
        if os.fork() == 0:  # the observer lives in the root namespaces
            self.run_observer(observer)
        self.tell_if_late(self.hosts.await_boot)

    def tell_if_late(self, wait: Callable[[], None]) -> None:
        """Put the ends of the daemons' logs on the console, for the message of a boot that failed."""
        try:
            wait()
        except TimeoutError:
            for line in self.hosts.last_words():
                print(line, flush=True)
            raise

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

    def log_folders(self) -> dict[str, str]:
        """Return where the daemons of each host log."""
        return {OBSERVER: "/run/lab/log"} | self.hosts.log_folders()

    # -- operations of the control line -----------------------------------------------------------------------------

    def beat(self) -> str:
        """Show that the guest lives."""
        return "alive"

    def start(self, host: str) -> str:
        """Start the daemons of a host that starts on demand; idempotent."""
        self.tell_if_late(lambda: self.hosts.start(host))
        return host

    def twin(self, request: dict[str, object]) -> object:
        """Pass a request to the twin's control socket."""
        with socket.socket(socket.AF_UNIX) as twin:
            twin.settimeout(READY_WITHIN)
            twin.connect(f"/proc/{self.hosts.pids['server']}/root/run/lab/twin.sock")
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
    os.makedirs("/run/lab/log", exist_ok=True)
    with open("/run/lab/share/guest.json") as source:
        guest = Guest(json.load(source))
    guest.boot()
    os.sync()  # so that the bytecode on the share is whole before the host keeps it
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    line = ControlLine(CONTROL_TTY, {"beat": guest.beat, "start": guest.start, "twin": guest.twin, "started": guest.hosts.up})
    mark("ready")
    line.send({"pids": guest.hosts.pids})
    guest.warm_up()
    logs = DaemonLogs(LOGS_TTY, guest.log_folders())
    line.serve(wake_read, reap, logs.watched, logs.take)


try:
    main()
except BaseException as failure:
    print(f"@fail boot: {type(failure).__name__}: {failure}", flush=True)
    raise
