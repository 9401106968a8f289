"""claims.yaml: the project's own is right, and what is wrong in one is refused by claim, field and value."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.claims import Evidence, Sureness, load_claims
from lab.errors import ConfigError

OWN = Path(__file__).parents[1] / "e2e" / "claims.yaml"
RIGHT = "- {id: one, where: here, says: this, shows: C, evidence: model}\n"


def refusal(tmp_path: Path, content: str) -> str:
    file = tmp_path / "claims.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError) as raised:
        load_claims(file)
    assert str(file) in raised.value.message
    return raised.value.message


def test_the_projects_own_claims_are_right() -> None:
    claims = load_claims(OWN)

    assert len(claims) > 20
    assert all(name == claim.id for name, claim in claims.items())
    assert {claim.evidence for claim in claims.values()} == set(Evidence)


def test_a_claim_is_read_with_its_defaults(tmp_path: Path) -> None:
    file = tmp_path / "claims.yaml"
    file.write_text(RIGHT + "- {id: two, where: x, says: y, shows: W, evidence: protocol, unless: z, windows: observed}\n")

    claims = load_claims(file)

    assert list(claims) == ["one", "two"]
    assert (claims["one"].unless, claims["one"].windows) == ("", None)
    assert (claims["two"].unless, claims["two"].windows) == ("z", Sureness.OBSERVED)


@pytest.mark.parametrize(("content", "expected"), [
    (RIGHT + RIGHT, ["the id 'one' stands twice"]),
    (RIGHT.replace("says", "say"), ["one.says", "Field required"]),
    (RIGHT.replace("}", ", sayz: what}"), ["one.sayz", "'what'", "not permitted"]),
    (RIGHT.replace("model", "modle"), ["one.evidence", "'modle'", "'protocol' or 'model'"]),
    (RIGHT.replace("}", ", windows: believed}"), ["one.windows", "'believed'", "'documented'"]),
    ("- {where: here}\n", ["0.id", "Field required"]),
    ("one: {}\n", ["the whole file", "valid list"]),
    ("- [", ["is not YAML"]),
])
def test_what_is_wrong_is_named(content: str, expected: list[str], tmp_path: Path) -> None:
    message = refusal(tmp_path, content)

    assert [part for part in expected if part not in message] == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read: No such file"):
        load_claims(tmp_path / "none.yaml")
