"""Conversations that interleave, with packets that are repeated, cut off, too long, or another's, and sessions that are over, in any order that hypothesis
finds: each conversation ends as if it were alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from eap_peer import EapPeer, Method, MsChapV2Peer
from eap_tls_peer import TlsPeer
from eaphost_papers import USERS, Papers
from eaphost_process import MSCHAPV2, PEAP, TLS, Host, Misuse, Session, converse
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule, run_state_machine_as_test

BEYOND = 4097
"""Octets, one more than a packet may have (core/Limits.cs)."""
VERBS = ("IsReplay {} 00", "ReceivePacket {} 00", "SendPacket {}", "GetAttributes {}", "SetAttributes {} -", "SetAuthenticateResult {} 0 -", "GetResult {}",
         "GetFinalPacket {} 1", "UpdateInnerMethodParams {} - -", "EndSession {}")


@dataclass
class Conversation:
    """One of them: the peer's side, and what is due."""

    session: Session
    peer: EapPeer
    method: MsChapV2Peer | TlsPeer
    proves_itself: bool
    request: bytes = b""
    answer: bytes = b""
    accepted: list[bytes] = field(default_factory=list)
    is_over: bool = False

    def ask(self) -> None:
        """Get the request that is due, and think of an answer, once."""
        self.request = self.session.send()
        self.answer = self.peer.answer(self.request)

    def nothing_has_changed(self) -> None:
        if not self.is_over:
            assert self.session.send() == self.request


class Interleaving(RuleBasedStateMachine):
    """What may happen next."""

    going = Bundle("going")
    over = Bundle("over")

    def __init__(self, host: Host, papers: Papers, folder: Path) -> None:
        super().__init__()
        self.host, self.papers, self.folder = host, papers, folder
        self.made: list[Conversation] = []

    def _method(self, kind: int, *, knows: bool) -> MsChapV2Peer | TlsPeer:
        inner = MsChapV2Peer("alice", USERS["alice"] if knows else "wrong")
        if kind == MSCHAPV2:
            return inner
        shown = (self.papers.folder / "alice.pem", self.papers.folder / "alice.key") if kind == TLS and knows else None
        return TlsPeer(self.papers.roots, self.folder / f"keys-{len(self.made)}", certificate=shown, fragment=700, inner=inner, inner_identity="alice")

    @rule(target=going, kind=st.sampled_from([MSCHAPV2, TLS, PEAP]), offered=st.permutations([MSCHAPV2, TLS, PEAP]), knows=st.booleans())
    def begins(self, kind: int, offered: list[int], knows: bool) -> Conversation:
        method = self._method(kind, knows=knows)
        methods: dict[int, Method] = {kind: method}
        one = Conversation(Session(self.host, *offered, length=600), EapPeer("alice", methods), method, knows)
        one.ask()
        self.made.append(one)
        return one

    @rule(one=going, times=st.integers(1, 7))
    def answers(self, one: Conversation, times: int) -> None:
        for _ in range(times):
            if one.is_over:
                return
            action = one.session.receive(one.answer)
            one.accepted.append(one.answer)
            if action == "Send":
                one.ask()
            else:
                self._is_over(one, action)

    def _is_over(self, one: Conversation, action: str) -> None:
        assert action == "Result"
        one.is_over = True
        result = one.session.result()
        assert result.success is one.proves_itself, result.reason
        assert result.msk == (one.method.msk if one.proves_itself else b"")

    @rule(one=going)
    def says_again_what_was_accepted(self, one: Conversation) -> None:
        if one.accepted:
            assert one.session.is_replay(one.accepted[-1])
            assert one.session.receive(one.accepted[-1]) == "Discard"
            one.nothing_has_changed()

    @rule(one=going, turn=st.integers(0, 8))
    def says_again_what_is_older(self, one: Conversation, turn: int) -> None:
        if turn < len(one.accepted) - 1:
            assert not one.session.is_replay(one.accepted[turn])
            assert one.session.receive(one.accepted[turn]) == "Discard"
            one.nothing_has_changed()

    @rule(one=going, size=st.integers(0, 2000))
    def is_cut_off(self, one: Conversation, size: int) -> None:
        assert one.session.receive(one.answer[:min(size, len(one.answer) - 1)]) == "Discard"
        one.nothing_has_changed()

    @rule(one=going)
    def is_too_long(self, one: Conversation) -> None:
        assert one.session.receive(one.answer.ljust(BEYOND, b"\0")) == "Discard"
        one.nothing_has_changed()

    @rule(one=going, other=going)
    def gets_what_was_meant_for_another(self, one: Conversation, other: Conversation) -> None:
        if one.answer[1] != other.answer[1]:
            assert one.session.receive(other.answer) == "Discard"
            one.nothing_has_changed()

    @rule(target=over, one=consumes(going))
    def ends(self, one: Conversation) -> object:
        one.session.end()
        self.made.remove(one)
        return multiple(one)

    @rule(one=over, verb=st.sampled_from(VERBS))
    def is_called_after_its_end(self, one: Conversation, verb: str) -> None:
        assert self.host.raw(verb.format(one.session.number)) == f"error state there is no session {one.session.number}"

    @rule(number=st.integers(1 << 20, (1 << 32) - 1), verb=st.sampled_from(VERBS))
    def never_was(self, number: int, verb: str) -> None:
        assert self.host.raw(verb.format(number)) == f"error state there is no session {number}"

    @rule(one=going)
    def is_let_in_too_early(self, one: Conversation) -> None:
        if not (one.is_over and one.proves_itself):
            with pytest.raises(Misuse, match="the session must have succeeded"):
                one.session.final(success=True)

    def teardown(self) -> None:
        """Each goes on to its end, as if nothing had been."""
        for one in self.made:
            while not one.is_over:
                self.answers(one, 1)
            one.session.end()


def test_each_conversation_ends_as_if_it_were_alone(host: Host, papers: Papers, tmp_path: Path) -> None:
    """What fails is shown as it was found: with TLS' own random values it would not fail twice in the same way."""
    run_state_machine_as_test(lambda: Interleaving(host, papers, tmp_path),  # type: ignore[no-untyped-call]
                              settings=settings(max_examples=25, stateful_step_count=40, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)))

    assert converse(Session(host, MSCHAPV2), EapPeer("", {MSCHAPV2: MsChapV2Peer("alice", USERS["alice"])})).result.success
