"""The lab's messages beside those of real Windows and real macOS: equal, but for what the ledgers say is not imitated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import golden
import pytest

from fixtures.cisco import CiscoPath
from fixtures.ikev2 import Ikev2Path
from fixtures.l2tp import L2tpPath
from fixtures.planes import await_exchange
from fixtures.roles import Client, Server
from fixtures.session import LabSession
from lab.evidence.wire import Wire
from lab.probe.probe import Probe

NAMES = sorted(path.stem for path in golden.FOLDER.glob("*.yaml") if path.stem != "vendor_ids")
WINDOWS_TRACE = "--trans=5,2,1,2"
"""What ike-scan offered in the trace of a Windows server: 3DES, SHA-1, shared secret, group 2."""


@pytest.fixture(scope="module")
def server(session: LabSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It serves L2TP with the secret of `l2tp`."""
    role = Server(session.topology.server, session.windows, evidence=tmp_path_factory.mktemp("steps") / "steps.json", journal=None, left_out=frozenset())
    yield role
    role.revert()


@pytest.fixture(scope="module")
def l2tp(session: LabSession) -> L2tpPath:
    return L2tpPath(topology=session.topology)


@pytest.fixture(scope="module")
def probe(session: LabSession) -> Probe:
    return session.probe("client")


def scan(probe: Probe, server: Server, *options: str) -> str:
    """Return what ike-scan on the client's host, an independent program, says of the server."""
    code, output, error = probe.run(f"ike-scan --sport=0 --retry=1 --timeout=500 {' '.join(options)} {server.address}")
    assert code == 0, error.decode()
    return output.decode()


@pytest.fixture(scope="module")
def seen(session: LabSession, server: Server, l2tp: L2tpPath, probe: Probe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """The wire of a connection of each kind, and of ike-scan's question."""
    recorder = session.recorder(tmp_path_factory.mktemp("wire") / "golden")
    recorder.follow_client("client", probe)
    client = Client(session.topology.host("client"), probe, session.pki)
    ikev2 = Ikev2Path(topology=session.topology, pki=session.pki)
    cisco = CiscoPath(topology=session.topology, pki=session.pki, secret=l2tp.secret, password=l2tp.password)
    server.provision(ikev2.steps())
    client.connect(ikev2.profile()).disconnect()
    await_exchange(recorder.wire, "IKE_AUTH")
    server.revert()
    server.provision(l2tp.steps())
    client.connect(l2tp.profile()).disconnect()
    client.must_be_refused(cisco.profile(), by="server")
    scan(probe, server, WINDOWS_TRACE)
    yield recorder.wire()
    client.close()
    recorder.close()


@pytest.fixture(scope="module")
def captured(seen: Wire, session: LabSession) -> Mapping[str, Mapping[str, Sequence[object]]]:
    """The fields of our messages by the names of the golden ones."""
    client = str(session.topology.host("client").address("wan"))
    asked = [golden.of_ikev1(one) for one in seen.ikev1 if one.source == client and one.transforms]
    answered = [golden.of_ikev1(one) for one in seen.ikev1 if one.source != client and one.transforms]
    l2tp, cisco = ([one for one in asked if one["authentication"] == [method] and len(one["transforms"]) > 1] for method in (1, 65001))
    return {
        "macos-l2tp-main-mode": l2tp[0], "macos-cisco-main-mode": cisco[0], "windows-main-mode": answered[-1],
        "macos-ikev2-init": golden.of_init(seen.requests("IKE_SA_INIT")[0]), "macos-ikev2-auth": golden.of_auth(seen.requests("IKE_AUTH")[0]),
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_golden_but_for_what_the_ledger_names(name: str, captured: Mapping[str, Mapping[str, Sequence[object]]]) -> None:
    expected = golden.load(name).expected

    assert {field: list(captured[name][field]) for field in expected} == {field: list(value) for field, value in expected.items()}


def test_ike_scan_reads_the_transform_and_lifetime_of_a_windows_server(seen: Wire, server: Server, probe: Probe) -> None:
    """An independent program names what the server chose, and finds no second answer: a responder never retransmits ([MS-IKEE] 3.1.5)."""
    said = scan(probe, server, WINDOWS_TRACE, "--showbackoff=1")

    assert "Main Mode Handshake returned" in said
    for part in ("Enc=3DES", "Hash=SHA1", "Group=2:modp1024", "Auth=PSK", "LifeType=Seconds", "LifeDuration"):
        assert part in said
    assert re.search(r"1 returned handshake; 0 returned notify", said)
    assert len(re.findall(rf"^{re.escape(server.address)}\t1\t", said, re.MULTILINE)) == 1
    assert not re.search(rf"^{re.escape(server.address)}\t2\t", said, re.MULTILINE)


@pytest.mark.parametrize(("options", "said"), [
    ("--trans=1,2,1,1", "NO-PROPOSAL-CHOSEN"), ("--trans=7/128,1,1,2", "NO-PROPOSAL-CHOSEN"), ("--trans=7/256,2,1,14", "Enc=AES"),
    ("--trans=7/256,4,1,14", "NO-PROPOSAL-CHOSEN"),
], ids=["des", "md5", "aes-256", "sha-256"])
def test_ike_scan_finds_windows_list_and_no_more(seen: Wire, server: Server, probe: Probe, options: str, said: str) -> None:
    assert said in scan(probe, server, options)


def test_ike_scan_gets_no_handshake_in_aggressive_mode(seen: Wire, server: Server, probe: Probe) -> None:
    said = scan(probe, server, "--aggressive", "--id=staff", WINDOWS_TRACE, "--dhgroup=2")

    assert "0 returned handshake; 1 returned notify" in said
