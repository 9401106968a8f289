"""Secrets never show: not printed, not in masked text, not in a file that others can read."""

from __future__ import annotations

import base64
import copy
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.secrets import Mask, Secret, new_secret, write_private

VALUE = "xKr4tmans7Q"
SECRET = Secret(VALUE)


@dataclass
class Holder:
    password: Secret


@pytest.mark.parametrize("shown", [
    str(SECRET), repr(SECRET), f"{SECRET}", f"{SECRET!r:>30}", "%s" % SECRET, str([SECRET]), str(Holder(SECRET)),  # noqa: UP031 - a way to print
    str(ValueError(SECRET)), json.dumps({"p": SECRET}, default=str), repr(copy.copy(SECRET)),
])
def test_a_secret_shows_stars_only(shown: str) -> None:
    assert VALUE not in shown
    assert "***" in shown


def test_a_secret_is_read_and_compared_by_its_value() -> None:
    assert SECRET.reveal() == VALUE
    assert Secret(VALUE) == SECRET
    assert Secret("other") != SECRET
    assert SECRET != VALUE
    assert len({SECRET, Secret(VALUE)}) == 1


def test_new_secrets_differ_and_please_windows() -> None:
    made = {new_secret().reveal() for _ in range(50)}

    assert len(made) == 50
    for value in made:
        assert len(value) == 20
        assert value.isalnum()
        assert {"lower", "upper", "digit"} == {
            "lower" if one.islower() else "upper" if one.isupper() else "digit" for one in value}


def test_a_mask_hides_text_and_nested_json() -> None:
    mask = Mask([SECRET])

    masked = mask(json.dumps({"a": [{"password": VALUE}], "text": f"login {VALUE}; again {VALUE}"}))

    assert json.loads(masked) == {"a": [{"password": "***"}], "text": "login ***; again ***"}


@pytest.mark.parametrize("secret", [VALUE, '"', "a", ": ", '", "', "}", "\\", 'say "x"', "gr\u00fcn"])
def test_a_mask_inside_a_value_hides_every_text_and_leaves_the_value_whole(secret: str) -> None:
    value = {"a": [{"password": secret}, 5, None, True], "text": f"1{secret}2", "list": (secret,)}

    assert Mask([Secret(secret)]).inside(value) == {"a": [{"password": "***"}, 5, None, True], "text": "1***2", "list": ["***"]}
    assert Mask([Secret("no-such")]).inside(value) == {**value, "list": [secret]}


def test_a_mask_hides_a_secret_that_json_spells_otherwise() -> None:
    odd = 'quo"te\\and/ümlaut'

    assert json.loads(Mask([Secret(odd)])(json.dumps({"p": odd}))) == {"p": "***"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "$p = '"])
def test_a_mask_hides_a_secret_inside_of_base64(before: str, encoding: str) -> None:
    encoded = base64.b64encode(f"{before}{VALUE}'; do it".encode(encoding)).decode()

    masked = Mask([SECRET])(f"powershell -EncodedCommand {encoded}")

    assert "***" in masked
    rest = masked.removeprefix("powershell -EncodedCommand ")
    assert len(rest.replace("***", "")) <= len(encoded) - len(base64.b64encode(VALUE.encode(encoding)).decode().rstrip("=")) + 4


@settings(deadline=None, max_examples=60)
@given(before=st.text(max_size=9), after=st.text(max_size=9), value=st.text("abcXYZ789", min_size=8, max_size=24))
def test_a_mask_leaves_no_secret_of_any_neighbourhood(before: str, after: str, value: str) -> None:
    mask = Mask([Secret(value)])

    assert value not in mask(before + value + after).replace("***", "\0")
    assert "***" in mask(base64.b64encode((before + value + after).encode()).decode())


def test_a_longer_secret_is_hidden_before_its_own_beginning() -> None:
    assert Mask([Secret("pass"), Secret("password")])("password pass") == "*** ***"


def test_a_mask_leaves_other_text_alone_and_ignores_an_empty_secret() -> None:
    mask = Mask([Secret("")])
    mask.add(SECRET)

    assert mask("nothing to hide: cGFzcw==") == "nothing to hide: cGFzcw=="


@pytest.mark.parametrize("mode", [None, 0o640, 0o644, 0o666])
def test_a_private_file_is_its_owners_only_whatever_it_was(mode: int | None, tmp_path: Path) -> None:
    file = tmp_path / "key"
    if mode is not None:
        file.write_text("much longer than what comes now")
        file.chmod(mode)

    assert write_private(file, "new") == file

    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes() == b"new"


def test_a_private_file_is_private_before_its_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    real = os.fdopen

    def look(descriptor: int, *arguments: object) -> object:
        modes.append(os.fstat(descriptor).st_mode & 0o077)
        return real(descriptor, *arguments)  # type: ignore[call-overload]

    monkeypatch.setattr("lab.secrets.os.fdopen", look)
    before = os.umask(0)
    try:
        write_private(tmp_path / "key", b"bytes")
    finally:
        os.umask(before)

    assert modes == [0]
