"""The machine's own adapters: found by MAC address, taken for the lab's networks, put back as they were.

What an adapter had is written to /run/lab/adapters.json before it is changed, so that a killed carrier loses nothing.
"""

from __future__ import annotations

import json
import os

from lab.wire.netlink import Netlink, addresses, links, routes

RECORD = "/run/lab/adapters.json"


class AdapterProblem(Exception):
    """An adapter is not there, or cannot be taken without cutting the way in."""


def take(netlink: Netlink, wanted: dict[str, str]) -> dict[str, str]:
    """Write down what the adapters have, and take it from them; return the interface for each network.

    Args:
        netlink: the machine's.
        wanted: MAC address of the adapter for each network.

    Raises:
        AdapterProblem: no adapter has that address, it is a port of a bridge already, or the login that asks for this came in through it.
    """
    # What lies on an adapter (a bridge, a VLAN) has its address too: of several the hardware is meant, then the earliest.
    ranked = sorted(links.list_links(netlink), key=lambda link: (link["kind"] == "", -int(str(link["index"]))))
    found = {str(link["mac"]): link for link in ranked if "mac" in link}
    uplinks: dict[str, str] = {}
    for network, mac in wanted.items():
        if mac.lower() not in found:
            there = ", ".join(sorted(address for address in found if address != "00:00:00:00:00:00"))
            raise AdapterProblem(f"no adapter of this machine has the MAC address {mac}, wanted for the network {network}; there are {there}")
        name = uplinks[network] = str(found[mac.lower()]["name"])
        if found[mac.lower()].get("master"):
            raise AdapterProblem(f"{name} is a port of a bridge or a bond of this machine already: it cannot serve the network {network} too")
    record = {name: look_at(netlink, name) for name in uplinks.values()}
    way_in = os.environ.get("LAB_WAY_IN", "")
    for name, had in record.items():
        if any(address.split("/")[0] == way_in for address in had["addresses"]):
            raise AdapterProblem(f"{name} has the address {way_in}, by which this machine is reached: it cannot serve a network of the lab")
    with open(RECORD + ".new", "w") as file:
        json.dump(record, file)
    os.replace(RECORD + ".new", RECORD)
    for name, had in record.items():
        for address in had["addresses"]:
            addresses.delete(netlink, links.index_of(name), address)
    return uplinks


def look_at(netlink: Netlink, name: str) -> dict[str, list[str]]:
    """Return an adapter's addresses, its routes through gateways ("destination gateway metric") and whether it is up."""
    index = links.index_of(name)
    return {
        "addresses": [str(one["address"]) for one in addresses.list_addresses(netlink) if one["index"] == index],
        "routes": [f"{one['destination']} {one['gateway']} {one.get('metric', 0)}" for one in routes.list_routes(netlink)
                   if one.get("index") == index and "gateway" in one and one["table"] == routes.RT_TABLE_MAIN],
        "state": ["up" for one in links.list_links(netlink) if one["index"] == index and one["up"]],
    }


def put_back(netlink: Netlink) -> None:
    """Give every adapter that was taken what it had. Harmless when none was."""
    try:
        with open(RECORD) as file:
            record = json.load(file)
    except FileNotFoundError:
        return
    for name, had in record.items():
        try:
            index = links.index_of(name)
        except OSError:  # it was unplugged meanwhile
            continue
        links.set_master(netlink, name, index, 0)
        links.set_state(netlink, name, index, up=bool(had["state"]))
        for address in had["addresses"]:
            addresses.add(netlink, index, address)
        for route in had["routes"]:
            destination, gateway, metric = route.split()  # without its metric it would come before the machine's other default routes
            routes.add(netlink, destination, gateway=gateway, index=index, metric=int(metric))
    os.unlink(RECORD)
