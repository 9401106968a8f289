"""The field Server Address: dotted, or a name that DNS knows. Nothing else is asked."""

from __future__ import annotations

import pytest

from lab.client.names import server_address
from lab.errors import ProfileRefused

DNS = "203.0.113.53"


class Resolver:
    def __init__(self, answer: list[str] | None) -> None:
        self.answer, self.asked = answer, list[tuple[str, str]]()

    def resolve(self, name: str, server: str, *, timeout: float = 1.0) -> list[str] | None:
        self.asked.append((name, server))
        return self.answer


def test_a_dotted_address_is_asked_of_nobody() -> None:
    resolver = Resolver(["192.0.2.1"])

    assert server_address("203.0.113.10", resolver, DNS) == "203.0.113.10"
    assert resolver.asked == []


def test_a_name_is_asked_of_the_dns_server_and_its_first_address_taken() -> None:
    resolver = Resolver(["203.0.113.10", "203.0.113.11"])

    assert server_address("vpn.example.test", resolver, DNS) == "203.0.113.10"
    assert resolver.asked == [("vpn.example.test", DNS)]


@pytest.mark.parametrize("answer", [None, []])
@pytest.mark.parametrize("written", ["vpn.example.test", "203.0.113.300", "203.0.113"])
def test_what_dns_does_not_know_is_refused_with_name_and_server(written: str, answer: list[str] | None) -> None:
    with pytest.raises(ProfileRefused, match=f"the server '{written}' could not be found") as refusal:
        server_address(written, Resolver(answer), DNS)
    assert refusal.value.evidence == f"DNS server: {DNS}"
    assert "not /etc/hosts" in refusal.value.hint


def test_without_a_dns_server_no_name_is_found() -> None:
    resolver = Resolver(["203.0.113.10"])

    with pytest.raises(ProfileRefused) as refusal:
        server_address("vpn.example.test", resolver, None)
    assert refusal.value.evidence == "DNS server: none"
    assert resolver.asked == []


@pytest.mark.parametrize("name", ["münchen.example", "a" * 64 + ".example", "vpn..example", ".".join(["label"] * 60)])
def test_what_is_no_name_is_refused_before_any_question(name: str) -> None:
    with pytest.raises(ProfileRefused, match="could not be found"):
        server_address(name, NobodyIsAsked(), "192.0.2.53")


class NobodyIsAsked:
    def resolve(self, name: str, server: str, *, timeout: float = 1.0) -> list[str] | None:
        raise AssertionError(f"asked for {name}")
