"""The Linux face: eleven verbs, lines that are wrong, and how it is started."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from eap_peer import EapPeer, MsChapV2Peer, response
from eaphost_papers import USERS, Papers
from eaphost_process import MSCHAPV2, Attribute, Host, Session, converse

VERBS = ("BeginSession", "UpdateInnerMethodParams", "IsReplay", "ReceivePacket", "SendPacket", "GetAttributes", "SetAttributes", "SetAuthenticateResult",
         "GetResult", "GetFinalPacket", "EndSession")


def test_all_eleven_verbs_in_one_conversation(deferring: Host) -> None:
    number = deferring.ask("BeginSession", MSCHAPV2, 1400, b"alice".hex(), "1:00,26:ff")
    assert deferring.ask("UpdateInnerMethodParams", number, b"alice".hex(), "-") == ""
    request, timeout = deferring.ask("SendPacket", number).split()
    assert timeout == "Interactive"
    identity = response(bytes.fromhex(request)[1], 1, b"alice").hex()
    assert deferring.ask("IsReplay", number, identity) == "0"
    assert deferring.ask("ReceivePacket", number, identity) == "Send"
    assert deferring.ask("IsReplay", number, identity) == "1"
    assert deferring.ask("GetAttributes", number) == "-"
    assert deferring.ask("SetAttributes", number, "1:616c696365") == "Send"
    request, timeout = deferring.ask("SendPacket", number).split()
    assert timeout == "Basic"
    challenge = bytes.fromhex(request)
    answer = response(challenge[1], MSCHAPV2, MsChapV2Peer("alice", "x").answer(challenge[5:])).hex()
    assert deferring.ask("ReceivePacket", number, answer) == "Authenticate"
    assert deferring.ask("SetAttributes", number, "-") == "Authenticate"
    assert deferring.ask("GetAttributes", number).startswith("1:616c696365,26:00000137")
    assert deferring.ask("SetAuthenticateResult", number, 691, "-") == "Send"
    told = bytes.fromhex(deferring.ask("SendPacket", number).split()[0])
    assert deferring.ask("ReceivePacket", number, response(told[1], MSCHAPV2, b"\4").hex()) == "Result"
    assert deferring.ask("SetAttributes", number, "-") == "Result"
    assert deferring.ask("GetResult", number).startswith("0 691 26 - ")
    assert deferring.ask("GetFinalPacket", number, 0) == f"04{told[1]:02x}0004"
    assert deferring.ask("EndSession", number) == ""


WRONG = {
    "": "there is no such verb", "nonsense": "there is no such verb", "beginsession 26 1 - -": "there is no such verb", " SendPacket 1": "there is no such verb",
    "BeginSession": "takes 4 arguments, got 0", "BeginSession 26 1400 -": "got 3", "BeginSession 26 1400 - - -": "got 5", "BeginSession 26  1400 - -": "got 5",
    "BeginSession 256 1400 - -": "expected EAP types", "BeginSession x 1400 - -": "expected EAP types", "BeginSession 26, 1400 - -": "expected EAP types",
    "BeginSession 26 -1 - -": "expected a number", "BeginSession 26 x - -": "expected a number", "BeginSession 26 1400 xyz -": "expected hexadecimal octets",
    "BeginSession 26 1400 - 1": "expected attributes", "BeginSession 26 1400 - 1:x": "expected hexadecimal", "BeginSession 26 1400 - x:00": "expected a number",
    "BeginSession 26 1400 - " + ",".join(["1:00"] * 65): "too many attributes", "BeginSession 26 1400 - 1:" + "00" * 4097: "one is too long",
    "SendPacket x": "expected a number", "SendPacket 4294967296": "expected a number", "SetAttributes 0 1": "expected attributes",
    "x" * 65537: "the line is longer than 65536 octets",
}


@pytest.mark.parametrize("line", WRONG, ids=lambda line: line[:40] or "nothing")
def test_a_wrong_line_is_told_and_the_next_is_read(host: Host, line: str) -> None:
    answer = host.raw(line)

    assert answer.startswith("error ")
    assert WRONG[line] in answer
    assert host.is_alive


@pytest.mark.parametrize("count", [0, 17])
def test_the_number_of_methods_is_limited(host: Host, count: int) -> None:
    assert host.raw(f"BeginSession {','.join(['26'] * count)} 1400 - -").startswith("error ")


@pytest.mark.parametrize("octets", [b"\0\n", b"\xff\xfe\n", b"\r\n", b"SendPacket 1\r\n", b"\x1b[2J\n"])
def test_a_line_of_anything_is_a_wrong_line(host: Host, octets: bytes) -> None:
    host.write(octets)

    assert host.line().startswith("error input")
    assert host.is_alive


def test_it_ends_with_its_input_also_in_the_midst_of_a_line(program: Path) -> None:
    done = subprocess.run(["mono", str(program)], input=b"SendPacket 1\nSendPa", capture_output=True, timeout=20, check=False)

    assert (done.returncode, done.stdout) == (0, b"ready\nerror state there is no session 1\n")


@pytest.mark.parametrize(("options", "complaint"), [
    (["nonsense"], "'nonsense' is no option"), (["colour=red"], "'colour=red' is no option"), (["server=a", "server=b"], "given twice"),
    (["key=/x"], "certificate, key and roots go together; missing: certificate, roots"), (["users=/no/such/file"], "/no/such/file"),
    (["idle-milliseconds=soon"], "must be a number"), (["server=" + "x" * 257], "too long"),
])
def test_it_does_not_start_with_wrong_options(program: Path, options: list[str], complaint: str) -> None:
    done = subprocess.run(["mono", str(program), *options], input="", capture_output=True, text=True, timeout=20, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("eaphost: ")
    assert complaint in done.stderr


@pytest.mark.parametrize("wrong", ["certificate", "key", "roots"])
def test_it_does_not_start_with_a_file_that_is_of_no_use(program: Path, papers: Papers, tmp_path: Path, wrong: str) -> None:
    files = {"certificate": papers.folder / "server.pem", "key": papers.folder / "server.key", "roots": papers.roots}
    files[wrong] = tmp_path / "spoilt"
    files[wrong].write_text("nonsense")
    done = subprocess.run(["mono", str(program), *(f"{name}={path}" for name, path in files.items())], input="", capture_output=True, text=True, timeout=20, check=False)

    assert done.returncode == 2
    assert f"the {wrong} {files[wrong]} is of no use: error:" in done.stderr


def test_a_line_of_the_table_without_tab_is_told_without_the_password(program: Path, tmp_path: Path) -> None:
    (tmp_path / "users").write_text("alice\tsecret\nbob hidden\n")
    done = subprocess.run(["mono", str(program), f"users={tmp_path}/users"], input="", capture_output=True, text=True, timeout=20, check=False)

    assert done.stderr == f"eaphost: {tmp_path}/users:2: expected name, tab, password\n"


def test_what_it_tells_peers_is_the_servers_name(start: Callable[..., Host], papers: Papers) -> None:
    inner = MsChapV2Peer("alice", USERS["alice"])
    host = start(f"users={papers.folder}/users", "server=gateway")
    converse(Session(host, MSCHAPV2), EapPeer("", {MSCHAPV2: inner}))

    assert inner.told[0].endswith(b"gateway")


def test_an_attribute_is_shown_as_it_is_read(deferring: Host) -> None:
    session = Session(deferring, MSCHAPV2)
    session.receive(response(1, 1, b""))
    request = session.send()
    session.receive(response(request[1], MSCHAPV2, MsChapV2Peer("", "x").answer(request[5:])))

    assert session.attributes()[0] == Attribute(1, b"")
