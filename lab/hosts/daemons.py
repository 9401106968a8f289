"""A host's first process: it accepts SSH connections, starts the role's daemons, reaps.

sshd runs per connection (`sshd -i`), as under inetd: a host that nobody visits costs nothing, and its port answers as soon as
the host exists. The role's daemons start at once or, on a host that starts on demand, when the control line says so.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.hosts.plan import HostPlan, Plan

LOG = "/run/lab/log"
CODE = "/run/lab/code"
SSHD_CONFIG = """\
HostKey /run/lab/private/ssh_host_key
AuthorizedKeysFile /run/lab/private/authorized_keys
PasswordAuthentication no
PermitRootLogin prohibit-password
UsePAM no
UseDNS no
PrintMotd no
MaxSessions 64
LogLevel ERROR
Subsystem sftp internal-sftp
"""
IPTABLES_RESTORE = "/usr/sbin/iptables-legacy-restore"
NAT_RULES = """\
*nat
-A POSTROUTING -o wan -j MASQUERADE
COMMIT
*filter
-A FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
"""
"""What belongs to no connection would leave with its own address (an ICMP error about a packet that was decrypted): routers discard it."""
NAT_READY, NAT_MASQUERADES = "/run/lab/nat.ready", "masquerades"
"""A file that a router makes when it has tried, and its content when the rules were taken."""
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def spawn(argv: list[str], log: str, descriptor: int | None = None) -> int:
    """Start a program with its output in a log; with `descriptor` as its standard input and output instead, if given."""
    record = os.open(f"{LOG}/{log}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    source = os.open("/dev/null", os.O_RDONLY) if descriptor is None else descriptor
    actions = [
        (os.POSIX_SPAWN_DUP2, source, 0),
        (os.POSIX_SPAWN_DUP2, record if descriptor is None else descriptor, 1),
        (os.POSIX_SPAWN_DUP2, record, 2),
    ]
    pid = os.posix_spawn(argv[0], argv, ENVIRONMENT, file_actions=actions, setsigmask=[])
    os.close(record)
    if descriptor is None:
        os.close(source)
    return pid


def write(path: str, text: str, mode: int = 0o644) -> None:
    """Write a configuration file."""
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    os.write(target, text.encode())
    os.close(target)


def last_lines(path: str) -> list[str]:
    """Return the end of a log."""
    try:
        with open(path, errors="replace") as log:
            return log.read().splitlines()[-4:]
    except FileNotFoundError:
        return []


def charon(role: str) -> dict[int, str]:
    """Start charon with the configuration of the role."""
    with open(f"{CODE}/lab/hosts/etc/strongswan.{role}.conf") as source:
        write("/etc/strongswan.conf", source.read())
    return {spawn(["/usr/sbin/charon-systemd"], "charon.out"): "charon"}


def start_client(host: HostPlan, plan: Plan) -> dict[int, str]:
    """charon; the macOS stand-in drives it through the probe.

    It runs before everybody else (SCHED_FIFO). An initiator's thread sends its second IKE_SA_INIT and then checks the IKE_SA in; when
    the server gets the CPU in between, its answer finds the IKE_SA "already processing", is dropped, and 4 s are lost (2 runs of 340).
    """
    started = charon("client")
    for process in started:
        os.sched_setscheduler(process, os.SCHED_FIFO, os.sched_param(1))
    return started


def start_server(host: HostPlan, plan: Plan) -> dict[int, str]:
    """charon, which answers IKE, and the twin, which decides what it answers."""
    return charon("server") | {spawn(["/usr/bin/python3", "-S", "-E", f"{CODE}/lab/twin/launch.py"], "twin"): "twin"}


def start_dns(host: HostPlan, plan: Plan) -> dict[int, str]:
    """Dnsmasq with the names of the lab."""
    listen = host["addresses"]["wan"].split("/")[0]
    names = [f"--address=/{name}/{address}" for name, address in plan["names"].items()]
    return {spawn(["/usr/sbin/dnsmasq", "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=/run/lab/dnsmasq.pid",
                   "--bind-interfaces", f"--listen-address={listen}", "--log-queries", f"--log-facility={LOG}/dnsmasq.log",
                   *names], "dnsmasq.out"): "dnsmasq"}


def start_nat(host: HostPlan, plan: Plan) -> dict[int, str]:
    """A router that masquerades: the kernel does it. By iptables-legacy, since the guest's kernel has no nf_tables for IPv4.

    The table raw is loaded so that it comes before conntrack puts IP fragments together again: a fault that discards them (lab/faults.py)
    would never match behind it. A machine whose kernel has none of these tables carries its other hosts all the same.
    """
    with contextlib.suppress(FileNotFoundError):  # a kernel without modules needs no kmod
        os.waitpid(spawn(["/sbin/modprobe", "iptable_raw", "raw_before_defrag=1"], "modprobe"), 0)  # its status means nothing: it may be built in
    write("/run/lab/nat.rules", NAT_RULES)
    taken = os.path.exists(IPTABLES_RESTORE) and os.waitpid(spawn([IPTABLES_RESTORE, "/run/lab/nat.rules"], "nat"), 0)[1] == 0
    write("/proc/sys/net/ipv4/ip_forward", "1")
    write(NAT_READY, NAT_MASQUERADES if taken else "")
    return {}


def start_nothing(host: HostPlan, plan: Plan) -> dict[int, str]:
    """A host without daemons: its services are the probe's."""
    return {}


ROLES = {"client": start_client, "server": start_server, "dns": start_dns, "nat": start_nat, "lan": start_nothing, "observer": start_nothing}


class FirstProcess:
    """pid 1 of a host."""

    def __init__(self, host: HostPlan, plan: Plan) -> None:
        self.host, self.plan = host, plan
        self.started = False
        self.daemons: dict[int, str] = {}

    def run(self, go: int) -> None:
        """Wait for the wires, then serve until the guest ends."""
        if not os.read(go, 1):
            return
        write("/run/lab/sshd_config", SSHD_CONFIG)
        ssh = None
        if self.host["role"] != "server" and "mgmt" in self.host["addresses"]:  # the server is Windows: WinRM only
            ssh = socket.create_server((self.host["addresses"]["mgmt"].split("/")[0], 22), backlog=16)
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        if self.host["start"] == "boot":
            self.start()
        sources = [go, wake_read, *([ssh.fileno()] if ssh else [])]
        while True:
            for ready in select.select(sources, [], [])[0]:
                if ssh and ready == ssh.fileno():
                    connection, _ = ssh.accept()
                    with connection:
                        spawn(["/usr/sbin/sshd", "-i", "-f", "/run/lab/sshd_config", "-E", f"{LOG}/sshd.log"], "sshd",
                              connection.fileno())
                elif ready == go:
                    self.command(go)
                else:
                    os.read(wake_read, 512)
                    self.reap()

    def command(self, go: int) -> None:
        """A byte from the control line: start the daemons."""
        if not os.read(go, 1):
            os._exit(0)
        self.start()

    def start(self) -> None:
        """Start the role's daemons, once."""
        if not self.started:
            self.started = True
            self.daemons = ROLES[self.host["role"]](self.host, self.plan)

    def reap(self) -> None:
        """Collect ended processes; a daemon that ends is told on the console."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if name := self.daemons.pop(pid, None):
                with contextlib.suppress(OSError), open("/dev/console", "w") as console:  # a machine of one's own may have none
                    console.write("".join(f"{self.host['name']}/{name}.log: {line}\n" for line in last_lines(f"{LOG}/{name}.log")))
                    console.write(f"@died {self.host['name']} {name} {os.waitstatus_to_exitcode(status)}\n")
