"""The host's state in one look: interfaces, addresses, routes, neighbours, IPsec, sockets, processes."""

from __future__ import annotations

import contextlib
import os

from lab.wire.netlink import Netlink, NetlinkError, addresses, links, neighbours, routes, xfrm


def facts() -> dict[str, object]:
    """Return all of it."""
    with Netlink() as netlink:
        found = links.list_links(netlink)
        names = {link["index"]: link.get("name", "?") for link in found}
        state: dict[str, object] = {
            "links": {link.get("name"): {"mac": link.get("mac"), "up": link["up"]} for link in found},
            "counters": {link.get("name"): {"packets": link.get("packets"), "bytes": link.get("bytes")} for link in found},
            "addresses": [f"{entry['address']} dev {names.get(entry['index'])}" for entry in addresses.list_addresses(netlink)],
            "routes": sorted(_route(route, names) for route in routes.list_routes(netlink)),
            "neighbours": neighbours.list_neighbours(netlink),
            "proxies": [
                f"{entry['address']} dev {names.get(entry['index'])}"
                for entry in neighbours.list_neighbours(netlink, proxies=True)
            ],
        }
    state["xfrm_states"] = xfrm.list_states()
    state["xfrm_policies"] = xfrm.list_policies()
    state["processes"] = sorted(_processes())
    return state


def _route(route: dict[str, object], names: dict[object, object]) -> str:
    parts = [str(route["destination"])]
    parts += [f"via {route['gateway']}"] if "gateway" in route else []
    parts += [f"dev {names.get(route.get('index'))}"]
    parts += [f"src {route['source']}"] if "source" in route else []
    parts += [f"metric {route['metric']}"] if "metric" in route else []
    parts += [f"table {route['table']}"] if route["table"] != routes.RT_TABLE_MAIN else []
    return " ".join(parts)


def _processes() -> list[str]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/comm") as file:
                    found.append(file.read().strip())
            except OSError:
                continue  # it ended meanwhile
    return found


def change_route(
    action: str, destination: str, gateway: str | None = None, interface: str | None = None, source: str | None = None
) -> None:
    """Add or delete a route of the main table."""
    index = links.index_of(interface) if interface else None
    with Netlink() as netlink:
        change = routes.add if action == "add" else routes.delete
        change(netlink, destination, gateway=gateway, index=index, source=source)


def forget_neighbours(interface: str) -> None:
    """Make ARP ask again for every address of an interface's network."""
    index = links.index_of(interface)
    with Netlink() as netlink:
        for known in neighbours.list_neighbours(netlink):
            if known["index"] == index:
                with contextlib.suppress(NetlinkError):  # it went by itself meanwhile
                    neighbours.delete(netlink, index, str(known["address"]))
