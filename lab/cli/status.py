"""`lab status`."""

from __future__ import annotations

import argparse
import json
import time

from lab.backends.base import Detachable, Host
from lab.cli.running import find_running, lab_option
from lab.cli.verb import Parser, Verb
from lab.topology import Start, Topology

EXIT_DOWN = 3


def arguments(parser: Parser) -> None:
    """Declare the options."""
    lab_option(parser)
    parser.add_argument("--json", action="store_true", help="for programs: one object; {\"up\": false} when no lab is up")


def run(chosen: argparse.Namespace) -> int:
    """Describe the lab that is up."""
    lab = find_running(chosen.lab)
    if chosen.json:
        print(json.dumps(facts(lab), indent=1))
    else:
        print(describe(lab) if lab else "no lab is up; `lab up` brings one up")
    return 0 if lab else EXIT_DOWN


def facts(lab: Detachable | None) -> dict[str, object]:
    """Return what a program would want to know. No secrets."""
    if lab is None:
        return {"up": False}
    plans = lab.topology.hosts
    hosts = {name: {"addresses": {net: str(address) for net, address in plans[name].addresses.items()} if name in plans else {},
                    "started": name in lab.started(), "ways": ways(host)} for name, host in lab.hosts.items()}
    return {"up": True, "run": lab.run_name, "lab": lab.name, "seconds": round(time.time() - lab.since, 1), "hosts": hosts}


def ways(host: Host) -> dict[str, str]:
    """Return the addresses by which a host is reached from here."""
    if host.ssh:
        return {"ssh": f"{host.ssh.address}:{host.ssh.port}"}
    if host.winrm:
        ports = {"winrm-http": host.winrm.http_port, "winrm-https": host.winrm.https_port}
        return {way: f"{host.winrm.address}:{port}" for way, port in ports.items() if port}
    return {}


def describe(lab: Detachable) -> str:
    """Return the table that people read."""
    started = lab.started()
    rows = [("host", "state", "addresses", "way in")]
    for name, host in lab.hosts.items():
        plan = lab.topology.hosts.get(name)
        if plan is None:
            rows.append((name, "up", "the machine's own side", ", ".join(f"{way} {where}" for way, where in ways(host).items())))
            continue
        inner = "  ".join(f"{net} {address.ip}" for net, address in plan.addresses.items() if not lab.topology.networks[net].management)
        state = "up" if name in started else "starts when asked for" if plan.start is Start.ON_DEMAND else "down"
        rows.append((name, state, inner or "sees every network", ", ".join(f"{way} {where}" for way, where in ways(host).items())))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    table = "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    minutes, seconds = divmod(int(time.time() - lab.since), 60)
    return f"{lab.run_name}: the {lab.name} lab, up for {minutes} min {seconds} s\n\n{table}\n\n{_pool(lab.topology)}"


def _pool(topology: Topology) -> str:
    pool = topology.vpn.pool
    return f"VPN: name {topology.vpn.server_name}, static pool {pool.first} to {pool.last} (the server takes the first)"


VERB = Verb(
    name="status",
    summary="describe the lab that is up: hosts, addresses, ways in",
    description="Describes the lab that is up. Exit code 0 if one is, 3 if none is.",
    examples=(("lab status", "a table"), ("lab status --json | jq .hosts.client", "the same for programs")),
    arguments=arguments,
    run=run,
)
