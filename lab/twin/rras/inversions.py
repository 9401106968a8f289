"""Inverted behaviours: for each entry of fidelity.yaml a twin that does the opposite. The tests mapped to it must turn red.

An inversion is a change of the effective configuration, or a quirk that the engine carries out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from lab.twin.rras.cisco import QUIRK as SERVES_CISCO
from lab.twin.rras.eap.settings import EapSettings
from lab.twin.rras.effective import Addresses, VpnServer
from lab.twin.rras.l2tp_config import L2tp
from lab.twin.rras.leases import Dhcp
from lab.twin.rras.policy import Policy, stock_policy
from lab.twin.windows.ias import EAP_PEAP, IAS_AUTH_EAP, IAS_AUTH_PEAP, AccessPolicy

Change = Callable[[VpnServer], VpnServer]
LITERAL_DEFAULTS = Policy(ike=("aes256-sha256-modp1024",), esp=("3des-sha256",), pfs="")


def _quirk(name: str) -> Change:
    return lambda server: replace(server, quirks=server.quirks | {name})


def _group_14_at_once(server: VpnServer) -> VpnServer:
    ike = tuple(one.replace("modp1024", "modp2048-modp1024") for one in server.policy.ike)
    return replace(server, policy=replace(server.policy, ike=ike))


def _no_stock_list(server: VpnServer) -> VpnServer:
    return replace(server, policy=LITERAL_DEFAULTS) if server.policy == stock_policy() else server


def _only_the_stock_list(server: VpnServer) -> VpnServer:
    return replace(server, policy=replace(stock_policy(), problems=server.policy.problems))


def _always_encapsulate(server: VpnServer) -> VpnServer:
    return _quirk("always-encapsulate")(_l2tp(lambda settings: replace(settings, encapsulates=True))(server))


def _addresses(change: Callable[[Addresses], Addresses]) -> Change:
    return lambda server: replace(server, addresses=change(server.addresses)) if isinstance(server.addresses, Addresses) else server


def _dhcp(change: Callable[[Dhcp], Dhcp]) -> Change:
    return lambda server: replace(server, addresses=change(server.addresses)) if isinstance(server.addresses, Dhcp) else server


def _first_for_a_client(server: VpnServer) -> VpnServer:
    static = _addresses(lambda pool: replace(pool, first=pool.own))(server)
    return _dhcp(lambda leased: replace(leased, takes_first=False))(static)


def _l2tp(change: Callable[[L2tp], L2tp]) -> Change:
    return lambda server: server if server.l2tp is None else replace(server, l2tp=change(server.l2tp))


def _eap(change: Callable[[EapSettings], EapSettings]) -> Change:
    return lambda server: replace(server, eap=change(server.eap))


def _allows(*, authentication: int | None = None, method: int | None = None) -> Change:
    """Allow EAP what ias.xml does not."""
    def change(settings: EapSettings) -> EapSettings:
        policy = settings.policy
        types, methods = ({one} if one is not None else set() for one in (authentication, method))
        return replace(settings, policy=AccessPolicy(authentication_types=policy.authentication_types | types, eap_types=policy.eap_types | methods))

    return _eap(change)


def _without_errors(settings: L2tp) -> L2tp:
    """Refuse who may not dial in as one whom nobody knows."""
    return replace(settings, users={name: password for name, password in settings.users.items() if name not in settings.refusals}, refusals={})


INVERSIONS: dict[str, Change] = {
    "flags-cert-required": lambda server: replace(server, certificates_allowed=True),
    "client-certificate-root": _quirk("trust-strangers"),
    "revocation-off-by-default": lambda server: replace(server, check_revocation=True),
    "revocation-certauthflags": lambda server: replace(server, check_revocation=False),
    "settings-count-from-the-start": _quirk("applies-at-once"),
    "policy-stock-list": _no_stock_list,
    "policy-custom-tuple": _only_the_stock_list,
    "policy-group-2": _group_14_at_once,
    "policy-out-of-range-logged": lambda server: replace(server, policy=replace(server.policy, problems=())),
    "policy-pfs-at-rekey": lambda server: replace(server, policy=replace(server.policy, pfs="")),
    "pool-static": _addresses(lambda pool: replace(pool, first=pool.first - 100)),
    "pool-server-takes-first": _first_for_a_client,
    "pool-exhausted": _addresses(lambda pool: replace(pool, last=pool.last + 20)),
    "pool-one-for-all": _quirk("pools-apart"),
    "dhcp-leases": lambda server: replace(server, addresses=None) if isinstance(server.addresses, Dhcp) else server,
    "dhcp-batch": _dhcp(lambda leased: replace(leased, batch=2)),
    "dhcp-identifier": _dhcp(lambda leased: replace(leased, mark=b"LAB ")),
    "dhcp-release": _dhcp(lambda leased: replace(leased, releases=False)),
    "autonet": _dhcp(lambda leased: replace(leased, falls_back=False)),
    "autonet-not-at-once": _dhcp(lambda leased: replace(leased, patience=())),
    "address-failure-logged": _quirk("address-failure-unlogged"),
    "limit-wan-endpoints": lambda server: _l2tp(lambda settings: replace(settings, endpoints=3))(replace(server, wan_endpoints=99)),
    "limit-max-wan-endpoints": lambda server: replace(server, max_wan_endpoints=99),
    "routing-forwards": lambda server: replace(server, forwards=False),
    "routing-access-confined": lambda server: replace(server, forwards=True),
    "routing-protected": _quirk("forward-in-clear"),
    "routing-no-routes": _quirk("advertise-routes"),
    "arp-answers-for-clients": lambda server: replace(server, proxy_arp="nobody"),
    "arp-only-for-clients": lambda server: replace(server, proxy_arp="everybody"),
    "idle-timeout": lambda server: replace(server, liveness=replace(server.liveness, idle=None)),
    "blackout-time": lambda server: replace(server, liveness=replace(server.liveness, blackout=None)),
    "sa-lifetime": lambda server: replace(server, liveness=replace(server.liveness, lifetime=None)),
    "sa-data-size": lambda server: replace(server, liveness=replace(server.liveness, data_size=None)),
    "ikev2-no-shared-secret": _quirk("ikev2-takes-secrets"),
    "fragmentation-enabled": lambda server: replace(server, fragmentation=False),
    "fragmentation-off-by-default": lambda server: replace(server, fragmentation=True),
    "nat-traversal": _quirk("deaf-to-esp-in-udp"),
    "nat-only-where-there-is-one": _always_encapsulate,
    "l2tp-rule-gives-the-secret": _l2tp(lambda settings: replace(settings, secret=None)),
    "l2tp-one-secret-holds": _l2tp(lambda settings: replace(settings, takes_turns=True)),
    "l2tp-same-secret-twice": _l2tp(lambda settings: replace(settings, secret=None) if settings.others else settings),
    "ipsec-rules-count-at-once": _quirk("rules-from-the-start"),
    "ipsec-rules-catch-traffic": _quirk("rules-catch-nothing"),
    "l2tp-certificate-flag": _l2tp(lambda settings: replace(settings, certificates_allowed=True)),
    "root-without-basic-constraints": lambda server: replace(server, takes_any_root=False),
    "l2tp-server-preference": _l2tp(lambda settings: replace(settings, main_mode=settings.main_mode[::-1])),
    "l2tp-needs-ipsec": _l2tp(lambda settings: replace(settings, needs_ipsec=False)),
    "l2tp-ms-chap-v2": _l2tp(lambda settings: replace(settings, authentication="chap")),
    "l2tp-dial-in": _l2tp(lambda settings: replace(settings, refusals={})),
    "l2tp-refusal-errors": _l2tp(_without_errors),
    "l2tp-known-users": _l2tp(lambda settings: replace(settings, checks_names=False)),
    "eap-flag-required": _eap(lambda settings: replace(settings, allowed=True)),
    "eap-authentication-type": _allows(authentication=IAS_AUTH_EAP),
    "eap-peap-authentication-type": _allows(authentication=IAS_AUTH_PEAP),
    "eap-allowed-type": _allows(method=EAP_PEAP),
    "eap-component-missing-at-once": _quirk("eap-asks-without-program"),
    "eap-registered-program": _quirk("eap-program-of-the-start"),
    "eap-own-certificate": _quirk("eap-shows-a-stranger"),
    "eap-client-certificate-root": _quirk("eap-trusts-strangers"),
    "eap-accounts-asked": _quirk("eap-admits-anybody"),
    "eap-refusals-logged": _quirk("eap-refusals-unlogged"),
    "cisco-xauth-refused": _quirk(SERVES_CISCO),
    **{name: _quirk(name) for name in ("firewall-public-default", "firewall-original-profile", "firewall-block-wins", "firewall-stealth",
                                       "firewall-drops-reported")},  # the packet filter carries them out
    "misconfigured-answers": _quirk("silent-when-incomplete"),
    "stopped-service-answers": _quirk("silent-when-stopped"),
}
"""By id of the ledger's entry."""


def invert(server: VpnServer, ids: Iterable[str]) -> VpnServer:
    """Return the configuration with behaviours inverted. Raises KeyError for an unknown id."""
    for identifier in ids:
        server = INVERSIONS[identifier](server)
    return server
