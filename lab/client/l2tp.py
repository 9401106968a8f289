"""Connecting by L2TP over IPsec as macOS does: main and quick mode, then L2TP and PPP inside, then routes; and taking it all back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from cryptography import x509

from lab import budgets
from lab.client import ikev1_refusal, l2tp_config
from lab.client.charon import forget
from lab.client.connection import Refused
from lab.client.ikev1_refusal import why_ipsec_failed
from lab.client.l2tp_profile import L2TP, MachineCertificate
from lab.client.names import server_address
from lab.client.routes import RoutedTunnel
from lab.client.sas import IkeSa, only_sa
from lab.client.shown import certificate_shown
from lab.errors import CommandFailed
from lab.ike import trust
from lab.probe.probe import Control, Probe
from lab.waiting import stretched

FREE_PORTS = range(49152, 65536)
"""macOS's ephemeral ports."""
CLOSED = re.compile(r"Connection closed to [^(]*\((.*)\)")
ENDED = re.compile(r"LCP terminated by peer \((.*)\)")
RAS_ERROR = re.compile(r"\bE=(\d+)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """The outcome of L2TP and PPP."""

    up: bool
    interface: str
    """PPP's, on the client."""
    address: str
    """Inner address; empty if none was given."""
    log: tuple[str, ...]
    """Lines of xl2tpd and pppd."""


class L2tpTunnel(RoutedTunnel):
    """A connection by L2TP; its interface is PPP's."""

    def __init__(self, mac: L2tpMac, profile: L2TP, dialled: Dialled, *, port: int) -> None:
        super().__init__(mac.probe, IPv4Address(dialled.address), dialled.interface)
        self._mac, self.profile = mac, profile
        self.log = dialled.log
        """What xl2tpd and pppd said while it came up."""
        self.port = port
        """Its own UDP port."""

    @property
    def user(self) -> str:
        """What the server's report calls this client: the account."""
        return self.profile.account

    def sa(self) -> IkeSa:
        """Return the IKE SA with its child and PPP's address. Raises ControlCheckFailed when there is not exactly one of each."""
        return replace(only_sa(self.probe), inner_addresses=(self.inner_address,))

    def disconnect(self) -> None:
        """End it; idempotent. PPP, L2TP, SAs and credentials go, and the routes with PPP's interface."""
        self._mac.clear()


class L2tpMac:
    """A client host as a Mac, for VPN Type "L2TP over IPSec"."""

    def __init__(self, probe: Probe, *, roots: Sequence[x509.Certificate] = (), dns: str | None = None) -> None:
        self.probe, self._roots, self._dns = probe, list(roots), dns

    def connect(self, profile: L2TP) -> L2tpTunnel:
        """Connect.

        Raises:
            ProfileRefused: before any packet.
            Refused: one end refused; says which and why.
        """
        profile.check()
        address = server_address(profile.server_address, self.probe, self._dns, hosts=self.probe.read_file("/etc/hosts"))
        self.clear()
        port = secrets.choice(FREE_PORTS)
        try:
            self._protect(profile, address, port)
            tunnel = L2tpTunnel(self, profile, self._dial(profile, address, port), port=port)
            tunnel.add_routes(send_all_traffic=profile.send_all_traffic)
            if not profile.send_all_traffic:
                self.probe.ask("inform", interface=tunnel.interface, address=str(tunnel.inner_address))
        except BaseException:
            self.clear()
            raise
        return tunnel

    def _protect(self, profile: L2TP, address: str, port: int) -> None:
        for command, message in l2tp_config.credentials(profile, ikev1_refusal.loadable(self._roots)):
            self.probe.vici(command, message)
        self.probe.vici("load_conn", l2tp_config.connection(profile, address, port=port))
        if isinstance(profile.machine, MachineCertificate):  # macOS judges the server's certificate at the end of main mode
            done = self._initiate({"ike": l2tp_config.CONNECTION})
            if done.error:
                raise ikev1_refusal.why_main_mode_failed(done, self._roots)
            shown = certificate_shown(self.probe, done.log)
            if problem := trust.evaluate(shown, self._roots, profile.server_address, policy=trust.Policy.IPSEC):
                raise Refused("client", problem, log=done.log)
        done = self._initiate({"child": l2tp_config.CHILD, "ike": l2tp_config.CONNECTION})
        if done.error:
            raise why_ipsec_failed(done)

    def _initiate(self, what: Mapping[str, str]) -> Control:
        return self.probe.vici_control("initiate", {**what, "timeout": str(int(budgets.MAIN_MODE_PATIENCE * 1000)), "loglevel": "1"})

    def _dial(self, profile: L2TP, address: str, port: int) -> Dialled:
        files = {"xl2tpd.conf": l2tp_config.xl2tpd(address, port=port), "options": l2tp_config.ppp_options(profile)}
        answer = self.probe.ask("dial", files=files, timeout=stretched(budgets.PPP_PATIENCE),
                                budget=budgets.PPP_PATIENCE + budgets.PROBE_ANSWER)
        if not isinstance(answer, Mapping):
            raise CommandFailed(f"{self.probe.host}: dial answered {answer!r} where an object was expected")
        lines = answer["log"]
        assert isinstance(lines, list)
        dialled = Dialled(up=bool(answer["up"]), interface=str(answer["interface"]), address=str(answer["local"]),
                          log=tuple(str(line) for line in lines))
        if not dialled.up:
            raise why_ppp_failed(dialled)
        return dialled

    def clear(self) -> None:
        """End whatever there is: PPP and L2TP first, then IPsec; and forget profile and secret."""
        self.probe.ask("hang_up")
        forget(self.probe, l2tp_config.CONNECTION)


def why_ppp_failed(dialled: Dialled) -> Refused:
    """Return the refusal that xl2tpd's and pppd's lines tell of."""
    errors = _ras_errors(dialled.log)
    if errors:
        return Refused("server", f"the user is refused: RAS error {errors[-1]}", notify=errors[-1], log=dialled.log)
    closed = [found[1] for line in dialled.log if (found := CLOSED.search(line))]
    if closed and not dialled.interface:
        return Refused("server", f"L2TP: {closed[-1] or 'no reason given'}", log=dialled.log)
    if not dialled.interface:
        return Refused("nobody", "L2TP: no answer from the server", log=dialled.log)
    words = [found[1] for line in dialled.log if (found := ENDED.search(line))]
    return Refused("server", f"PPP: {words[-1]}" if words else "PPP ended before it was up", log=dialled.log)


def _ras_errors(log: Sequence[str]) -> list[str]:
    """Return the error numbers of MS-CHAPv2 failures (RFC 2759, 6: E=691 and others are RAS errors)."""
    return [found[1] for line in log if "CHAP Failure" in line and (found := RAS_ERROR.search(line))]
