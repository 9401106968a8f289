"""netsh: ras with the verbs that make Incoming Connections, and the way to those that have modules of their own (consec.py, ras_users.py).

Its exit code is often 0 although it failed: the text tells.
"""

from __future__ import annotations

from lab.twin.commands.consec import consec
from lab.twin.commands.ras_users import set_user, show_user
from lab.twin.commands.wfp import wfp
from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.registry import NativeResult, native
from lab.twin.windows.machine import CLASS, PARAMETERS, SERVICE, Machine
from lab.twin.windows.registry import Kind

DONE = "\r\n"
BAD_DEVICE = "The device name is invalid.\r\n"
ROUTER_TYPES = {"lanonly": 2, "lananddd": 4, "none": 0}


def _options(words: list[str]) -> dict[str, str]:
    """Return name=value words."""
    return {name.lower(): value for name, _, value in (word.partition("=") for word in words)}


@native("netsh")
def netsh(arguments: list[str], machine: object, text: str) -> NativeResult:
    """Netsh ras set conf | type | wanports | user; netsh ras show conf | wanports | client | user; netsh advfirewall consec; netsh wfp show."""
    assert isinstance(machine, Machine)
    words = arguments
    head = " ".join(words[:3]).lower()
    if " ".join(words[:2]).lower() == "advfirewall consec":
        return consec(machine, words[2:])
    if words[:1] and words[0].lower() == "wfp":
        return wfp(machine, words[1:])
    options = _options(words[3:])
    if head == "ras set conf":
        return _set_configuration(machine, options)
    if head == "ras set type":
        return _set_type(machine, options)
    if head == "ras set wanports":
        return _set_ports(machine, options)
    if head == "ras set user":
        return set_user(machine, options)
    if head == "ras show user":
        return show_user(machine, options)
    if head == "ras show conf":
        enabled = machine.registry.number(SERVICE, "ConfigurationFlags", 0)
        return NativeResult(output=f"\r\nConfiguration state of the server: {'enabled' if enabled else 'disabled'}\r\n\r\n")
    if head == "ras show wanports":
        return _show_ports(machine)
    if head == "ras show client":
        return NativeResult(output=_clients(machine))
    raise NotSupportedByTwin(f"netsh {' '.join(arguments)}")


def _set_configuration(machine: Machine, options: dict[str, str]) -> NativeResult:
    state = options.get("confstate", "").lower()
    if state not in ("enabled", "disabled"):
        return NativeResult(output=f"{state!r} is not an acceptable value for 'confstate'.\r\n", exit_code=1)
    machine.registry.set(SERVICE, "ConfigurationFlags", Kind.DWORD, int(state == "enabled"))
    return NativeResult(output=DONE)


def _set_type(machine: Machine, options: dict[str, str]) -> NativeResult:
    known = {"ipv4rtrtype", "ipv6rtrtype", "rastype"}
    if set(options) - known:
        return NativeResult(output=f"The tag {sorted(set(options) - known)[0]!r} is not valid.\r\n", exit_code=1)
    value = ROUTER_TYPES.get(options.get("ipv4rtrtype", "lananddd"), 4) | (1 if options.get("rastype", "") in ("ipv4", "both") else 0)
    machine.registry.set(PARAMETERS, "RouterType", Kind.DWORD, value)
    return NativeResult(output=DONE)


def _ports(machine: Machine) -> list[str]:
    return [f"{CLASS}\\{key}" for key in machine.registry.subkeys(CLASS)]


def _set_ports(machine: Machine, options: dict[str, str]) -> NativeResult:
    path = next((one for one in _ports(machine) if machine.registry.get(one, "DriverDesc") == options.get("device")), None)
    if path is None:
        return NativeResult(output=BAD_DEVICE)  # and exit code 0: netsh lies
    if "rasinonly" in options:
        machine.registry.set(path, "EnableForRas", Kind.DWORD, int(options["rasinonly"].lower() == "enabled"))
    if "maxports" in options:
        most = machine.registry.number(path, "MaxWanEndpoints", 3)
        if int(options["maxports"]) > most:
            return NativeResult(output="The number of ports is not valid for this device.\r\n")
        machine.registry.set(path, "WanEndpoints", Kind.DWORD, int(options["maxports"]))
    return NativeResult(output=DONE)


def _show_ports(machine: Machine) -> NativeResult:
    lines = ["", "Device                         Max Ports   RAS In", "-" * 52]
    for path in _ports(machine):
        name, ports = machine.registry.get(path, "DriverDesc"), machine.registry.number(path, "WanEndpoints", 0)
        inbound = "enabled" if machine.registry.number(path, "EnableForRas", 0) else "disabled"
        lines.append(f"{name!s:30} {ports:<11} {inbound}")
    return NativeResult(output="\r\n".join([*lines, "", ""]))


def _clients(machine: Machine) -> str:
    lines = [f"{one.user:30} {one.tunnel_type:8} {one.address}" for one in machine.ras.connections]
    return "\r\n".join(["", "User                           Type     Address", "-" * 52, *lines, "", ""])
