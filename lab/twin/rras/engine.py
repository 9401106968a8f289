"""The engine: the service RemoteAccess. It applies the effective configuration when the service starts, not before, and takes
everything back when it stops; in between it follows charon's events.

Without it charon still answers (IKEEXT runs on every Windows): it has no connection and says NO_PROPOSAL_CHOSEN.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from lab.twin.rras import cisco, l2tp_config, messages
from lab.twin.rras.addressing import Addressing
from lab.twin.rras.charon_errors import NO_ADDRESS, errors
from lab.twin.rras.clients import SOURCE, ConnectedClients
from lab.twin.rras.eap.service import EapService
from lab.twin.rras.effective import VpnServer, effective, with_secrets
from lab.twin.rras.incoming import IncomingConnections
from lab.twin.rras.inversions import invert
from lab.twin.rras.ipsec_rules import RuleEnforcer, caught
from lab.twin.rras.kernel import Kernel
from lab.twin.rras.l2tp_config import L2tp, Session
from lab.twin.rras.l2tp_daemons import L2tpDaemons
from lab.twin.rras.liveness import DEFAULTS, retransmission
from lab.twin.rras.machine_authentication import MachineAuthentication
from lab.twin.rras.packet_filter import PacketFilter
from lab.twin.rras.policy import EVENT_OUT_OF_RANGE, UnknownPolicy
from lab.twin.windows.events import Level
from lab.twin.windows.machine import Connection, Machine
from lab.twin.windows.services import ServiceFailed
from lab.wire.vici import Vici, ViciRefused

log = logging.getLogger(__name__)

EVENT_STARTED, EVENT_REFUSED = 20103, 20255
"""20101 is documented; the texts and numbers of the others are not (the suite asserts none of them)."""
EVENT_NO_DHCP_SERVER = 20169
"""KB216805, with its text."""
ERROR_INNER_ADDRESS = "13899 (ERROR_IPSEC_IKE_INNER_IP_ASSIGNMENT_FAILURE)"
ERROR_NO_IP_ADDRESSES = "717 (ERROR_NO_IP_ADDRESSES)"
"""What RRAS fails with, for IKEv2 and for PPP; that the log of RemoteAccess names it is inferred."""
TERMINATE_MS = 2000
PATIENCE = Path("/run/lab/charon-patience.conf")
"""Included by strongswan.server.conf."""


class RrasEngine:
    """Controller of the service RemoteAccess."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        machine.main_mode = self._main_mode
        self._vici = Vici()
        self._kernel = Kernel()
        self._filter = PacketFilter(machine)
        self._clients = ConnectedClients(machine, self._kernel, self._filter)
        self._lock = threading.RLock()
        self._addressing = Addressing(self._kernel, machine.computer_name, self._lock, changed=self._addresses_came, nobody=self._no_dhcp_server,
                                      none_left=lambda: self._no_address(ERROR_NO_IP_ADDRESSES))
        self._l2tp = L2tpDaemons(self._l2tp_came, self._l2tp_gone)
        self._authentication = MachineAuthentication(self._vici)
        self._incoming = IncomingConnections(self._vici)
        self._eap = EapService(machine, self._refused)
        self._rules = RuleEnforcer()
        self._rules_catch = True
        self._server: VpnServer | None = None
        self._inverted: frozenset[str] = frozenset()
        self._strangers: list[bytes] = []
        self._silent_when_stopped = False
        self._patience = retransmission(DEFAULTS["networkBlackoutTime"])
        """Charon's settings in force: strongswan.server.conf has these until they are set otherwise."""
        machine.firewall_changed = self._filter.apply
        machine.ipsec.on_change = self._rules_changed
        for name, act in (("charon's events", self._follow), ("charon's errors", self._follow_errors), ("the first table", self._warm_up)):
            threading.Thread(target=act, name=name, daemon=True).start()

    def _warm_up(self) -> None:
        """Have the first table before it is needed: it loads the kernel's modules. What is wrong is told by the service's start."""
        with contextlib.suppress(OSError):
            self._filter.apply()

    def attach(self) -> None:
        """Speak to a charon that was started anew. Raises OSError."""
        self._vici = Vici()
        self._authentication, self._incoming = MachineAuthentication(self._vici), IncomingConnections(self._vici)
        self._addressing.attach()
        threading.Thread(target=self._follow, name="charon's events", daemon=True).start()
        threading.Thread(target=self._follow_errors, name="charon's errors", daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether a configuration is in force."""
        return self._server is not None

    @property
    def inverted(self) -> frozenset[str]:
        """Ids of inverted behaviours."""
        return self._inverted

    def set_inverted(self, ids: Iterable[str], strangers: Iterable[str] = ()) -> None:
        """Invert these behaviours from the next start on. Raises KeyError for an unknown id.

        Args:
            ids: of the ledger's entries.
            strangers: roots (PEM) that an inverted twin trusts although they are not in its store.
        """
        chosen = frozenset(ids)
        server = invert(effective(self._machine), chosen)
        self._silent_when_stopped, self._rules_catch = server.is_silent(running=False), "rules-catch-nothing" not in server.quirks
        self._inverted, self._strangers = chosen, [one.encode() for one in strangers]
        self._kernel.be_silent(silent=self._silent_when_stopped)
        self._filter.apply(chosen)
        self._machine.ipsec.on_change = self._rules_changed  # a machine that was reset has other rules
        self._enforce_rules()

    def _main_mode(self) -> list[str]:
        """Return the name of every IKE SA that is established, whichever connection it belongs to."""
        with self._lock:
            answers = self._vici.request("list_sas")
        return [name for answer in answers if isinstance(answer, dict) for name, sa in answer.items()
                if isinstance(sa, dict) and sa.get("state") == "ESTABLISHED"]

    # -- IPsec rules: services of their own apply them ------------------------------------------------------------------

    def _enforce_rules(self) -> None:
        self._rules.enforce(caught(self._machine.ipsec.rules()) if self._rules_catch else frozenset())

    def _rules_changed(self) -> None:
        with self._lock:
            self._enforce_rules()
            server = self._server
            if server is None or server.l2tp is None or "rules-from-the-start" in server.quirks:
                return
            now = invert(replace(server, l2tp=with_secrets(self._machine, server.l2tp)), self._inverted).l2tp
            assert now is not None
            settings = replace(server.l2tp, secret=now.secret, others=now.others)  # the rest as it was at the start
            self._server = replace(server, l2tp=settings)
            self._authentication.offer(settings)

    # -- the service --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Apply the configuration that the machine has now. Raises ServiceFailed."""
        with self._lock:
            try:
                server = invert(effective(self._machine), self._inverted)
            except UnknownPolicy as error:
                raise ServiceFailed(1066, f"not supported by the twin: {error}") from error
            for problem in (*server.policy.problems, *server.liveness.problems):
                self._machine.events.write(SOURCE, EVENT_OUT_OF_RANGE, Level.WARNING, f"A registry parameter is out of range: {problem}")
            self._server = server
            try:
                self._filter.apply()
                self._kernel.be_silent(silent=server.is_silent(running=True))
                if server.serves or server.l2tp:
                    self._kernel.apply(server)
                    self._addressing.open(server)
                if server.needs_certificates:
                    self._load_certificates(server)
                if server.serves:
                    self._apply(server)
                if server.l2tp:
                    self._apply_l2tp(server, server.l2tp)
            except (ViciRefused, OSError) as error:
                self.stop()
                raise ServiceFailed(1053, f"The service did not respond to the start request: {error}") from error
            self._machine.accounts.on_change = self._accounts_changed
            if "applies-at-once" in server.quirks:
                self._machine.registry.on_change = self._apply_at_once
            self._machine.events.write(SOURCE, EVENT_STARTED, Level.INFORMATION, "The service has started.")

    def _apply_at_once(self) -> None:
        self.stop()
        self.start()

    def _accounts_changed(self) -> None:
        """Heed accounts at once: they are no settings of the service, and Windows asks for one at every attempt."""
        with self._lock:
            settings = invert(effective(self._machine), self._inverted).l2tp
            if self._server is not None and self._server.l2tp and settings:
                self._l2tp.know_users(settings)

    def _load_certificates(self, server: VpnServer) -> None:
        for command, message in messages.certificate_messages(server):
            with self._tolerating_roots(command):
                self._vici.request(command, message)
        for stranger in self._strangers if "trust-strangers" in server.quirks else ():
            self._vici.request("load_cert", {"type": "X509", "flag": "CA", "data": stranger})

    def _apply(self, server: VpnServer) -> None:
        self._be_patient(retransmission(server.liveness.blackout))
        self._eap.start(server, self._vici, self._strangers)
        self._incoming.offer(server, self._addressing.pools)
        self._incoming.offer_by_secret(server, self._addressing.pools)

    def _be_patient(self, settings: str) -> None:
        """Set for how long charon repeats a request; a setting of the whole daemon, which it reads when an IKE SA begins."""
        if settings != self._patience:
            PATIENCE.write_text(settings)
            self._vici.request("reload_settings")
            self._patience = settings

    def _apply_l2tp(self, server: VpnServer, settings: L2tp) -> None:
        outer = self._kernel.outer_address
        if settings.needs_ipsec:
            self._vici.request("load_conn", l2tp_config.clear_message(outer))
        self._authentication.offer(settings)
        for command, message in cisco.cisco_messages(server, settings) if cisco.QUIRK in server.quirks else ():
            self._vici.request(command, message)
        self._l2tp.start(settings, self._addressing.own, outer)
        self._addressing.serve_ppp()

    @contextlib.contextmanager
    def _tolerating_roots(self, command: str) -> Iterator[None]:
        """A root that charon refuses (CA:FALSE) is left out, and logged."""
        try:
            yield
        except ViciRefused as error:
            if command != "load_cert":
                raise
            log.warning("charon refused a certificate: %s", error)

    def stop(self) -> None:
        """End every connection and take the configuration back."""
        with self._lock:
            self._l2tp.stop()  # first: its clients are told inside IPsec
            others = cisco.CONNECTIONS if self._server is not None and cisco.QUIRK in self._server.quirks else ()
            for name in (*messages.CLIENTS, messages.BY_SECRET, l2tp_config.CONNECTION, l2tp_config.BY_CERTIFICATE, *others):
                self._vici.control("terminate", {"ike": name, "timeout": str(TERMINATE_MS), "force": "yes", "loglevel": "-1"})
            self._incoming.withdraw()
            self._eap.stop()
            for command, message in (("uninstall", {"child": l2tp_config.CLEAR}), ("unload_conn", {"name": l2tp_config.CLEAR}),
                                     *(("unload_conn", {"name": name}) for name in others), *([("unload_pool", {"name": cisco.POOL})] if others else [])):
                with contextlib.suppress(ViciRefused):  # nothing was loaded
                    self._vici.request(command, message)
            self._authentication.withdraw()
            self._addressing.close()
            self._vici.request("clear_creds")
            self._vici.request("flush_certs", {})
            self._kernel.withdraw()
            self._enforce_rules()  # they were in the list that has just been emptied
            self._kernel.be_silent(silent=self._silent_when_stopped)
            self._machine.registry.on_change = None
            self._machine.accounts.on_change = None
            self._clients.clear()
            self._server = None

    # -- what happens meanwhile -----------------------------------------------------------------------------------------

    def _follow(self) -> None:
        events = Vici()
        with contextlib.suppress(OSError):  # charon has ended
            for name, content in events.listen(["ike-updown", "child-updown"]):
                if isinstance(content, dict) and name is not None:
                    try:
                        self._take(name, content)
                    except (OSError, ViciRefused):
                        log.exception("an event of charon could not be followed")

    def _take(self, name: str, content: Mapping[str, object]) -> None:
        up = content.get("up") == "yes"
        for connection, sa in content.items():
            with self._lock:
                if self._server is not None and isinstance(sa, dict):
                    if connection in messages.CLIENTS:
                        self._changed(name, sa, up=up)
                    elif connection == l2tp_config.CONNECTION and name == "ike-updown" and not up:
                        self._authentication.client_gone()

    def _changed(self, name: str, sa: Mapping[str, object], *, up: bool) -> None:
        assert self._server is not None
        inner = sa.get("remote-vips")
        address = str(inner[0]) if isinstance(inner, list) and inner else ""
        known = self._clients.with_address(address)
        if name == "child-updown" and up and address and known is None:
            user = str(sa.get("remote-eap-id") or sa.get("remote-id", ""))
            self._clients.came(Connection(user=user, client=str(sa.get("remote-host", "")), address=address), self._server)
        elif name == "ike-updown" and not up and known is not None:
            self._clients.gone(known)
        self._heed_limit()

    def _addresses_came(self, own: bool) -> None:
        """Addresses came from DHCP."""
        assert self._server is not None
        if own and self._server.l2tp:
            self._l2tp.know_address(self._server.l2tp, self._addressing.own)
        self._heed_limit()

    def _no_dhcp_server(self, own: IPv4Address) -> None:
        self._machine.events.write(SOURCE, EVENT_NO_DHCP_SERVER, Level.WARNING,
                                   f"Unable to contact a DHCP server. The Automatic Private IP Address {own} will be assigned to dial-in clients. "
                                   "Clients may be unable to access resources on the network.")

    def _follow_errors(self) -> None:
        for error in errors():
            if error.kind == NO_ADDRESS and error.connection in messages.CLIENTS:
                self._no_address(ERROR_INNER_ADDRESS)

    def _refused(self, why: str) -> None:
        self._machine.events.write(SOURCE, EVENT_REFUSED, Level.ERROR, why)

    def _no_address(self, code: str) -> None:
        server = self._server
        if server is not None and "address-failure-unlogged" not in server.quirks:
            self._refused(f"A connection could not be given an address: {code}.")

    def _l2tp_came(self, session: Session) -> None:
        with self._lock:
            if self._server is not None:
                self._clients.came(Connection(user=session.user, client="", address=session.address, tunnel_type="L2TP"), self._server)

    def _l2tp_gone(self, session: Session) -> None:
        self._addressing.released_by_ppp(IPv4Address(session.address))
        with self._lock:
            known = self._clients.with_address(session.address, "L2TP")
            if known is not None:
                self._clients.gone(known)

    def _heed_limit(self) -> None:
        """At the limit of connections the next one finds no address."""
        assert self._server is not None
        full = self._clients.count("IKEv2") >= self._server.connection_limit
        if self._server.serves:
            self._incoming.offer(self._server, self._addressing.pools, full=full)

