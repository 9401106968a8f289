"""A program that does not behave: every way of it is the program's failure, and none hangs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.twin.rras.eap import program as program_module
from lab.twin.rras.eap.messages import Keys
from lab.twin.rras.eap.program import Action, Misuse, Program, ProgramFailed

REPLY = """
import sys
print("ready", flush=True)
for line in sys.stdin:
    print({answer!r}, flush=True)
"""


@contextmanager
def saying(tmp_path: Path, source: str) -> Iterator[Program]:
    made = Program([sys.executable, "-c", source], tmp_path / "log")
    try:
        yield made
    finally:
        made.end()
        made.end()
        assert not made.is_alive


@pytest.mark.parametrize("source", ["print('hello')", "", "raise SystemExit(2)", "print('x' * 400000)"])
def test_one_that_is_never_ready_is_given_up(tmp_path: Path, source: str) -> None:
    with pytest.raises(ProgramFailed):
        Program([sys.executable, "-c", source], tmp_path / "log")


def test_one_that_is_not_there_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match="cannot be started"):
        Program([str(tmp_path / "nothing")], tmp_path / "log")


@pytest.mark.parametrize("source", [
    REPLY.format(answer="what?"), REPLY.format(answer="ok"), REPLY.format(answer="ok -1"), REPLY.format(answer="ok 1 x"), REPLY.format(answer=""),
    "print('ready', flush=True); import sys; sys.stdin.readline()", "print('ready', flush=True)",
], ids=["no word", "nothing", "no number", "too many words", "an empty line", "ends", "has ended"])
def test_one_that_answers_what_no_verb_answers_is_given_up(tmp_path: Path, source: str) -> None:
    with saying(tmp_path, source) as program, pytest.raises(ProgramFailed):
        program.begin([26], 1020)


@pytest.mark.parametrize(("verb", "answer"), [("receive", "ok Maybe"), ("send", "ok zz"), ("outcome", "ok 1 0"), ("question", "ok 26"), ("question", "ok x:00")])
def test_an_answer_of_another_form_is_given_up(tmp_path: Path, verb: str, answer: str) -> None:
    with saying(tmp_path, REPLY.format(answer=answer)) as program, pytest.raises(ProgramFailed):
        getattr(program, verb)(*((1, b"x") if verb == "receive" else (1,)))


def test_one_that_falls_silent_is_given_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with saying(tmp_path, "print('ready', flush=True); import sys; sys.stdin.read()") as program:
        monkeypatch.setattr(program_module, "PATIENCE", 0.05)
        with pytest.raises(ProgramFailed, match="said nothing"):
            program.begin([26], 1020)


def test_a_verb_that_is_refused_is_another_matter(tmp_path: Path) -> None:
    with saying(tmp_path, REPLY.format(answer="error state there is no session 1")) as program:
        with pytest.raises(Misuse, match="SendPacket: state there is no session 1"):
            program.send(1)
        assert program.is_alive


def test_a_result_has_user_and_keys(tmp_path: Path) -> None:
    key = "000010" + "11" * 16 + "00" * 15
    answer = f"ok 1 0 26 1:{b'alice'.hex()},26:0000013710{35:02x}{key},26:0000013711{35:02x}{key.replace('11', '22')}"
    with saying(tmp_path, REPLY.format(answer=answer)) as program:
        found = program.outcome(1)

    assert (found.success, found.method, found.user, found.reason) == (True, 26, "alice", "")
    assert found.keys == Keys(send=b"\x11" * 16, receive=b"\x22" * 16)
    assert "1111" not in repr(found)


def test_a_failure_has_words_and_no_keys(tmp_path: Path) -> None:
    with saying(tmp_path, REPLY.format(answer="ok 0 691 26 - the password is wrong")) as program:
        found = program.outcome(1)

    assert (found.success, found.failure, found.keys, found.reason) == (False, 691, None, "the password is wrong")


def test_an_action_is_read(tmp_path: Path) -> None:
    with saying(tmp_path, REPLY.format(answer="ok Send")) as program:
        assert program.receive(1, b"\x02") is Action.SEND
