"""The process that guarantees the end: nothing of a guest outlives its owner.

    python -m lab.embedded.uml.supervisor RUN-FOLDER

It makes the run's folder and its lock itself, so that there is no moment at which something exists and nobody guards it, and
takes its plan as one line of JSON from standard input. It starts slirp4netns and linux.uml, keeps the control line, passes the
console on, and waits for the first of: the owner is gone (end of file on standard input; a plan that is `detached` has no owner),
`down` on the control socket, SIGTERM, the end of either process, a guest that no longer answers. Then it kills both process
groups, reaps every descendant and removes the run folder.

Rules of this file: standard library only and one thread, so that it starts in milliseconds and can always act. It is a child
subreaper; slirp4netns and linux.uml fork, so both are ended as process groups (a guest's helper clones survive the death of its
main process and hold its pipes open). A kernel panic is abort() of linux.uml: exit by signal 6.

Standard output: one JSON object per line, {"event": "folder" | "console" | "ready" | "end", ...}. The control socket
(run folder/control.sock) takes one JSON request per line and answers each with one line; `down` and `advance` (the guest's clock) are
carried out here, all others by the guest.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

from lab.embedded.uml.clock import GuestClock
from lab.embedded.uml.console import reason_to_end
from lab.embedded.uml.groups import kill_group
from lab.embedded.uml.plan import Forward, Plan
from lab.embedded.uml.processes import start_guest, start_network

PR_SET_CHILD_SUBREAPER = 36
PIECE = 1500
"""Bytes per piece on the control line: it stalls for ever once about 4 KB are under way (kernel 6.12)."""
ACKNOWLEDGE = b"\x06"
BEAT_EVERY = 2.0
GRACE = 5.0
"""Seconds for killed processes to be reaped before the folder goes anyway."""


class Ended(Exception):
    """Why the guest ends, and what kind of end that is: died, timeout (it never got ready), busy (something is taken)."""

    def __init__(self, why: str, kind: str) -> None:
        self.why, self.kind = why, kind
        super().__init__(why)


class Client:
    """A connection to the control socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.buffer = connection, b""


class Supervisor:
    """One guest from start to end."""

    plan: Plan

    def __init__(self, run: Path) -> None:
        self.run, self.fresh = run, run.with_name(f".new-{run.name}")
        self.selector = selectors.DefaultSelector()
        self.line, self.guest_end = socket.socketpair()
        self.pending: deque[tuple[Client | None, bytes]] = deque()
        """Requests for the guest that wait, and who asked (None: the heartbeat)."""
        self.asked: tuple[Client | None, list[bytes]] | None = None
        """The request under way and its pieces that are not sent yet."""
        self.answer = b""
        self.is_ready = False
        self.born = self.heard = self.beat = time.monotonic()
        self.console_rest = b""
        self.had_no_room = False
        wake, self.signalled = socket.socketpair()
        self.signalled.setblocking(False)
        self.watch(wake.fileno(), lambda _: self.end("asked to end by a signal"))
        self.wake = wake

    # -- starting -------------------------------------------------------------------------------------------------

    def make_folder(self) -> None:
        """Make the run's folder; it gets its name when its lock is held."""
        self.fresh.mkdir(mode=0o700)
        self.lock = os.open(self.fresh / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        errors = os.open(self.fresh / "supervisor.err", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(errors, 2)
        os.close(errors)
        (self.fresh / "uml").mkdir()
        self.fresh.rename(self.run)
        self.say(event="folder")

    def await_plan(self) -> None:
        """Wait for the owner's plan; the owner goes on to hold standard input, unless the plan is detached."""
        received = b""

        def take(_: int) -> None:
            nonlocal received
            data = os.read(0, 1 << 16)
            if not data:
                self.end("owner gone")
            received += data

        self.watch(0, take)
        while not received.endswith(b"\n"):
            self.turn(BEAT_EVERY)
        self.selector.unregister(0)
        self.plan = json.loads(received)
        self.born = self.heard = self.beat = time.monotonic()
        if not self.plan["detached"]:
            self.watch(0, lambda _: self.owner_spoke())

    def start(self) -> None:
        """Start both processes and listen to everything."""
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # hostfs keeps one descriptor per cached inode
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self.log, self.daemons = os.open(self.plan["log"], flags, 0o600), os.open(self.plan["daemons"], flags, 0o600)
        wire = self.run / "wire"
        self.network = start_network(self.run, wire)
        self.watch(os.pidfd_open(self.network.pid), lambda _: self.end(self.how(self.network, "slirp4netns")))
        self.await_file(wire)
        read_end, write_end = os.pipe()
        logs_read, logs_write = os.pipe()
        self.clock = GuestClock(self.run / "clock")
        self.guest = start_guest(self.plan, self.run, self.clock, line=self.guest_end.fileno(), logs=logs_write, console=write_end)
        os.close(write_end)
        os.close(logs_write)
        self.guest_end.close()
        (self.run / "pids").write_text(f"{self.guest.pid} {self.network.pid}\n")
        os.set_blocking(read_end, False)
        os.set_blocking(logs_read, False)
        self.watch(read_end, self.read_console)
        self.watch(logs_read, self.read_daemons)
        self.watch(os.pidfd_open(self.guest.pid), lambda _: self.guest_ended(read_end, logs_read))
        self.line.setblocking(False)
        self.watch(self.line.fileno(), lambda _: self.read_line())
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(self.run / "control.sock"))
        server.listen()
        self.watch(server.fileno(), lambda _: self.accept(server))
        self.connected = False

    def watch(self, descriptor: int, act: object) -> None:
        """Call `act(descriptor)` whenever it is readable."""
        self.selector.register(descriptor, selectors.EVENT_READ, act)

    def await_file(self, path: Path) -> None:
        """Wait for a socket that slirp4netns makes; it sends no event and takes a few milliseconds."""
        while not path.exists():
            self.turn(0.002)

    def forward(self, entry: Forward) -> None:
        """Open one port of this machine. slirp4netns serves its API only once the guest's network device has connected."""
        with socket.socket(socket.AF_UNIX) as api:
            api.connect(str(self.run / "api"))
            arguments = {"proto": "tcp", "host_addr": "127.0.0.1", "host_port": entry["host_port"],
                         "guest_addr": entry["guest_address"], "guest_port": entry["guest_port"]}
            api.sendall(json.dumps({"execute": "add_hostfwd", "arguments": arguments}).encode())
            api.shutdown(socket.SHUT_WR)
            reply = api.recv(1000)
        if b'"return"' not in reply:
            self.end(f"port {entry['host_port']} of 127.0.0.1 is in use: {reply.decode(errors='replace').strip()}", "busy")

    # -- the loop -------------------------------------------------------------------------------------------------

    def turn(self, patience: float) -> None:
        """Wait for events once and act on them."""
        for key, _ in self.selector.select(patience):
            if key.fd in self.selector.get_map():
                key.data(key.fd)

    def serve(self) -> None:
        """Until something ends it."""
        while True:
            if not self.connected and (self.run / "api").exists():
                self.connected = True
                for entry in self.plan["forwards"]:
                    self.forward(entry)
            now = time.monotonic()
            if not self.is_ready and now - self.born > self.plan["boot"]:
                self.end(f"the guest was not ready after {self.plan['boot']:.0f} s", "timeout")
            if self.is_ready and now - self.beat > BEAT_EVERY:
                self.beat = now
                self.ask(None, b'{"op": "beat"}')
            if self.asked:  # what others ask for may take as long as a boot
                patience = self.plan["boot"] if self.asked[0] else self.plan["silence"]
                if now - self.heard > patience:
                    self.end(f"the guest hangs: no answer on its control line for {patience:.0f} s")
            self.turn(BEAT_EVERY if self.connected else 0.005)

    def end(self, why: str, kind: str = "died") -> None:
        """Leave the loop; `why` is reported to the owner."""
        raise Ended(why, kind)

    @staticmethod
    def how(process: subprocess.Popen[bytes], name: str) -> str:
        """Return the sentence that tells how a process ended."""
        code = process.wait()
        return f"{name} ended with exit code {code}" if code >= 0 else f"{name} was ended by {signal.Signals(-code).name}"

    def guest_ended(self, console: int, logs: int) -> None:
        """Take the last lines, then end."""
        with contextlib.suppress(Ended):
            self.read_console(console)
        self.read_daemons(logs)
        how = self.how(self.guest, "the guest")
        if self.guest.returncode == -signal.SIGABRT:
            room = f": {self.run.parent} had no room for its memory" if self.had_no_room else ""
            how += f" (a kernel panic{room})"
        self.end(how)

    def owner_spoke(self) -> None:
        """The owner never writes: readable means that it is gone."""
        if not os.read(0, 4096):
            self.end("owner gone")

    # -- console ----------------------------------------------------------------------------------------------------

    def read_console(self, descriptor: int) -> None:
        """Keep what the guest printed, and pass whole lines on."""
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            self.selector.unregister(descriptor)
            return
        os.write(self.log, data)
        *lines, self.console_rest = (self.console_rest + data).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            self.say(event="console", line=text, ms=round((time.monotonic() - self.born) * 1000))
            self.had_no_room |= "Kernel mode signal 7" in text  # SIGBUS: the file system of its memory file is full
            if why := reason_to_end(text, is_ready=self.is_ready):
                self.end(why)

    def read_daemons(self, descriptor: int) -> None:
        """Keep what the daemons logged."""
        with contextlib.suppress(BlockingIOError):
            if data := os.read(descriptor, 1 << 20):
                os.write(self.daemons, data.replace(b"\r\n", b"\n"))
            elif descriptor in self.selector.get_map():
                self.selector.unregister(descriptor)

    def say(self, **fact: object) -> None:
        """Tell the owner; a detached supervisor's output goes nowhere."""
        with contextlib.suppress(BrokenPipeError):
            os.write(1, json.dumps(fact).encode() + b"\n")

    # -- the control line ---------------------------------------------------------------------------------------------

    def ask(self, client: Client | None, request: bytes) -> None:
        """Queue a request for the guest."""
        self.pending.append((client, request))
        self.next_request()

    def next_request(self) -> None:
        """Begin the next request when none is under way."""
        if self.asked or not self.pending or not self.is_ready:
            return
        client, request = self.pending.popleft()
        pieces = [request[i:i + PIECE] for i in range(0, len(request), PIECE)]
        self.asked = (client, [b"+" + piece + b"\n" for piece in pieces[:-1]] + [b"." + pieces[-1] + b"\n"])
        self.heard = time.monotonic()
        self.next_piece()

    def next_piece(self) -> None:
        """Send the next piece of the request under way."""
        if self.asked and self.asked[1]:
            self.line.sendall(self.asked[1].pop(0))

    def read_line(self) -> None:
        """Take acknowledgements and answers."""
        data = self.line.recv(1 << 16)
        if not data:
            return
        self.heard = time.monotonic()
        while data[:1] == ACKNOWLEDGE:
            data = data[1:]
            self.next_piece()
        self.answer += data
        while b"\n" in self.answer:
            line, self.answer = self.answer.split(b"\n", 1)
            self.take(line)

    def take(self, line: bytes) -> None:
        """One line of the guest: that it is ready, or the answer to the request under way."""
        if not self.is_ready:
            self.is_ready = True
            self.say(event="ready", facts=json.loads(line), ms=round((time.monotonic() - self.born) * 1000))
            self.next_request()
            return
        client = self.asked[0] if self.asked else None
        self.asked = None
        if client:
            with contextlib.suppress(OSError):
                client.connection.sendall(line + b"\n")
        self.next_request()

    # -- the control socket -------------------------------------------------------------------------------------------

    def accept(self, server: socket.socket) -> None:
        """Take a new client of the control socket."""
        connection, _ = server.accept()
        client = Client(connection)
        self.watch(connection.fileno(), lambda _: self.read_client(client))

    def read_client(self, client: Client) -> None:
        """Take requests of a client."""
        try:
            data = client.connection.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(client.connection.fileno())
            client.connection.close()
            return
        client.buffer += data
        while b"\n" in client.buffer:
            request, client.buffer = client.buffer.split(b"\n", 1)
            asked = json.loads(request)
            if asked.get("op") == "down":
                self.end("asked to end")
            elif asked.get("op") == "advance":
                self.advance(client, asked["nanoseconds"])
            else:
                self.ask(client, request)

    def advance(self, client: Client, nanoseconds: int) -> None:
        """Move the guest's clock. Our own times, the heartbeat's among them, are this machine's and stay."""
        try:
            answer: dict[str, object] = {"ok": self.clock.advance(nanoseconds, self.guest.pid)}
        except ValueError as error:
            answer = {"error": str(error)}
        client.connection.sendall(json.dumps(answer).encode() + b"\n")

    # -- the end --------------------------------------------------------------------------------------------------------

    def finish(self, why: str, kind: str) -> None:
        """Kill, reap, remove."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # waited for below; not earlier, children inherit it
        for process in (getattr(self, "guest", None), getattr(self, "network", None)):
            if process is not None:
                kill_group(process.pid)
        deadline = time.monotonic() + GRACE
        with contextlib.suppress(ChildProcessError):
            while time.monotonic() < deadline:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    signal.sigtimedwait({signal.SIGCHLD}, 0.005)
        errors = ""
        with contextlib.suppress(OSError):
            errors = (self.run / "supervisor.err").read_text(errors="replace")
        for folder in (self.run, self.fresh):
            shutil.rmtree(folder, ignore_errors=True)
        self.say(event="end", why=why, kind=kind, errors=errors)


def main() -> int:
    """Supervise the run named on the command line."""
    supervisor = Supervisor(Path(sys.argv[1]))
    # A handler that raised could do so between the birth of a process and the moment at which we know it: the loop looks instead.
    signal.set_wakeup_fd(supervisor.signalled.fileno(), warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner; it ends us by going
    why, kind = "the supervisor failed", "died"
    try:
        supervisor.make_folder()
        supervisor.await_plan()
        supervisor.start()
        supervisor.serve()
    except Ended as reason:
        why, kind = reason.why, reason.kind
    except Exception as error:  # noqa: BLE001 - told to the owner, then everything is ended
        why = f"the supervisor failed: {type(error).__name__}: {error}"
    finally:
        supervisor.finish(why, kind)
    return 0


if __name__ == "__main__":
    os._exit(main())  # at once: the end of file on its control socket tells others that nothing is left
