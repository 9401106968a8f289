"""The COM face under Wine: a native caller in one process, the EAP host on Microsoft's runtime in another, COM and a proxy of eaphost.idl between.

By hand, for Wine and a C compiler take 1.2 GB: `ci/install-packages wine`, then `pytest tests/eaphost/wine/com_under_wine.py`. What it shows and what
not: docs/eaphost.md.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from eap_peer import EapPeer, MsChapV2Peer, response
from eaphost_process import MSCHAPV2, PEAP, TLS, Host, Misuse, Session, converse
from test_eap_mschapv2 import verdict
from wine_prefix import WinePrefix

E_UNEXPECTED, E_INVALIDARG, E_NOINTERFACE, CLASS_NOT_REGISTERED = "0x8000ffff", "0x80070057", "0x80004002", "0x80040154"


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WinePrefix]:
    with WinePrefix(tmp_path_factory.mktemp("wine")) as prefix:
        prefix.register_class()
        prefix.register_proxy()
        yield prefix


@pytest.fixture
def caller(wine: WinePrefix) -> Iterator[Host]:
    assert wine.call() == "ready", "the program runs now"
    with Host(wine.caller, runner=wine.runner) as running:
        yield running


def test_com_starts_the_registered_program_for_the_first_caller_and_one_for_all(wine: WinePrefix) -> None:
    assert wine.servers() == []
    assert wine.call() == "ready"
    first = wine.servers()
    with Host(wine.caller, runner=wine.runner) as one, Host(wine.caller, runner=wine.runner) as other:
        session = Session(one, MSCHAPV2)
        assert other.ask("SendPacket", session.number) == one.ask("SendPacket", session.number), "a conversation is known by its number, whoever calls"

    assert len(first) == 1
    assert wine.servers() == first, "it stays when its callers have gone"


def test_a_password_lets_in_and_the_keys_come_through(caller: Host) -> None:
    inner = MsChapV2Peer("LAB\\alice", "anything")
    ended = converse(Session(caller, MSCHAPV2), EapPeer("x", {MSCHAPV2: inner}), lambda asked: (0, verdict(asked, "anything")))

    assert (ended.result.success, ended.result.user, ended.result.msk) == (True, "LAB\\alice", inner.msk)
    assert ended.final[0] == 3


def test_a_wrong_one_is_refused(caller: Host) -> None:
    ended = converse(Session(caller, MSCHAPV2), EapPeer("x", {MSCHAPV2: MsChapV2Peer("alice", "x")}), lambda asked: (691, []))

    assert (ended.result.success, ended.result.failure, ended.result.attributes, ended.final[0]) == (False, 691, [], 4)


def test_the_other_verbs(caller: Host) -> None:
    session = Session(caller, TLS, PEAP, MSCHAPV2)
    identity = response(session.send()[1], 1, b"x")

    assert caller.ask("UpdateInnerMethodParams", session.number) == ""
    assert session.receive(b"") == session.receive(b"\2" * 5000) == "Discard"
    assert not session.is_replay(identity)
    assert session.receive(identity) == "Send"
    assert session.is_replay(identity)
    with pytest.raises(Misuse, match=E_INVALIDARG):
        session.is_replay(identity + bytes(5000))
    assert caller.ask("SetAttributes", session.number, "1:00,26:ff") == "Send"
    assert session.attributes() == []
    assert session.send()[4] == MSCHAPV2, "the registry's list, not the caller's"
    session.end()


@pytest.mark.parametrize(("line", "result"), [
    ("SendPacket 0", E_UNEXPECTED), ("EndSession 4294967295", E_UNEXPECTED), ("GetResult 0", E_UNEXPECTED),
    ("SetAttributes 0 " + ",".join(["1:00"] * 64), E_UNEXPECTED),
])
def test_a_refusal_comes_through(caller: Host, line: str, result: str) -> None:
    with pytest.raises(Misuse, match=result):
        caller.ask(*line.split())


def test_what_the_program_gives_back_is_freed_by_the_marshaller(wine: WinePrefix, caller: Host) -> None:
    """An answer has 800 octets in four pieces: a thousand of them that nobody frees are 900 KB. As a median, since the runtime gives memory of its own back."""
    (server,) = wine.servers()
    session = Session(caller, MSCHAPV2)
    session.receive(response(session.send()[1], 1, b"alice"))
    request = session.send()
    assert session.receive(response(request[1], MSCHAPV2, MsChapV2Peer("\u20ac" * 240, "x").answer(request[5:]))) == "Authenticate"

    def grown_by(calls: int) -> int:
        before = resident_kb(server)
        for _ in range(calls):
            session.attributes()
        return resident_kb(server) - before

    grown_by(300)
    assert statistics.median(grown_by(1000) for _ in range(3)) < 400


def test_the_logging_build_records_what_came(wine: WinePrefix, caller: Host) -> None:
    session = Session(caller, TLS)
    session.receive(response(7, 1, b"recorded"))

    text = wine.record.read_text()
    assert "registered" in text
    assert b"recorded".hex() in text


def test_without_the_proxy_no_other_process_can_call(wine: WinePrefix) -> None:
    """Why the step looks for it before all else."""
    wine.unregister_proxy()
    try:
        assert wine.call() == f"CoCreateInstance: {E_NOINTERFACE}"
    finally:
        wine.register_proxy()


def test_without_the_class_nothing_answers(wine: WinePrefix) -> None:
    assert wine.call() == "ready"
    wine.unregister_class()
    try:
        assert wine.call() == f"CoCreateInstance: {CLASS_NOT_REGISTERED}"
    finally:
        wine.register_class()


def resident_kb(process: int) -> int:
    return next(int(line.split()[1]) for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmRSS"))
