"""The steps on a Windows that is not as the twin's stock one: another language, values that are absent, programs that say other things."""

from __future__ import annotations

from dataclasses import replace

import pytest
from steps_on_engine import COMPONENT, Server

from lab.errors import StepFailed
from lab.pki import RunPki
from lab.server import steps
from lab.server.steps import Step
from lab.twin.powershell import registry as declared
from lab.twin.powershell.registry import NativeResult
from lab.twin.windows.machine import CLASS, IKEV2, PARAMETERS, POLICY, SERVICE
from lab.twin.windows.registry import Kind

ENGLISH, GERMAN = "WAN Miniport (IKEv2)", "WAN-Miniport (IKEv2)"
NETSH = declared.NATIVES["netsh"]


def on_description(step: Step) -> Step:
    return replace(step, parameters={**step.parameters, "device": ENGLISH})


INCOMING, PORTS, FLAGS = steps.incoming_connections(), steps.wan_endpoints(3), steps.server_flags(steps.CERT)


@pytest.mark.parametrize("step", [INCOMING, PORTS], ids=lambda step: step.name)
def test_a_miniport_is_found_whatever_the_language(server: Server, step: Step) -> None:
    server.machine.registry.set(server.port, "DriverDesc", Kind.STRING, GERMAN)
    before = server.state()

    server.act("inspect", step)
    server.act("apply", step)
    assert server.act("verify", step) == [True]
    server.act("revert", step)
    assert server.state() == before


@pytest.mark.parametrize("step", [on_description(INCOMING), on_description(PORTS)], ids=lambda step: step.name)
def test_a_description_is_found_only_in_its_own_language(server: Server, step: Step) -> None:
    server.act("inspect", step)
    server.machine.registry.set(server.port, "DriverDesc", Kind.STRING, GERMAN)

    with pytest.raises(StepFailed, match=r"there is no device 'WAN Miniport \(IKEv2\)'"):
        server.act("apply", step)


def test_keys_of_the_class_that_are_no_devices_are_left_alone(server: Server) -> None:
    own = server.port
    for name in ("Properties", "Configuration"):
        server.machine.registry.set(f"{CLASS}\\{name}", "ComponentId", Kind.STRING, COMPONENT)
        server.machine.registry.set(f"{CLASS}\\{name}", "WanEndpoints", Kind.DWORD, 99)

    server.act("inspect", PORTS)
    server.act("apply", PORTS)

    assert server.machine.registry.number(own, "WanEndpoints", 0) == 3
    assert server.machine.registry.number(f"{CLASS}\\Properties", "WanEndpoints", 0) == 99
    assert set(server.script("view", {"machine": False, "rules": "x"})["ports"]) == {  # type: ignore[arg-type]
        "ms_sstpminiport", COMPONENT, "ms_l2tpminiport", "ms_pptpminiport"}


@pytest.mark.parametrize(("step", "absent"), [(INCOMING, "ConfigurationFlags"), (INCOMING, "EnableForRas"), (PORTS, "WanEndpoints"), (FLAGS, "ServerFlags")])
def test_what_was_absent_is_absent_again(server: Server, step: Step, absent: str) -> None:
    key = next(one for one in (SERVICE, PARAMETERS, server.port) if server.machine.registry.get(one, absent) is not None)
    server.machine.registry.delete(key, absent)
    before = server.state()

    server.act("inspect", step)
    server.act("apply", step)
    assert server.machine.registry.get(key, absent) is not None
    assert server.act("verify", step) == [True]
    server.act("revert", step)

    assert server.state() == before


def test_two_steps_that_found_the_same_key_missing_are_both_reverted(server: Server) -> None:
    server.machine.registry.remove(IKEV2)
    before = server.state()
    policy, parameters = steps.ikev2_policy(DHGroup=3), steps.ikev2_parameters(CertAuthFlags=4)

    server.act("inspect", policy, parameters)
    server.act("apply", policy, parameters)
    assert server.machine.registry.number(POLICY, "DHGroup", 0) == 3
    server.act("revert", parameters, policy)

    assert server.state() == before


@pytest.fixture(scope="module")
def certificate() -> Step:
    return steps.machine_certificate(RunPki("vpn.example.test").server)


def test_no_key_file_stays_however_often_a_certificate_is_put_in(server: Server, certificate: Step) -> None:
    before = server.state()
    server.act("inspect", certificate)

    for _ in range(2):
        server.act("apply", certificate)
        assert server.act("verify", certificate) == [True]
    assert len(server.machine.certificates.key_files) == 1

    for _ in range(2):
        server.act("revert", certificate)
        assert server.state() == before


def test_a_certificate_that_was_there_keeps_its_key(server: Server, certificate: Step) -> None:
    server.act("apply", certificate)
    before = server.state()

    server.act("inspect", certificate)
    server.act("apply", certificate)
    server.act("revert", certificate)

    assert server.state() == before


def test_a_certificate_whose_key_is_missing_gets_it(server: Server, certificate: Step) -> None:
    server.act("apply", certificate)
    stored = server.machine.certificates.store("My")
    stored[:] = [replace(stored[0], key=None, key_file="")]
    assert server.act("verify", certificate) == ["the certificate CN=vpn.example.test has no private key"]

    server.act("apply", certificate)

    assert server.act("verify", certificate) == [True]


def netsh_that(monkeypatch: pytest.MonkeyPatch, *, does: bool, says: str) -> None:
    def netsh(arguments: list[str], machine: object, text: str) -> NativeResult:
        if does:
            NETSH(arguments, machine, text)
        return NativeResult(output=says)

    monkeypatch.setitem(declared.NATIVES, "netsh", netsh)


def test_netsh_may_say_what_it_likes_when_it_has_done_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    netsh_that(monkeypatch, does=True, says="\r\nDer Dienst muss neu gestartet werden.\r\n")
    server.act("inspect", INCOMING)

    server.act("apply", INCOMING)

    assert server.act("verify", INCOMING) == [True]


@pytest.mark.parametrize("says", ["Der Befehl ist fehlgeschlagen.", ""])
def test_netsh_is_not_believed_when_it_has_not(server: Server, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    netsh_that(monkeypatch, does=False, says=says)
    server.act("inspect", INCOMING)

    with pytest.raises(StepFailed, match=rf"left ConfigurationFlags at '0', and said '{says}'"):
        server.act("apply", INCOMING)
