"""The resident process: JSON requests on standard input, JSON answers on standard output, one per line.

    {"id": 1, "op": "ping", "args": {…}}   ->   {"id": 1, "ok": …}  or  {"id": 1, "error": "…", "type": "…"}

Requests run at the same time, a thread each. A stream (capture, follow) sends {"id": 1, "event": …} until it is stopped. It ends
when its input ends.
"""

from __future__ import annotations

import sys

sys.path[:0] = ["/run/lab/code", "/usr/local/lib/python3.13/dist-packages"]
sys.pycache_prefix = "/run/lab/pyc"

import json  # noqa: E402
import os  # noqa: E402
import threading  # noqa: E402
from importlib.util import find_spec  # noqa: E402

from lab.probe.agent import dial, path, reach, state  # noqa: E402
from lab.probe.agent.capture import Capture  # noqa: E402
from lab.probe.agent.files import Follow, read_file, write_file  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from lab.probe.agent import ike
    from lab.wire.vici import Vici


MANAGEMENT = "management"
"""Name by which a capture asks for the interface of the machine's way in, whatever it is called there."""


class Agent:
    """The operations, and what they keep open."""

    def __init__(self) -> None:
        self._output = threading.Lock()
        self._kept: dict[int, Capture | Follow | reach.Service] = {}
        self._vici: Vici | None = None
        self._vici_lock = threading.Lock()
        self._ike: ModuleType | None = None
        self.operations: dict[str, Callable[..., object]] = {
            "hello": lambda: {"pid": os.getpid(), "python": sys.version.split()[0]},
            "ping": reach.ping, "ask": reach.ask, "connects": reach.connects, "arp": reach.arp, "resolve": reach.resolve,
            "facts": state.facts, "route": state.change_route, "forget_neighbours": state.forget_neighbours,
            "dial": dial.dial, "hang_up": dial.hang_up, "inform": dial.inform, "read": read_file, "write": write_file, "vici": self.vici, "control": self.control,
            "has_ike": self.has_ike, "ike_connect": self.ike_connect, "ike_disconnect": self.ike_disconnect, "ike_is_up": self.ike_is_up,
            "masquerades": path.masquerades, "change_rules": path.change_rules, "rule_hits": path.rule_hits, "delay": path.delay,
            "delayed": path.delayed,
            "serve": self.serve, "capture": self.capture, "follow": self.follow, "sync": self.sync, "stop": self.stop,
        }

    def say(self, fact: dict[str, object]) -> None:
        """Write one line."""
        data = json.dumps(fact, separators=(",", ":")).encode() + b"\n"
        with self._output:
            while data:
                data = data[os.write(1, data):]

    # -- operations that keep something open --------------------------------------------------------------------------

    def capture(self, interface: str, identifier: int) -> None:
        """Begin to stream packets; returns when the first can be seen."""
        if interface == MANAGEMENT:
            from lab.probe.agent.way_in import interface_of_way_in  # noqa: PLC0415 - only machines of their own need it

            interface = interface_of_way_in()
        self._kept[identifier] = Capture(interface, lambda event: self.say({"id": identifier, "event": event}))

    def follow(self, path: str, identifier: int) -> None:
        """Begin to stream a file that grows."""
        self._kept[identifier] = Follow(path, lambda event: self.say({"id": identifier, "event": event}))

    def serve(self, port: int, prefix: str, device: str | None, identifier: int) -> None:
        """Begin to answer on a port."""
        self._kept[identifier] = reach.Service(port, prefix.encode(), device)

    def sync(self, stream: int) -> object:
        """Return after a stream has delivered all that there is."""
        kept = self._kept[stream]
        return kept.sync() if not isinstance(kept, reach.Service) else None

    def stop(self, stream: int) -> object:
        """End a stream or a service."""
        kept = self._kept.pop(stream)
        return kept.close() if isinstance(kept, reach.Service) else kept.stop()

    # -- charon -------------------------------------------------------------------------------------------------------

    def _charon(self) -> Vici:
        from lab.wire.vici import Vici  # noqa: PLC0415 - hosts without charon need not pay for it

        if self._vici is None:
            self._vici = Vici()
        return self._vici

    def vici(self, command: str, message: dict[str, object] | None) -> object:
        """Send a vici command."""
        with self._vici_lock:
            return self._charon().request(command, message)

    def control(self, command: str, message: dict[str, object]) -> object:
        """Send a vici command that takes its time and logs."""
        with self._vici_lock:
            error, lines = self._charon().control(command, message)
        return {"error": error, "log": lines}

    # -- our own initiator: hosts that do not ask for it need not pay for its libraries -----------------------------------

    @staticmethod
    def has_ike() -> bool:
        """Whether this host has what our own initiator needs."""
        return all(find_spec(name) is not None for name in ("cryptography", "lab.ike"))

    def ike_connect(self, request: ike.Request, timeout: float) -> object:
        """Connect by our own initiator."""
        from lab.probe.agent import ike  # noqa: PLC0415

        self._ike = ike
        return ike.connect(request, timeout)

    def ike_disconnect(self) -> None:
        """End its connection; idempotent."""
        if self._ike is not None:
            self._ike.disconnect()

    def ike_is_up(self) -> bool:
        """Whether its connection is there."""
        return self._ike is not None and self._ike.is_up()

    # -- the loop -----------------------------------------------------------------------------------------------------

    def handle(self, request: dict[str, object]) -> None:
        """Carry out one request; whatever goes wrong is an answer."""
        identifier, operation, arguments = request["id"], str(request["op"]), request["args"]
        assert isinstance(arguments, dict)
        if operation in ("capture", "follow", "serve"):
            arguments["identifier"] = identifier
        try:
            self.say({"id": identifier, "ok": self.operations[operation](**arguments)})
        except Exception as error:
            self.say({"id": identifier, "error": str(error), "type": type(error).__name__})

    def run(self) -> None:
        """Serve until the input ends."""
        for line in sys.stdin.buffer:
            threading.Thread(target=self.handle, args=(json.loads(line),), daemon=True).start()


if __name__ == "__main__":
    Agent().run()
