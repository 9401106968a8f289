"""The machine: everything that a stock Windows 10 has as far as its VPN server is concerned.

Defaults of RemoteAccess are those of a public registry export of a client Windows (Windows 7 SP1; to be checked on Windows 10)
and of [MS-RRASM] 2.2.3; each is marked in lab/twin/fidelity.yaml.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.twin.windows.certificates import Stores
from lab.twin.windows.clock import Clock
from lab.twin.windows.csharp import CSharp
from lab.twin.windows.events import EventLog
from lab.twin.windows.files import PROXY_FILE, Files
from lab.twin.windows.firewall import Firewall
from lab.twin.windows.ias import IAS_XML, stock_policy
from lab.twin.windows.ipsec import IPsec
from lab.twin.windows.network import Network
from lab.twin.windows.programs import Programs
from lab.twin.windows.registry import Kind, Registry
from lab.twin.windows.rights import FileRights
from lab.twin.windows.services import Service, Services, StartType
from lab.twin.windows.users import Accounts

TWIN = r"SOFTWARE\IncomingConnectionsLab"
"""A key that no Windows has, with the value Twin: by it a report tells a twin from Windows."""
SERVICE = r"SYSTEM\CurrentControlSet\Services\RemoteAccess"
PARAMETERS = SERVICE + r"\Parameters"
IP = PARAMETERS + r"\Ip"
POOL = IP + r"\StaticAddressPool"
IKEV2 = PARAMETERS + r"\IKEV2"
POLICY = IKEV2 + r"\IKEv2CustomPolicy"
CLASS = r"SYSTEM\CurrentControlSet\Control\Class\{4D36E972-E325-11CE-BFC1-08002BE10318}"
MINIPORTS = {"ms_sstpminiport": "WAN Miniport (SSTP)", "ms_agilevpnminiport": "WAN Miniport (IKEv2)",
             "ms_l2tpminiport": "WAN Miniport (L2TP)", "ms_pptpminiport": "WAN Miniport (PPTP)"}
EAP_INTERFACE = r"SOFTWARE\Classes\Interface\{5A8371A3-0C6D-487B-B3C8-46D785C4C940}"
"""IEapHostAuthenticatorSessionApis. That a Windows 10 has a proxy for it is inferred: the article's own out-of-process server could be called
there. The proxy's class and file are ours: nobody has told theirs."""
EAP_PROXY = "{5A8371A3-0C6D-487B-B3C8-46D785C4C940}"
STOCK_SERVER_FLAGS = 0x00802602
"""MPPC, LCP extensions, Multilink, BACP, MS-CHAPv2: neither EAP nor CERT."""
STOCK_IKEV2 = {"idleTimeout": 300, "networkBlackoutTime": 1800, "saLifeTime": 28800, "saDataSize": 102400, "ConfigOptions": 0}


@dataclass(slots=True)
class Connection:
    """A VPN connection as RRAS reports it."""

    user: str
    """Identity of the client: for certificates its name."""
    client: str
    """Outer address."""
    address: str
    """Inner address."""
    tunnel_type: str = "IKEv2"


@dataclass(slots=True)
class Ras:
    """What RRAS reports of itself."""

    connections: list[Connection] = field(default_factory=list)


@dataclass
class Machine:
    """A Windows 10 host."""

    computer_name: str = "WIN10VPN"
    build: str = "19045"
    registry: Registry = field(default_factory=Registry)
    services: Services = field(default_factory=Services)
    certificates: Stores = field(default_factory=Stores)
    """LocalMachine's."""
    user_certificates: Stores = field(default_factory=Stores)
    """CurrentUser's: of whoever runs the scripts."""
    events: EventLog = field(default_factory=EventLog)
    programs: Programs = field(default_factory=Programs)
    """Programs that run, of those that scripts have brought."""
    rights: FileRights = field(default_factory=FileRights)
    """Who owns files, and who may do what with them."""
    files: Files = field(default_factory=Files)
    """Drive C:, as far as scripts see it."""
    csharp: CSharp = field(default_factory=CSharp)
    """The compiler: not Windows' state, so a reset leaves it as it is."""
    ras: Ras = field(default_factory=Ras)
    boot_time: str = ""
    firewall: Firewall = field(default_factory=Firewall)
    firewall_changed: Callable[[], None] = lambda: None
    """Called after each change of rules or profiles; puts them in force. Raises OSError."""
    ipsec: IPsec = field(default_factory=IPsec)
    accounts: Accounts = field(default_factory=Accounts.stock)
    network: Network = field(default_factory=Network)
    """Adapters of the real machine: a reset leaves them as they are."""
    clock: Clock | None = None
    """None: the time is not the twin's to set."""
    main_mode: Callable[[], list[str]] = list
    """Returns a name for every main mode association that there is; a machine without IKE has none."""

    @classmethod
    def stock(cls, computer_name: str = "WIN10VPN") -> Machine:
        """Return a Windows 10 on which nothing has been configured."""
        machine = cls(computer_name=computer_name)
        machine.reset()
        return machine

    def reset(self) -> None:
        """Make it as new. Controllers of services stay attached; what they do is first brought to what it is on a stock machine."""
        controllers = {service.name: service.controller for service in self.services.by_name.values()}
        for stock in _stock_services():
            service = self.services.find(stock.name)
            if service is not None:
                (self.services.start if stock.running else self.services.stop)(service)
        self.registry, self.services, self.certificates = Registry(), Services(), Stores()
        self.user_certificates = Stores()
        self.programs.stop_all()
        self.events, self.ras, self.firewall = EventLog(), Ras(), Firewall()
        self.rights = FileRights.stock(IAS_XML)
        self.files = Files(self.programs.uses, self.rights)
        self.files[IAS_XML.lower()] = stock_policy()
        self.ipsec, self.accounts = IPsec(), Accounts.stock()
        self.network.forget_categories()
        _fill_registry(self.registry)
        for service in _stock_services():
            service.controller = controllers.get(service.name)
            self.services.add(service)
        self.firewall_changed()

    def facts(self) -> dict[str, object]:
        """Return the state that tests compare, as plain values."""
        return {
            "registry": self.registry.dump(PARAMETERS),
            "miniports": {key: self.registry.dump(f"{CLASS}\\{key}") for key in self.registry.subkeys(CLASS)},
            "services": {one.name: ["Running" if one.running else "Stopped", one.start_type.value]
                         for one in self.services.by_name.values()},
            "certificates": {name: sorted(one.thumbprint for one in content) for name, content in self.certificates.by_name.items()},
            "user_certificates": {name: sorted(one.thumbprint for one in content) for name, content in self.user_certificates.by_name.items()},
            "key_files": sorted(self.certificates.key_files | self.user_certificates.key_files),
            "revocation_lists": len(self.certificates.revocation_lists),
            "files": {path: [hashlib.sha256(content).hexdigest(), self.rights.sddl(path)] for path, content in sorted(self.files.items())},
            "folders": sorted(self.files.folders),
            "programs": sorted(one.path for one in self.programs.running()),
            "firewall": sorted(rule.name for rule in self.firewall.rules()),
            "ipsec": sorted([f"rule {rule.name}: {rule.display_name}" for rule in self.ipsec.rules()] + [f"set {one.name}" for one in self.ipsec.sets()]),
            "accounts": {one.name: [one.enabled, one.dial_in.value, one.description] for one in self.accounts.by_name.values()},
        }


def _fill_registry(registry: Registry) -> None:
    def numbers(path: str, **values: int) -> None:
        for name, value in values.items():
            registry.set(path, name, Kind.DWORD, value)

    numbers(TWIN, Twin=1)
    numbers(SERVICE, Start=4, ConfigurationFlags=0)
    numbers(PARAMETERS, ServerFlags=STOCK_SERVER_FLAGS, RouterType=7, LoggingFlags=2, QuarantineInstalled=1, UsersConfigured=0)
    numbers(IP, EnableIn=1, AllowNetworkAccess=1, UseDhcpAddressing=1, AllowClientIpAddresses=0, EnableNetbtBcastFwd=1, EnableRoute=1)
    registry.set(IP, "IpAddress", Kind.STRING, "0.0.0.0")
    numbers(IKEV2, **STOCK_IKEV2)
    registry.set(EAP_INTERFACE, "", Kind.STRING, "IEapHostAuthenticatorSessionApis")
    registry.set(f"{EAP_INTERFACE}\\ProxyStubClsid32", "", Kind.STRING, EAP_PROXY)
    registry.set(f"SOFTWARE\\Classes\\CLSID\\{EAP_PROXY}\\InprocServer32", "", Kind.EXPAND_STRING, PROXY_FILE.replace("C:\\Windows", "%SystemRoot%"))
    registry.create(r"SOFTWARE\Classes\AppID")
    for number, (component, description) in enumerate(MINIPORTS.items()):
        path = f"{CLASS}\\{number:04d}"
        registry.set(path, "ComponentId", Kind.STRING, component)
        registry.set(path, "DriverDesc", Kind.STRING, description)
        numbers(path, WanEndpoints=2, MaxWanEndpoints=3, MinWanEndpoints=0, EnableForRas=0, EnableForRouting=0, EnableForOutboundRouting=0)


def _stock_services() -> list[Service]:
    running = [("RpcSs", "Remote Procedure Call (RPC)"), ("BFE", "Base Filtering Engine"), ("mpssvc", "Windows Defender Firewall"),
               ("IKEEXT", "IKE and AuthIP IPsec Keying Modules"), ("PolicyAgent", "IPsec Policy Agent"), ("WinRM", "Windows Remote"
                " Management (WS-Management)"), ("EventLog", "Windows Event Log"), ("Dnscache", "DNS Client")]
    services = [Service(name, display, StartType.AUTOMATIC, running=True) for name, display in running]
    services += [
        Service("SstpSvc", "Secure Socket Tunneling Protocol Service", StartType.MANUAL),
        Service("RasMan", "Remote Access Connection Manager", StartType.AUTOMATIC, running=True, needs=("SstpSvc",)),
        Service("RemoteAccess", "Routing and Remote Access", StartType.DISABLED, needs=("RpcSs", "BFE", "RasMan")),
    ]
    return services
