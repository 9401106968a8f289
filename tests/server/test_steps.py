"""Steps on the twin's engine over real WinRM: applied, applied again, verified, reverted, nothing left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.errors import StepFailed
from lab.pki import RunPki
from lab.server import steps, view
from lab.server.paths import ikev2_certificate
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.server.steps import SCRIPTS, Step
from lab.topology import load_topology
from lab.waiting import Deadline

POOL = load_topology().vpn.pool


def everything(session: WindowsSession) -> dict[str, object]:
    raw = dict(view.read(session, SCRIPTS).raw)
    raw.pop("events")
    return raw


def all_steps(pki: RunPki) -> list[Step]:
    extra = [steps.ikev2_policy(DHGroup=3, PfsGroup=0), steps.ikev2_parameters(CertAuthFlags=4), steps.wan_endpoints(3),
             steps.network_access(allowed=False), steps.revocation_list(pki.revocation_list)]
    path = ikev2_certificate(pki, POOL)
    return [*path[:-1], *extra, path[-1]]


def test_the_path_and_back(session: WindowsSession, pki: RunPki, tmp_path: Path) -> None:
    before = everything(session)
    provisioner = Provisioner(session, scripts=SCRIPTS, evidence=tmp_path / "steps.json")

    applied = provisioner.apply(all_steps(pki))
    state = view.read(session, SCRIPTS)

    assert state.running
    assert state.server_flags == 0x04802602
    assert len(json.loads((tmp_path / "steps.json").read_text())) == len(applied)
    provisioner.verify(applied)
    provisioner.revert()
    assert everything(session) == before
    assert json.loads((tmp_path / "steps.json").read_text()) == []


def test_applying_twice_changes_nothing_more(session: WindowsSession, pki: RunPki) -> None:
    before = everything(session)
    first, second = (Provisioner(session, scripts=SCRIPTS) for _ in range(2))

    first.apply(all_steps(pki))
    once = everything(session)
    second.apply(all_steps(pki))

    assert everything(session) == once
    second.revert()
    assert everything(session) == once
    first.revert()
    assert everything(session) == before


def test_a_failing_step_is_named_and_nothing_stays(session: WindowsSession, pki: RunPki) -> None:
    before = everything(session)
    broken = Step(name="broken-port", script="wan-endpoints", parameters={"device": "WAN Miniport (None)", "ports": 3, "value": "WanEndpoints"}, because="")
    late = Step(name="late", script="server-flags", parameters={"bits": "no number"}, because="")

    with pytest.raises(StepFailed, match="broken-port could not inspect: there is no device"):
        Provisioner(session, scripts=SCRIPTS).apply([steps.server_flags(steps.CERT), broken])
    with pytest.raises(StepFailed, match="late could not inspect"):
        Provisioner(session, scripts=SCRIPTS).apply([steps.server_flags(steps.CERT), late])

    assert everything(session) == before


def test_netsh_is_not_believed(session: WindowsSession) -> None:
    """netsh ends with 0 although it failed; its text is looked at."""
    before = everything(session)
    lying = Step(name="lying", script="incoming-connections", parameters={"device": "WAN Miniport (SSTP)"}, because="")
    provisioner = Provisioner(session, scripts=SCRIPTS)
    provisioner.apply([lying])
    provisioner.revert()
    assert everything(session) == before

    done = session.run_powershell("netsh ras set wanports device=Nothing rasinonly=enabled; $LASTEXITCODE", Deadline(10))
    assert "The device name is invalid" in done.output
    assert done.output.strip().endswith("0")


def test_secrets_stay_out_of_transcript_and_evidence(session: WindowsSession, pki: RunPki, tmp_path: Path) -> None:
    step = steps.machine_certificate(pki.server)
    provisioner = Provisioner(session, scripts=SCRIPTS, evidence=tmp_path / "steps.json")
    provisioner.apply([step])
    evidence = (tmp_path / "steps.json").read_text()
    provisioner.revert()

    for secret in step.secrets:
        assert secret.reveal() not in session.transcript.text()
        assert secret.reveal() not in evidence
