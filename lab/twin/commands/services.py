"""Get-, Start-, Stop-, Restart-, Set-Service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.twin.powershell.compare import like
from lab.twin.powershell.convert import to_text
from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, complaint, failure
from lab.twin.powershell.registry import Call, cmdlet
from lab.twin.powershell.values import EnumValue, PSObject, each
from lab.twin.windows.machine import SERVICE, Machine
from lab.twin.windows.registry import Kind
from lab.twin.windows.services import Service, ServiceFailed, StartType

START_NUMBERS = {StartType.AUTOMATIC: 2, StartType.MANUAL: 3, StartType.DISABLED: 4}
EXCEPTION = "Microsoft.PowerShell.Commands.ServiceCommandException"


def machine_of(call: Call) -> Machine:
    """Return the machine that a cmdlet works on."""
    assert isinstance(call.machine, Machine)
    return call.machine


def as_object(service: Service) -> PSObject:
    """Return a service as System.ServiceProcess.ServiceController shows it."""
    return PSObject(
        [("Status", EnumValue(*(("Running", 4) if service.running else ("Stopped", 1)), "System.ServiceProcess.ServiceControllerStatus")), ("Name", service.name), ("DisplayName", service.display_name),
         ("StartType", EnumValue(service.start_type.value, START_NUMBERS[service.start_type], "System.ServiceProcess.ServiceStartMode")), ("ServiceName", service.name)],
        type_name="System.ServiceProcess.ServiceController", view=("Status", "Name", "DisplayName"), handle=service,
    )


def chosen(call: Call) -> Iterator[Service]:
    """Yield the services that -Name or the pipeline names; unknown ones are errors."""
    services = machine_of(call).services
    for wanted in each(call.value("Name")):
        if isinstance(wanted, PSObject) and isinstance(wanted.handle, Service):
            yield wanted.handle
            continue
        name = to_text(wanted)
        if any(sign in name for sign in "*?["):
            yield from (one for one in services.by_name.values() if like(one.name, name))
        elif (service := services.find(name)) is not None:
            yield service
        else:
            call.error(f"Cannot find any service with service name '{name}'.", exception=EXCEPTION, category="ObjectNotFound", target=name,
                       identifier=f"NoServiceFoundForGivenName,Microsoft.PowerShell.Commands.{call.name.replace('-', '')}Command")


@cmdlet("Get-Service", "[object[]] Name @0 pipeline, [switch] RequiredServices, [switch] DependentServices")
def get_service(call: Call) -> Iterator[object]:
    """Services by name, with wildcards; all without one."""
    if call.on("DependentServices"):
        raise NotSupportedByTwin("Get-Service -DependentServices")
    if not call.has("Name"):
        yield from (as_object(one) for one in sorted(machine_of(call).services.by_name.values(), key=lambda one: one.name))
        return
    for service in chosen(call):
        if call.on("RequiredServices"):
            yield from (as_object(needed) for name in service.needs if (needed := machine_of(call).services.find(name)))
        else:
            yield as_object(service)


def _control(call: Call, verb: str, *actions: str) -> Iterator[object]:
    services = machine_of(call).services
    for service in chosen(call):
        try:
            if "stop" in actions and not call.on("Force") and any(one.running and service.name in one.needs for one in services.by_name.values()):
                raise complaint(f"Cannot stop service '{service.display_name} ({service.name})' because it has dependent services. It can only"
                                " be stopped if the Force flag is set.", exception=EXCEPTION, category="InvalidOperation", target=service.name,
                                identifier="ServiceHasDependentServices,Microsoft.PowerShell.Commands.StopServiceCommand")
            for action in actions:
                getattr(services, action)(service)
        except ServiceFailed as error:
            call.take(complaint(f"Service '{service.display_name} ({service.name})' cannot be {verb} due to the following error: {error}",
                                exception=EXCEPTION, category="OpenError", target=service.name,
                                identifier=f"CouldNot{call.name.replace('-', '')},Microsoft.PowerShell.Commands"))
        except PowerShellError as error:
            call.take(error)
        else:
            if call.on("PassThru"):
                yield as_object(service)


@cmdlet("Start-Service", "[object[]] Name @0 pipeline mandatory, [switch] PassThru")
def start_service(call: Call) -> Iterable[object]:
    """Start."""
    return _control(call, "started", "start")


@cmdlet("Stop-Service", "[object[]] Name @0 pipeline mandatory, [switch] Force, [switch] PassThru, [switch] NoWait")
def stop_service(call: Call) -> Iterable[object]:
    """Stop, with what depends on it."""
    return _control(call, "stopped", "stop")


@cmdlet("Restart-Service", "[object[]] Name @0 pipeline mandatory, [switch] Force, [switch] PassThru")
def restart_service(call: Call) -> Iterable[object]:
    """Stop and start."""
    return _control(call, "restarted", "stop", "start")


@cmdlet("Set-Service", "[object[]] Name @0 pipeline mandatory, [string] StartupType")
def set_service(call: Call) -> Iterable[object]:
    """Change the start type."""
    for service in chosen(call):
        if call.has("StartupType"):
            try:
                set_start_type(machine_of(call), service, StartType(call.text("StartupType").capitalize()))
            except ValueError:
                raise failure(f"Cannot bind parameter 'StartupType'. Cannot convert value \"{call.text('StartupType')}\" to type"
                              ' "System.ServiceProcess.ServiceStartMode".', identifier="CannotConvertArgumentNoMessage",
                              category="InvalidArgument") from None
    return ()


def set_start_type(machine: Machine, service: Service, start_type: StartType) -> None:
    """Change a service's start type, in the registry too."""
    service.start_type = start_type
    if service.name == "RemoteAccess":
        machine.registry.set(SERVICE, "Start", Kind.DWORD, START_NUMBERS[start_type])
