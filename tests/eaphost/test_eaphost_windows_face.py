"""The Windows face as far as Linux can show it: its eleven methods called with raw pointers, its structures' layout. Not COM, Schannel, LSA."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from eap_peer import EapPeer, MsChapV2Peer, response
from eaphost_process import MSCHAPV2, SOURCES, Host, Misuse, Session, converse, mcs
from test_eap_mschapv2 import verdict

VERBS = ("BeginSession", "UpdateInnerMethodParams", "IsReplay", "ReceivePacket", "SendPacket", "GetAttributes", "SetAttributes", "SetAuthenticateResult",
         "GetResult", "GetFinalPacket", "EndSession")
E_INVALIDARG, E_UNEXPECTED = "0x80070057", "0x8000ffff"


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    program = mcs(tmp_path_factory.mktemp("pointers") / "pointers.exe", SOURCES / "core", SOURCES / "windows", Path(__file__).parent / "pointers", options=("-main:Pointers",))
    with Host(program) as running:
        yield running


def test_a_password_lets_in(face: Host) -> None:
    inner = MsChapV2Peer("LAB\\alice", "anything")
    ended = converse(Session(face, MSCHAPV2), EapPeer("x", {MSCHAPV2: inner}), lambda asked: (0, verdict(asked, "anything")))

    assert (ended.result.success, ended.result.user, ended.result.msk) == (True, "LAB\\alice", inner.msk)
    assert ended.final[0] == 3


def test_a_wrong_one_is_refused(face: Host) -> None:
    ended = converse(Session(face, MSCHAPV2), EapPeer("x", {MSCHAPV2: MsChapV2Peer("alice", "x")}), lambda asked: (691, []))

    assert (ended.result.success, ended.result.failure, ended.result.attributes, ended.final[0]) == (False, 691, [], 4)


def test_the_other_verbs(face: Host) -> None:
    session = Session(face, MSCHAPV2)
    identity = response(session.send()[1], 1, b"x")

    assert face.ask("UpdateInnerMethodParams", session.number) == ""
    assert session.receive(b"") == session.receive(b"\2" * 5000) == "Discard"
    assert not session.is_replay(identity)
    assert session.receive(identity) == "Send"
    assert session.is_replay(identity)
    assert face.ask("SetAttributes", session.number, "1:00") == "Send"
    assert session.attributes() == []
    session.end()
    with pytest.raises(Misuse, match=E_UNEXPECTED):
        session.send()


def test_there_are_eleven_in_the_articles_order() -> None:
    text = (SOURCES / "windows" / "IEapHostAuthenticatorSessionApis.cs").read_text()

    assert tuple(line.split("int ")[1].split("(")[0] for line in text.splitlines() if "PreserveSig" in line) == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_a_null_pointer_is_an_invalid_argument(face: Host, verb: str) -> None:
    answer = face.raw(f"null {verb}")

    assert answer in ({E_INVALIDARG} if verb not in {"UpdateInnerMethodParams", "EndSession"} else {"0x00000000"}), verb


@pytest.mark.parametrize("methods", [",".join(["26"] * 17), ",".join(["26"] * 100)])
def test_more_methods_than_there_can_be_are_refused(face: Host, methods: str) -> None:
    with pytest.raises(Misuse, match=E_INVALIDARG):
        face.ask("BeginSession", methods, 1400, "-", "-")


@pytest.mark.parametrize(("layout", "expected"), [
    ("EapMethodType", "16 0 4 8 12"), ("EapAttributeLayout", "16 0 4 8"), ("EapAttributesLayout", "16 0 8"), ("EapResultLayout", "16 0 4 8"),
    ("SecBuffer", "16 0 4 8"), ("SecBufferDesc", "16 0 4 8"), ("SecHandle", "16 0 8"), ("LsaString", "16 0 2 8"), ("TokenSource", "16 0 8 12"),
    ("Lm20Logon", "104 0 8 24 40 56 64 80 96"), ("SchannelCred", "80 0 4 8 16 24 32 40 48 56 60 64 68 72 76"), ("StreamSizes", "20 0 4 8 12 16"),
])
def test_structures_lie_as_the_headers_say(face: Host, layout: str, expected: str) -> None:
    """Sizes and offsets of x64: the first four are those of a C compiler over mingw-w64's headers."""
    assert face.raw(f"layout {layout}") == expected
