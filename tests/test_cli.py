"""The `lab` command where no lab is up: help, exit codes, messages. With a lab: tests/guest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.cli import claims
from lab.cli.main import VERBS, main
from lab.rundir import VARIABLE


@pytest.fixture(autouse=True)
def _nothing_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of runs of the test's own."""
    monkeypatch.setenv(VARIABLE, "/dev/shm")
    monkeypatch.setattr("lab.embedded.runs.detached", lambda: None)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_help_teaches_by_example(verb: object, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb.name, "--help"])  # type: ignore[attr-defined]

    text = capsys.readouterr().out
    assert ended.value.code == 0
    for command, _ in verb.examples:  # type: ignore[attr-defined]
        assert command in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["winrm", "hostname"], 2, "no lab is up"),
        (["ssh", "client"], 2, "`lab up` brings one up"),
        (["claims", "no-such-claim"], 2, "has no claim no-such-claim"),
    ],
)
def test_an_error_is_a_sentence_with_a_remedy(arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == code
    assert message in capsys.readouterr().err


def test_status_without_a_lab_is_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 3
    assert main(["status", "--json"]) == 3
    assert '"up": false' in capsys.readouterr().out


def test_down_without_a_lab_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down"]) == 0
    assert capsys.readouterr().out == "no lab is up\n"


def test_a_wrong_topology_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "mine.yaml"
    wrong.write_text("networks: 7")
    monkeypatch.setenv("LAB_TOPOLOGY", str(wrong))

    assert main(["up"]) == 2
    assert f"{wrong}: networks: 7" in capsys.readouterr().err


def test_claims_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "--json"]) == 0

    listed = {claim["id"]: claim for claim in json.loads(capsys.readouterr().out)}
    assert len(listed) == 55
    assert any("test_arp_proxy__the_server_answers" in test for test in listed["arp-proxy"]["tests"])
    assert any("test_arp_proxy__for_nobody_else" in test for test in listed["arp-proxy"]["counter_tests"])
    assert set(listed["arp-proxy"]) >= {"id", "tests", "counter_tests", "verdicts"}
    assert listed["sstp-no-mac-client"]["tests"] == []


def test_a_claim_is_shown_by_all_of_its_tests_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {"verdict": "passed", "reason": "", "at": "2026-11-25T00:00:00Z", "seconds": 1.0, "server": "twin"}
    names = {"arp-proxy": {"tests": ["a"], "counter_tests": ["b"]}}
    monkeypatch.setattr(claims, "_collect", lambda: names | {name: {"tests": [], "counter_tests": []} for name in _all_claims() - {"arp-proxy"}})
    monkeypatch.setattr(claims.verdicts, "FOLDER", tmp_path)

    def headline(**records: dict[str, object]) -> str:
        (tmp_path / "embedded.json").write_text(json.dumps({name: one | {"test": name} for name, one in records.items()}))
        return claims.headline(claims.gather())

    assert "consistent with our model: 0" in headline(a=record)
    assert "consistent with our model: 1" in headline(a=record, b=record)
    assert "of them failed: 1" in headline(a=record, b=record | {"verdict": "failed"})
    assert "real Windows: 1" in headline(a=record | {"server": "windows 19045"}, b=record | {"server": "windows 19045"})
    assert "real Windows: 0" in headline(a=record | {"server": "windows 19045"}, b=record)


def _all_claims() -> set[str]:
    return set(claims.load_claims(claims.E2E / "claims.yaml"))
