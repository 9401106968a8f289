"""sc, hostname, whoami, systeminfo: what a person at `lab winrm` reaches for."""

from __future__ import annotations

from lab.twin.commands.services import set_start_type
from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.registry import NativeResult, native
from lab.twin.windows.machine import Machine
from lab.twin.windows.services import ERROR_SERVICE_DOES_NOT_EXIST, ServiceFailed, StartType

START_WORDS = {"auto": StartType.AUTOMATIC, "demand": StartType.MANUAL, "disabled": StartType.DISABLED}


def _machine(machine: object) -> Machine:
    assert isinstance(machine, Machine)
    return machine


@native("sc")
def sc(arguments: list[str], machine: object, text: str) -> NativeResult:
    """Sc query, start, stop, config start= (with the space that sc wants)."""
    host = _machine(machine)
    if len(arguments) < 2:
        raise NotSupportedByTwin("sc without a service")
    verb, name = arguments[0].lower(), arguments[1]
    service = host.services.find(name)
    if service is None:
        return NativeResult(output=f"[SC] {verb.capitalize()}Service FAILED {ERROR_SERVICE_DOES_NOT_EXIST}:\r\n\r\nThe specified service does"
                            " not exist as an installed service.\r\n\r\n", exit_code=ERROR_SERVICE_DOES_NOT_EXIST)
    if verb == "query":
        state = "4  RUNNING" if service.running else "1  STOPPED"
        return NativeResult(output=f"\r\nSERVICE_NAME: {service.name}\r\n        STATE              : {state}\r\n")
    if verb == "config" and len(arguments) == 4 and arguments[2].lower() == "start=":
        set_start_type(host, service, START_WORDS[arguments[3].lower()])
        return NativeResult(output="[SC] ChangeServiceConfig SUCCESS\r\n")
    if verb in ("start", "stop"):
        try:
            getattr(host.services, verb)(service)
        except ServiceFailed as error:
            return NativeResult(output=f"[SC] StartService FAILED {error.code}:\r\n\r\n{error}\r\n\r\n", exit_code=error.code)
        return NativeResult(output=f"\r\nSERVICE_NAME: {service.name}\r\n")
    raise NotSupportedByTwin(f"sc {' '.join(arguments)}")


@native("hostname")
def hostname(arguments: list[str], machine: object, text: str) -> NativeResult:
    """The computer's name."""
    return NativeResult(output=f"{_machine(machine).computer_name}\r\n")


@native("whoami")
def whoami(arguments: list[str], machine: object, text: str) -> NativeResult:
    """Who runs this."""
    return NativeResult(output=f"{_machine(machine).computer_name.lower()}\\labadmin\r\n")


@native("systeminfo")
def systeminfo(arguments: list[str], machine: object, text: str) -> NativeResult:
    """Name and version."""
    host = _machine(machine)
    return NativeResult(output=f"\r\nHost Name:                 {host.computer_name}\r\nOS Name:                   Microsoft Windows 10 Pro\r\n"
                        f"OS Version:                10.0.{host.build} N/A Build {host.build}\r\n")
