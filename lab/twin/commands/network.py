"""Get-, Rename-NetAdapter; Get-, Set-NetConnectionProfile; and the choice of adapters by name or index for other cmdlets.

Source: MicrosoftDocs/windows-powershell-docs, modules NetAdapter and NetConnection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from lab.twin.commands.cim import (
    CIM_INSTANCE,
    carried_out,
    chosen_value,
    enumeration,
    handles,
    matching,
    not_found,
    only_one_way,
)
from lab.twin.commands.services import machine_of
from lab.twin.powershell.convert import to_integer
from lab.twin.powershell.numbers import UInt32
from lab.twin.powershell.registry import Call, cmdlet
from lab.twin.powershell.values import PSObject, each
from lab.twin.windows.network import Adapter, Category

ADAPTER, PROFILE = "MSFT_NetAdapter", "MSFT_NetConnectionProfile"
CATEGORIES = {"Public": 0, "Private": 1}


def adapters_of(call: Call) -> list[Adapter]:
    """Return the machine's adapters."""
    return machine_of(call).network.adapters()


def by_index(call: Call, known: Iterable[Adapter], *, of: str) -> Iterator[Adapter]:
    """Yield the adapters of -InterfaceIndex; an index that none has is reported."""
    adapters = list(known)
    for wanted in each(call.value("InterfaceIndex")):
        found = [one for one in adapters if one.nic.index == to_integer("uint32", wanted)]
        if not found:
            call.take(not_found(call, of, [("InterfaceIndex", wanted)]))
        yield from found


def by_alias_or_index(call: Call, known: Iterable[Adapter], *, of: str) -> Iterator[Adapter]:
    """Yield the adapters of -InterfaceAlias or -InterfaceIndex, of which one must be given."""
    only_one_way(call, "InterfaceAlias", "InterfaceIndex")
    if call.has("InterfaceIndex"):
        return by_index(call, known, of=of)
    return matching(call, known, lambda one: one.name, of=of, parameter="InterfaceAlias", property_name="InterfaceAlias")


def as_object(adapter: Adapter) -> PSObject:
    """Return an adapter as Get-NetAdapter shows it."""
    index = UInt32(adapter.nic.index)
    return PSObject([("Name", adapter.name), ("InterfaceDescription", f"Lab Ethernet Adapter #{adapter.nic.index}"), ("ifIndex", index),
                     ("InterfaceIndex", index), ("InterfaceAlias", adapter.name), ("ifAlias", adapter.name), ("Status", adapter.status),
                     ("MacAddress", adapter.mac)],
                    type_name=f"{CIM_INSTANCE}#ROOT/StandardCimv2/{ADAPTER}", handle=adapter,
                    view=("Name", "InterfaceDescription", "ifIndex", "Status"))


@cmdlet("Get-NetAdapter", "[string[]] Name @0, [string[]] InterfaceAlias, [uint32[]] InterfaceIndex, [switch] Physical")
def get_net_adapter(call: Call) -> Iterator[object]:
    """Adapters by name (with wildcards) or index; all without either."""
    known = adapters_of(call)
    if not any(call.has(name) for name in ("Name", "InterfaceAlias", "InterfaceIndex")):
        yield from (as_object(one) for one in known)
        return
    only_one_way(call, "Name", "InterfaceAlias", "InterfaceIndex")
    if call.has("InterfaceIndex"):
        found = by_index(call, known, of=ADAPTER)
    else:  # the second is an alias of the first
        found = matching(call, known, lambda one: one.name, of=ADAPTER, parameter="Name" if call.has("Name") else "InterfaceAlias",
                         property_name="Name")
    yield from (as_object(one) for one in found)


@cmdlet("Rename-NetAdapter", "[string[]] Name @0, [string] NewName @1 mandatory, [object[]] InputObject pipeline, [switch] PassThru")
def rename_net_adapter(call: Call) -> Iterator[object]:
    """Give an adapter another name."""
    only_one_way(call, "Name", "InputObject")
    found = handles(call, Adapter) if call.has("InputObject") else matching(
        call, adapters_of(call), lambda one: one.name, of=ADAPTER, parameter="Name", property_name="Name")
    network = machine_of(call).network
    for adapter in found:
        if carried_out(call, partial(network.rename, adapter, call.text("NewName")), of=ADAPTER) and call.on("PassThru"):
            yield from (as_object(one) for one in network.adapters() if one.nic.index == adapter.nic.index)
    carried_out(call, machine_of(call).firewall_changed, of=ADAPTER)  # rules name adapters


# -- connection profiles ------------------------------------------------------------------------------------------------


def profile_object(adapter: Adapter) -> PSObject:
    """Return the network behind an adapter as Get-NetConnectionProfile shows it. Its name is that of a network without a gateway."""
    return PSObject([("Name", "Unidentified network"), ("InterfaceAlias", adapter.name), ("InterfaceIndex", UInt32(adapter.nic.index)),
                     ("NetworkCategory", enumeration(adapter.category.value, CATEGORIES[adapter.category.value],
                                                     "NetConnectionProfile.NetworkCategory"))],
                    type_name=f"{CIM_INSTANCE}#ROOT/StandardCimv2/{PROFILE}", handle=adapter)


def connected(call: Call) -> list[Adapter]:
    """Return the interfaces that are connected: only those have a profile. The VPN's is while a client is."""
    machine = machine_of(call)
    return [one for one in adapters_of(call) if one.nic.connected] + ([machine.network.vpn] if machine.ras.connections else [])


@cmdlet("Get-NetConnectionProfile", "[string[]] InterfaceAlias, [uint32[]] InterfaceIndex")
def get_net_connection_profile(call: Call) -> Iterator[object]:
    """Profiles by adapter; all without one."""
    selected = call.has("InterfaceAlias") or call.has("InterfaceIndex")
    for adapter in by_alias_or_index(call, connected(call), of=PROFILE) if selected else connected(call):
        yield profile_object(adapter)


@cmdlet("Set-NetConnectionProfile", "[string[]] InterfaceAlias, [uint32[]] InterfaceIndex, [string] NetworkCategory mandatory,"
        " [object[]] InputObject pipeline")
def set_net_connection_profile(call: Call) -> Iterable[object]:
    """Take a network for public or private."""
    category = Category(chosen_value(call, "NetworkCategory", CATEGORIES))
    only_one_way(call, "InterfaceAlias", "InterfaceIndex", "InputObject")
    found = handles(call, Adapter) if call.has("InputObject") else by_alias_or_index(call, connected(call), of=PROFILE)
    for adapter in found:
        machine_of(call).network.set_category(adapter, category)
    carried_out(call, machine_of(call).firewall_changed, of=PROFILE)
    return ()
