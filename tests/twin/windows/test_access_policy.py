"""ias.xml: what a stock Windows 10 allows, what each change of it allows, and what is no such file."""

from __future__ import annotations

import re

import pytest

from lab.twin.windows.ias import IAS_XML, SECTION, AccessPolicy, PolicyUnreadable, read_access_policy, stock_policy
from lab.twin.windows.machine import Machine

TEXT = stock_policy().decode()
PEAP = "19" + "00" * 15
OTHERS = "Connections_to_other_access_servers"


def value(name: str, kind: str, content: str) -> str:
    return f'<{name} xmlns:dt="urn:schemas-microsoft-com:datatypes" dt:dt="{kind}">{content}</{name}>'


def with_types(*authentication: int, eap: tuple[str, ...] = (), section: str = SECTION) -> str:
    """The stock file with more types in a section."""
    added = "".join(value("msNPAuthenticationType2", "int", str(one)) for one in authentication) + "".join(value("msNPAllowedEapType", "bin.hex", one) for one in eap)
    return re.sub(rf"(<{section} [^>]*>\s*<Properties>)", lambda found: found[0] + added, TEXT, count=1)


def test_a_stock_machine_has_it_where_windows_has_it() -> None:
    policy = read_access_policy(Machine.stock().files[IAS_XML.lower()])

    assert policy == AccessPolicy(authentication_types=frozenset({3, 4, 9, 10}), eap_types=frozenset({13, 26}))
    assert policy.methods == frozenset()


@pytest.mark.parametrize(("text", "methods"), [
    (with_types(5), {13, 26}),
    (with_types(11, eap=(PEAP,)), set()),
    (with_types(5, eap=(PEAP,)), {13, 26}),
    (with_types(5, 11), {13, 26}),
    (with_types(5, 11, eap=(PEAP,)), {13, 25, 26}),
    (with_types(5, 11, eap=(f"\n{PEAP.upper()}\n",)), {13, 25, 26}),
    (with_types(5, 11, eap=(PEAP,), section=OTHERS), set()),
    (with_types(5).replace("0d" + "00" * 15, "04" + "00" * 15), {4, 26}),
    (with_types(5).replace("<Root ", "<!-- a note --><Root "), {13, 26}),
])
def test_a_method_needs_its_own_type_and_the_authentication_types_above_it(text: str, methods: set[int]) -> None:
    assert read_access_policy(text.encode()).methods == methods


@pytest.mark.parametrize("content", [TEXT.encode("utf-8-sig"), TEXT.encode("utf-16"), TEXT.replace("\n", "\r\n").encode()], ids=["utf-8 with mark", "utf-16", "crlf"])
def test_its_encoding_does_not_matter(content: bytes) -> None:
    assert read_access_policy(content) == read_access_policy(TEXT.encode())


BOMB = '<!DOCTYPE Root [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
BAD = {
    "absent": (None, "there is no such file"),
    "empty": (b"", "not well-formed"),
    "cut off": (TEXT[:3000].encode(), "not well-formed"),
    "no xml": (b"policy=allow", "not well-formed"),
    "bomb": (TEXT.replace("<Root ", f"{BOMB}<Root ").replace(">NPS<", ">&c;<").encode(), "it has a document type"),
    "file of another's": (TEXT.replace("<Root ", '<!DOCTYPE Root [<!ENTITY f SYSTEM "file:///etc/passwd">]><Root ').encode(), "it has a document type"),
    "encoding": (TEXT.replace('"1.0"?', '"1.0" encoding="klingon"?').encode(), "it names an encoding that is unknown"),
    "other root": (b"<Configuration/>", "begins with <Configuration>, expected <Root>"),
    "no section": (TEXT.replace(SECTION, "Connections").encode(), f"RadiusProfiles/Children has no {SECTION}"),
    "no properties": (TEXT.replace("Properties>", "Values>").encode(), f"{SECTION} has no Properties"),
    "no number": (with_types(5).replace(">5<", ">EAP<").encode(), "msNPAuthenticationType2 is 'EAP', expected a number"),
    "a vendor's type": (with_types(5, eap=("fe000137" + "00" * 12,)).encode(), "expected 16 octets"),
    "a short type": (with_types(5, eap=("19",)).encode(), "msNPAllowedEapType is '19', expected 16 octets"),
}


@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD)
def test_what_cannot_be_obeyed_is_an_error_and_no_empty_policy(content: bytes | None, reason: str) -> None:
    with pytest.raises(PolicyUnreadable, match=re.escape(reason)) as caught:
        read_access_policy(content)

    assert str(caught.value).startswith(IAS_XML)
