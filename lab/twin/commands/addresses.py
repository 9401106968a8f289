"""Get-, New-, Remove-NetIPAddress; Get-, Set-NetIPInterface; Get-NetRoute for default routes. IPv4 only: what would show IPv6 too is refused.

Source: MicrosoftDocs/windows-powershell-docs, module NetTCPIP. A new address is written to both stores, so New-NetIPAddress returns two
objects; adding one ends DHCP (documented).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, NetmaskValueError

from lab.twin.commands.cim import CIM_INSTANCE, carried_out, chosen_value, enumeration, handles, not_found, only_one_way, system_error
from lab.twin.commands.network import adapters_of, by_alias_or_index
from lab.twin.commands.services import machine_of
from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.numbers import Byte, UInt32
from lab.twin.powershell.registry import Call, cmdlet
from lab.twin.powershell.values import PSObject
from lab.twin.windows.network import ERROR_INVALID_PARAMETER, ERROR_NOT_FOUND, Adapter, Address

ADDRESS, INTERFACE, ROUTE = "MSFT_NetIPAddress", "MSFT_NetIPInterface", "MSFT_NetRoute"
EVERYWHERE = "0.0.0.0/0"
FAMILIES, SWITCH = {"IPv4": 2, "IPv6": 23}, {"Disabled": 0, "Enabled": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An address, and the adapter that has it; none: the loopback interface."""

    adapter: Adapter | None
    address: Address

    @property
    def alias(self) -> str:
        """The interface's name."""
        return self.adapter.name if self.adapter else "Loopback Pseudo-Interface 1"

    @property
    def index(self) -> int:
        """The interface's index; that of loopback is 1."""
        return self.adapter.nic.index if self.adapter else 1


LOOPBACK = Held(adapter=None, address=Address(interface=IPv4Interface("127.0.0.1/8")))


def as_object(held: Held, *, store: str = "ActiveStore") -> PSObject:
    """Return an address as Get-NetIPAddress shows it."""
    origin = ("WellKnown", 2) if held.adapter is None else ("Dhcp", 3) if held.address.leased else ("Manual", 1)
    return PSObject(
        [("IPAddress", str(held.address.ip)), ("IPv4Address", str(held.address.ip)), ("InterfaceIndex", UInt32(held.index)), ("ifIndex", UInt32(held.index)),
         ("InterfaceAlias", held.alias), ("AddressFamily", enumeration("IPv4", FAMILIES["IPv4"], "NetIPAddress.AddressFamily")),
         ("PrefixLength", Byte(held.address.interface.network.prefixlen)), ("PrefixOrigin", enumeration(*origin, "NetIPAddress.PrefixOrigin")),
         ("SuffixOrigin", enumeration(*origin, "NetIPAddress.SuffixOrigin")),
         ("AddressState", enumeration("Preferred", 4, "NetIPAddress.AddressState")), ("SkipAsSource", False), ("PolicyStore", store)],
        type_name=f"{CIM_INSTANCE}#ROOT/StandardCimv2/{ADDRESS}", handle=held, view=("IPAddress", "InterfaceAlias", "PrefixLength"))


def _only_ipv4(call: Call) -> None:
    if not call.has("AddressFamily") or chosen_value(call, "AddressFamily", FAMILIES) != "IPv4":
        raise NotSupportedByTwin(f"{call.name} without -AddressFamily IPv4 (Windows has IPv6 addresses too)")


def _ipv4(call: Call, text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except AddressValueError:
        raise NotSupportedByTwin(f"{call.name} of {text}, which is no IPv4 address") from None


def selected(call: Call) -> list[Held]:
    """Return the addresses that -IPAddress, -InterfaceAlias and -InterfaceIndex name together. Raises PowerShellError if there is none."""
    if not call.has("IPAddress"):
        _only_ipv4(call)
    found = [LOOPBACK, *(Held(adapter=adapter, address=address) for adapter in adapters_of(call) for address in adapter.nic.addresses)]
    given: list[tuple[str, object]] = []
    if call.has("IPAddress"):
        wanted = [_ipv4(call, text) for text in call.strings("IPAddress")]
        found = [one for one in found if one.address.ip in wanted]
        given += [("IPAddress", one) for one in call.strings("IPAddress")]
    if call.has("InterfaceIndex") or call.has("InterfaceAlias"):
        asked = "InterfaceIndex" if call.has("InterfaceIndex") else "InterfaceAlias"
        only_one_way(call, "InterfaceIndex", "InterfaceAlias")
        names = [one.lower() for one in call.strings(asked)]
        found = [one for one in found if str(one.index if asked == "InterfaceIndex" else one.alias).lower() in names]
        given += [(asked, one) for one in call.strings(asked)]
    if call.has("AddressFamily"):
        given.append(("AddressFamily", FAMILIES[chosen_value(call, "AddressFamily", FAMILIES)]))
    if given and not found:
        raise not_found(call, ADDRESS, given)
    return found


SELECTORS = "[string[]] IPAddress @0, [string[]] InterfaceAlias, [uint32[]] InterfaceIndex, [string] AddressFamily"


@cmdlet("Get-NetIPAddress", SELECTORS)
def get_net_ip_address(call: Call) -> Iterator[object]:
    """Addresses by value, adapter and family."""
    yield from (as_object(one) for one in selected(call))


@cmdlet("New-NetIPAddress", "[string] IPAddress @0 mandatory, [string] InterfaceAlias, [uint32] InterfaceIndex, [byte] PrefixLength mandatory,"
        " [string] AddressFamily")
def new_net_ip_address(call: Call) -> Iterator[object]:
    """Give an adapter a static address. Without a prefix length Windows would take 32, which nobody means: it must be given here."""
    only_one_way(call, "InterfaceAlias", "InterfaceIndex")
    if call.has("AddressFamily"):
        _only_ipv4(call)
    way = "InterfaceIndex" if call.has("InterfaceIndex") else "InterfaceAlias"
    adapter = next((one for one in adapters_of(call)
                    if call.text(way).lower() == str(one.nic.index if way == "InterfaceIndex" else one.name).lower()), None)
    if adapter is None:
        raise system_error(call, ERROR_NOT_FOUND, "Element not found.", of=ADDRESS)
    try:
        address = IPv4Interface(f"{_ipv4(call, call.text('IPAddress'))}/{call.text('PrefixLength')}")
    except NetmaskValueError:
        raise system_error(call, ERROR_INVALID_PARAMETER, "The parameter is incorrect.", of=ADDRESS) from None
    if carried_out(call, partial(machine_of(call).network.add, adapter, address), of=ADDRESS):
        for store in ("ActiveStore", "PersistentStore"):
            yield as_object(Held(adapter=adapter, address=Address(interface=address)), store=store)


@cmdlet("Remove-NetIPAddress", f"{SELECTORS}, [object[]] InputObject pipeline")
def remove_net_ip_address(call: Call) -> Iterable[object]:
    """Take addresses away. Windows asks first, so -Confirm:$false is needed; without a selector it would take away all."""
    if not call.has("Confirm"):
        raise NotSupportedByTwin("Remove-NetIPAddress without -Confirm:$false (Windows asks)")
    if not any(call.has(name) for name in ("IPAddress", "InterfaceAlias", "InterfaceIndex", "InputObject")):
        raise NotSupportedByTwin("Remove-NetIPAddress without a selector (it would remove every address)")
    for held in handles(call, Held) if call.has("InputObject") else selected(call):
        if held.adapter is None:
            raise NotSupportedByTwin("Remove-NetIPAddress of the loopback address")
        carried_out(call, partial(machine_of(call).network.delete, held.adapter, held.address), of=ADDRESS)
    return ()


# -- DHCP ---------------------------------------------------------------------------------------------------------------


def interface_object(adapter: Adapter) -> PSObject:
    """Return an adapter's IPv4 interface as Get-NetIPInterface shows it."""
    dhcp = "Enabled" if adapter.dhcp else "Disabled"
    return PSObject([("InterfaceAlias", adapter.name), ("InterfaceIndex", UInt32(adapter.nic.index)), ("ifIndex", UInt32(adapter.nic.index)),
                     ("AddressFamily", enumeration("IPv4", FAMILIES["IPv4"], "NetIPInterface.AddressFamily")),
                     ("Dhcp", enumeration(dhcp, SWITCH[dhcp], "NetIPInterface.Dhcp"))],
                    type_name=f"{CIM_INSTANCE}#ROOT/StandardCimv2/{INTERFACE}", handle=adapter)


@cmdlet("Get-NetIPInterface", "[string[]] InterfaceAlias @0, [uint32[]] InterfaceIndex, [string] AddressFamily")
def get_net_ip_interface(call: Call) -> Iterator[object]:
    """The IPv4 interfaces of adapters."""
    _only_ipv4(call)
    yield from (interface_object(one) for one in by_alias_or_index(call, adapters_of(call), of=INTERFACE))


@cmdlet("Set-NetIPInterface", "[string[]] InterfaceAlias @0, [uint32[]] InterfaceIndex, [string] AddressFamily, [string] Dhcp mandatory")
def set_net_ip_interface(call: Call) -> Iterable[object]:
    """Switch DHCP."""
    _only_ipv4(call)
    on = chosen_value(call, "Dhcp", SWITCH) == "Enabled"
    for adapter in by_alias_or_index(call, adapters_of(call), of=INTERFACE):
        carried_out(call, partial(machine_of(call).network.set_dhcp, adapter, on=on), of=INTERFACE)
    return ()


# -- default routes -----------------------------------------------------------------------------------------------------


@cmdlet("Get-NetRoute", "[string[]] DestinationPrefix @0 mandatory, [uint32[]] InterfaceIndex")
def get_net_route(call: Call) -> Iterator[object]:
    """The IPv4 default routes, all or those through adapters; other routes are the kernel's and not shown."""
    if call.strings("DestinationPrefix") != [EVERYWHERE]:
        raise NotSupportedByTwin(f"Get-NetRoute of other routes than {EVERYWHERE}")
    indices = call.strings("InterfaceIndex")
    found = [one for one in adapters_of(call) if one.nic.gateway and (not indices or str(one.nic.index) in indices)]
    if not found:
        raise not_found(call, ROUTE, [("DestinationPrefix", EVERYWHERE), *(("InterfaceIndex", one) for one in indices)])
    for adapter in found:
        yield PSObject([("DestinationPrefix", EVERYWHERE), ("NextHop", str(adapter.nic.gateway)), ("InterfaceAlias", adapter.name),
                        ("InterfaceIndex", UInt32(adapter.nic.index)), ("ifIndex", UInt32(adapter.nic.index))],
                       type_name=f"{CIM_INSTANCE}#ROOT/StandardCimv2/{ROUTE}", handle=adapter, view=("ifIndex", "DestinationPrefix", "NextHop"))
