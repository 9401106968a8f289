"""The step of ias.xml over real WinRM: what it changes is in the server's fingerprint, and goes back, also by the journal of a run that is gone."""

from __future__ import annotations

import base64
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import StepFailed
from lab.server import view
from lab.server.eap_steps import ias_policy
from lab.server.journal import TEST, Journal, journal_file
from lab.server.provision import Provisioner
from lab.server.session import WindowsSession
from lab.server.steps import EAP, SCRIPTS, server_flags
from lab.twin.windows.ias import IAS_XML, read_access_policy
from lab.waiting import Deadline

TAKEN = f"takeown.exe /F {IAS_XML} /A | Out-Null; icacls.exe {IAS_XML} /grant '*S-1-5-32-544:F' | Out-Null; "
SPOILT = TAKEN + f"[System.IO.File]::WriteAllBytes('{IAS_XML}', [byte[]](60, 82, 111))"


def by_hand(session: WindowsSession, script: str) -> str:
    done = session.run_powershell(script, Deadline(20))
    assert done.exit_code == 0, done.error
    return done.output.strip()


def content(session: WindowsSession) -> bytes:
    return base64.b64decode(by_hand(session, f"[Convert]::ToBase64String([System.IO.File]::ReadAllBytes('{IAS_XML}'))"))


def fingerprint(session: WindowsSession) -> dict[str, object]:
    return dict(view.read(session, SCRIPTS).fingerprint)


def test_it_is_in_the_fingerprint_until_it_is_reverted(session: WindowsSession) -> None:
    before, provisioner = fingerprint(session), Provisioner(session, scripts=SCRIPTS)
    provisioner.apply([ias_policy(peap=True)])
    during = fingerprint(session)
    assert {name for name in before if during[name] != before[name]} == {"policy"}
    assert read_access_policy(content(session)).methods == {13, 25, 26}

    provisioner.revert()
    assert fingerprint(session) == before


def test_what_somebody_else_does_to_its_owner_is_in_the_fingerprint_too(session: WindowsSession) -> None:
    provisioner = Provisioner(session, scripts=SCRIPTS)
    provisioner.apply([ias_policy()])
    before = fingerprint(session)
    by_hand(session, TAKEN)
    assert fingerprint(session)["policy"] != before["policy"]
    with pytest.raises(StepFailed, match="owner or access list of"):
        provisioner.verify(provisioner.applied)

    provisioner.revert()


@pytest.mark.parametrize("damage", ["", TAKEN, SPOILT], ids=["none", "taken", "cut off in the write"])
def test_the_journal_of_a_run_that_is_gone_puts_it_back(session: WindowsSession, tmp_path: Path, damage: str) -> None:
    before, file = fingerprint(session), journal_file(tmp_path, TEST)
    first = replace(ias_policy(), because="another step of the same name is applied behind it")
    Provisioner(session, scripts=SCRIPTS, journal=Journal(file)).apply([first, server_flags(EAP)])
    Provisioner(session, scripts=SCRIPTS, journal=Journal(file)).apply([ias_policy(peap=True)])
    if damage:
        by_hand(session, damage)
    assert fingerprint(session) != before

    Provisioner(session, scripts=SCRIPTS, journal=Journal(file)).revert()
    assert fingerprint(session) == before
    assert not file.exists()


def test_a_step_that_somebody_has_undone_is_applied_again(session: WindowsSession, tmp_path: Path) -> None:
    before, file, copy = fingerprint(session), journal_file(tmp_path, TEST), journal_file(tmp_path / "somebody", TEST)
    provisioner = Provisioner(session, scripts=SCRIPTS, journal=Journal(file))
    provisioner.apply([ias_policy()])
    copy.parent.mkdir()
    shutil.copy(file, copy)
    Provisioner(session, scripts=SCRIPTS, journal=Journal(copy)).revert()
    assert fingerprint(session) == before

    provisioner.ensure([ias_policy()])
    assert read_access_policy(content(session)).methods == {13, 26}
    provisioner.revert()
    assert fingerprint(session) == before
