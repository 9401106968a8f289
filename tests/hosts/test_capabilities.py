"""What a machine is found to have, by what lies on it: the tests make its files, and take away one at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.hosts import capabilities
from lab.hosts.daemons import NAT_MASQUERADES
from lab.prepare.lab import common
from lab.topology import load_topology

L2TP = frozenset({"l2tp"})


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with everything."""
    for name, content, mode in [*((program, "", 0o755) for program in capabilities.PROGRAMS), *((plugin, "", 0o644) for plugin in capabilities.EAP_PLUGINS), (capabilities.DEVICE, "", 0o600),
                                (capabilities.LINE_DISCIPLINES, "n_tty       0\nppp         3\n", 0o444)]:
        file = tmp_path / name.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(mode)
    return tmp_path


def test_a_machine_with_daemons_and_ppp_in_its_kernel_can_do_l2tp(machine: Path) -> None:
    assert capabilities.has_l2tp(str(machine))


@pytest.mark.parametrize("lacks", [*capabilities.PROGRAMS, capabilities.DEVICE, capabilities.LINE_DISCIPLINES])
def test_one_that_lacks_a_part_cannot(machine: Path, lacks: str) -> None:
    (machine / lacks.lstrip("/")).unlink()
    assert not capabilities.has_l2tp(str(machine))


@pytest.mark.parametrize("disciplines", ["", "\n", "n_tty       0\n", "synchronous_ppp  14\n"])
def test_one_whose_kernel_has_no_ppp_over_a_terminal_cannot(machine: Path, disciplines: str) -> None:
    file = machine / capabilities.LINE_DISCIPLINES.lstrip("/")
    file.chmod(0o600)
    file.write_text(disciplines)
    assert not capabilities.has_l2tp(str(machine))


def test_a_machine_whose_charon_has_the_methods_can_do_eap(machine: Path) -> None:
    assert capabilities.has_eap(str(machine))


@pytest.mark.parametrize("lacks", capabilities.EAP_PLUGINS)
def test_one_that_lacks_a_method_cannot(machine: Path, lacks: str) -> None:
    (machine / lacks.lstrip("/")).unlink()
    assert not capabilities.has_eap(str(machine))
    assert capabilities.has_l2tp(str(machine)), "each is looked for alone"


@pytest.mark.parametrize(("said", "has"), [
    ([], False), ([NAT_MASQUERADES], True), ([NAT_MASQUERADES, NAT_MASQUERADES], True), ([NAT_MASQUERADES, ""], False), ([""], False), ([None], False),
], ids=["no router", "one", "two", "one of two", "its rules were refused", "it never came so far"])  # fmt: skip
def test_a_machine_whose_routers_all_masquerade_has_nat(tmp_path: Path, said: list[str | None], has: bool) -> None:
    files = [tmp_path / str(number) for number in range(len(said))]
    for file, words in zip(files, said, strict=True):
        if words is not None:
            file.write_text(words)
    assert capabilities.has_nat(map(str, files)) is has


@pytest.mark.parametrize(("has", "all_have"), [
    ({"client": L2TP, "lan": frozenset()}, L2TP),
    ({"client": frozenset(), "lan": L2TP}, frozenset()),
    ({"lan": L2TP}, frozenset()),
    ({}, frozenset()),
], ids=["the client's machine has it", "only the LAN's", "no machine with clients", "no machine"])  # fmt: skip
def test_a_lab_has_what_every_machine_with_a_client_has(has: dict[str, frozenset[str]], all_have: frozenset[str]) -> None:
    assert common(has, load_topology()) == all_have
