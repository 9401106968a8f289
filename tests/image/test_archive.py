"""Where the guest's packages come from: what this machine's apt uses when that is Debian's, in the guest's suites."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.embedded.image import archive
from lab.embedded.image.archive import KEYRING, VARIABLE, apt_options, sources

SIGNED = f"deb [signed-by={KEYRING}]"


@pytest.fixture
def apt_says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.delenv(VARIABLE, raising=False)

    def say(*lines: str) -> None:
        monkeypatch.setattr(archive, "_output", lambda _: list(lines))

    return say


def test_the_hosts_debian_archives_are_used_with_the_guests_suites(apt_says: Callable[..., None]) -> None:
    apt_says("Debian|Debian|http://mirror.example/debian/", "Debian|Debian|http://mirror.example/debian/",
             "Debian|Debian-Security|http://mirror.example/security/", "Docker|Docker CE|https://download.example/", "Debian|Debian Backports|http://b/")

    assert sorted(sources()) == [
        f"{SIGNED} http://mirror.example/debian/ trixie main", f"{SIGNED} http://mirror.example/security/ trixie-security main"]


def test_security_alone_makes_no_system(apt_says: Callable[..., None]) -> None:
    apt_says("Debian|Debian-Security|http://mirror.example/security/")

    assert sources() == []


@pytest.mark.parametrize("lines", [(), ("Ubuntu|Ubuntu|http://archive.example/ubuntu/",), ("Raspbian|Raspbian|http://r.example/",)])
def test_nothing_of_debian_leaves_it_to_mmdebstrap(lines: tuple[str, ...], apt_says: Callable[..., None]) -> None:
    apt_says(*lines)

    assert sources() == []


def test_an_address_may_contain_the_separator(apt_says: Callable[..., None]) -> None:
    apt_says("Debian|Debian|http://mirror.example/a|b/")

    assert sources() == [f"{SIGNED} http://mirror.example/a|b/ trixie main"]


def test_the_variable_overrides(apt_says: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    apt_says("Debian|Debian|http://mirror.example/debian/")
    monkeypatch.setenv(VARIABLE, "http://other.example/debian")

    assert sources() == [f"{SIGNED} http://other.example/debian trixie main"]


def test_proxy_tls_and_validity_are_handed_over_and_nothing_else(apt_says: Callable[..., None]) -> None:
    apt_says('Acquire::http::Proxy "http://proxy.example:3128"', 'Acquire::https::CAInfo "/ca.pem"', 'Acquire::Check-Valid-Until "0"',
             'Acquire::Languages "none"', 'Acquire::Retries "3"', 'Acquire::cdrom::mount "/media"')

    assert apt_options() == ['--aptopt=Acquire::http::Proxy "http://proxy.example:3128"', '--aptopt=Acquire::https::CAInfo "/ca.pem"',
                             '--aptopt=Acquire::Check-Valid-Until "0"', '--aptopt=Acquire::Retries "3"']


def test_a_machine_without_apt_has_no_archives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")

    assert sources() == []
    assert apt_options() == []
