"""ias-policy.ps1: what it adds and where, what it leaves alone, what it refuses before it changes anything, and that all of it goes back."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from steps_on_engine import Server, put

from lab.errors import StepFailed
from lab.server.eap_steps import Authentication, Method, ias_policy
from lab.server.steps import Step
from lab.twin.powershell.registry import NATIVES, NativeResult
from lab.twin.windows.ias import IAS_XML, SECTION, read_access_policy, stock_policy
from lab.twin.windows.rights import ADMINISTRATORS, FILE_ALL, OF_WINDOWS, ORDINARY, TRUSTED_INSTALLER, Entry

FILE = IAS_XML.lower()
STOCK = stock_policy().decode()
PEAP = ias_policy(peap=True)
INDENTED = re.sub(r"(<ms\w+ xmlns)", r"\n\t\t\t\t\t\t\t\t\1", STOCK)
"""The same with each value in a line of its own."""


def content(server: Server) -> bytes:
    return server.machine.files[FILE]


def with_file(text: bytes | str | None) -> Server:
    server = Server()
    if text is None:
        del server.machine.files[FILE]
    else:
        server.machine.files[FILE] = text.encode() if isinstance(text, str) else text
    return server


@pytest.mark.parametrize(("step", "methods"), [
    (ias_policy(), {13, 26}), (PEAP, {13, 25, 26}), (ias_policy(eap_types=[Method.PEAP]), {13, 26}),
    (ias_policy(authentication_types=[Authentication.EAP, Authentication.PEAP]), {13, 26}), (ias_policy(authentication_types=[Authentication.PEAP]), set()),
    (ias_policy(authentication_types=[], eap_types=[Method.PEAP]), set()),
])
def test_what_is_asked_for_is_allowed_and_goes_again(step: Step, methods: set[int]) -> None:
    server = Server()
    before = server.state()
    put(server, step)
    assert read_access_policy(content(server)).methods == methods

    for _ in range(2):
        server.act("revert", step)
        assert server.state() == before


FORMS = {
    "as it comes": STOCK.encode(), "lines end as Windows'": STOCK.replace("\n", "\r\n").encode(), "lines end as an old Mac's": STOCK.replace("\n", "\r").encode(),
    "utf-8 with mark": STOCK.encode("utf-8-sig"), "utf-16": STOCK.encode("utf-16"), "utf-16 that says so": STOCK.replace('1.0"?', '1.0" encoding="UTF-16"?').encode("utf-16"),
    "utf-8 that says so": STOCK.replace('1.0"?', "1.0\" encoding='utf-8' standalone=\"yes\" ?").encode("utf-8-sig"), "no declaration": STOCK.partition("?>\n")[2].encode(),
    "values in lines": INDENTED.replace("\n", "\r\n").encode(), "hexadecimal in lines": re.sub(r"([01][ad]0{30})", r"\n\1\n\t", STOCK).encode(),
    "another alphabet": STOCK.replace('name="Connections to M', 'name="\u0421\u0432\u044f\u0437\u044c \U0001f511 M').encode(), "a comment": STOCK.replace("<Root", "<!-- <Root> > --><Root").encode(),
    "another namespace form": STOCK.replace('int">', 'int" >').encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_nothing_else_is_changed_whatever_its_form(form: str) -> None:
    server = with_file(FORMS[form])
    before = server.state()
    put(server, PEAP)

    old, new = (value.decode("utf-16" if "utf-16" in form else "utf-8") for value in (FORMS[form], content(server)))
    section = new.partition("<RadiusProfiles ")[2].partition(f"<{SECTION} ")[2].partition(f"</{SECTION}>")[0]
    added = re.findall(r"\s*<msNP(?:AuthenticationType2|AllowedEapType) [^>]*>\s*(?:5|11|190{30})\s*</\w+>", section)
    assert [re.sub(r"\s", "", re.sub(r"<[^>]*>", "", one)) for one in added] == ["19" + "0" * 30, "5", "11"]
    shortened = section
    for one in added:
        shortened = shortened.replace(one, "", 1)
    assert new.replace(section, shortened) == old
    assert read_access_policy(content(server)).methods == {13, 25, 26}

    server.act("revert", PEAP)
    assert server.state() == before


def test_what_is_added_looks_like_its_neighbours() -> None:
    server = with_file(INDENTED)
    put(server, ias_policy())

    assert b'\n\t\t\t\t\t\t\t\t<msNPAuthenticationType2 xmlns:dt="urn:schemas-microsoft-com:datatypes" dt:dt="int">10</msNPAuthenticationType2>' \
           b'\n\t\t\t\t\t\t\t\t<msNPAuthenticationType2 xmlns:dt="urn:schemas-microsoft-com:datatypes" dt:dt="int">5</msNPAuthenticationType2>' in content(server)


def test_what_is_there_already_is_not_added_and_the_file_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    put(server, PEAP)
    once = content(server)
    monkeypatch.delitem(NATIVES, "takeown")
    for step in (PEAP, ias_policy(), ias_policy(authentication_types=[], eap_types=[Method.TLS, Method.MSCHAPV2])):
        server.act("apply", step)
        assert server.act("verify", step) == [True]
    assert content(server) == once


def test_two_steps_are_put_back_one_after_the_other() -> None:
    server = Server()
    before = server.state()
    first, second = replace(ias_policy(), name="first"), replace(PEAP, name="second")
    put(server, first)
    between = content(server)
    put(server, second)

    server.act("revert", second)
    assert content(server) == between
    server.act("revert", first)
    assert server.state() == before


CRASHES: dict[str, Callable[[Server], object]] = {
    "behind taking ownership": lambda server: server.machine.rights.own(IAS_XML, ADMINISTRATORS),
    "behind the grant": lambda server: (server.machine.rights.own(IAS_XML, ADMINISTRATORS), server.machine.rights.grant(IAS_XML, ADMINISTRATORS, FILE_ALL)),
    "in the write": lambda server: server.machine.files.update({FILE: content(server)[:1000]}),
    "behind the owner's return": lambda server: (server.machine.rights.own(IAS_XML, ADMINISTRATORS), server.machine.rights.grant(IAS_XML, ADMINISTRATORS, FILE_ALL),
                                                 server.machine.rights.own(IAS_XML, TRUSTED_INSTALLER)),
}


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES)
def test_a_crash_anywhere_leaves_nothing_that_revert_cannot_put_back(crash: Callable[[Server], object]) -> None:
    server = Server()
    before = server.state()
    server.act("inspect", PEAP)
    crash(server)
    assert server.state() != before

    server.act("revert", PEAP)
    assert server.state() == before


@pytest.mark.parametrize(("verb", "changed"), [("/grant", False), ("/setowner", True)])
def test_what_a_program_refuses_is_told_and_the_access_list_put_back(monkeypatch: pytest.MonkeyPatch, verb: str, changed: bool) -> None:
    server, real = Server(), NATIVES["icacls"]
    before = server.state()
    server.act("inspect", PEAP)

    def refusing(arguments: list[str], machine: object, text: str) -> NativeResult:
        return NativeResult(output="Access is denied.", exit_code=5) if arguments[1] == verb else real(arguments, machine, text)

    monkeypatch.setitem(NATIVES, "icacls", refusing)
    with pytest.raises(StepFailed, match=rf"icacls\.exe .*{verb} .* failed with exit code 5: Access is denied\."):
        server.act("apply", PEAP)
    assert (content(server) != stock_policy()) is changed
    assert server.machine.rights.of(FILE).entries == OF_WINDOWS.entries

    monkeypatch.undo()
    server.act("revert", PEAP)
    assert server.state() == before


def test_a_file_that_is_an_administrators_already_stays_one() -> None:
    server = Server()
    server.machine.rights.descriptors[FILE] = replace(ORDINARY, owner="S-1-5-18", entries=(*ORDINARY.entries, Entry("S-1-1-0", 0x120089)))
    before = server.state()
    put(server, PEAP)
    assert server.machine.rights.of(FILE).owner == "S-1-5-18"

    server.act("revert", PEAP)
    assert server.state() == before


BOMB = '<!DOCTYPE Root [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
BESIDE = re.sub(r"<RadiusProfiles [^>]*>(.*)</RadiusProfiles>", r"{}\1", STOCK.replace("{", "{{").replace("}", "}}"), flags=re.S)
"""The stock file with the section where no collection is around it."""
BAD = {
    "absent": (None, "does not exist"), "empty": ("", "is not well-formed"), "no xml": ("policy = allow", "is not well-formed"), "cut off": (STOCK[:4000], "is not well-formed"),
    "cut off behind the section": (STOCK[:-10], r"is not well-formed: .* Line 47, position 2; nothing"), "two roots": (STOCK + "<Root/>", "is not well-formed"),
    "bomb": (STOCK.replace("<Root ", f"{BOMB}<Root ").replace(">NPS<", ">&c;<"), "DTD is prohibited"),
    "another's file": (STOCK.replace("<Root ", '<!DOCTYPE Root SYSTEM "file:///C:/Windows/win.ini"><Root '), "DTD is prohibited"),
    "huge": (STOCK.replace("</Root>", f"<!-- {'x' * 600_000} --></Root>"), r"has 60\d+ octets, expected at most 524288"),
    "latin-1": (STOCK.replace("NPS", "NPS\u00e4").encode("latin-1"), "is neither UTF-8 nor UTF-16"),
    "latin-1 that says so": (STOCK.replace('1.0"?', '1.0" encoding="iso-8859-1"?'), "calls its encoding 'iso-8859-1'"),
    "utf-16 without mark": (STOCK.replace('1.0"?', '1.0" encoding="utf-16"?'), "calls its encoding 'utf-16'"), "utf-16, the other end first": (STOCK.encode("utf-16-be"), "is not well-formed"),
    "other root": ("<Configuration/>", "begins with <Configuration>, expected <Root>"), "no section": (STOCK.replace(SECTION, "Connections"), f"has another schema: no {SECTION}"),
    "section elsewhere": (STOCK.replace("RadiusProfiles", "Profiles"), "has another schema: no RadiusProfiles"), "section in a section": (
        STOCK.replace("<RadiusProfiles name", "<Old><RadiusProfiles name").replace("</RadiusProfiles>", "</RadiusProfiles></Old>"), "no RadiusProfiles"),
    "empty collection": (re.sub(r"(<RadiusProfiles [^>]*>).*</RadiusProfiles>", r"\1<Children/></RadiusProfiles>", STOCK, flags=re.S), f"no {SECTION}"),
    "the section beside an empty collection": (BESIDE.format("<RadiusProfiles/>"), "no Children"),
    "the section beside a collection without anything": (BESIDE.format("<RadiusProfiles></RadiusProfiles>"), "no Children"),
    "other names": (STOCK.replace("msNPAuthenticationType2", "msNPAuthenticationType"), f"has another schema: {SECTION} has no msNPAuthenticationType2"),
    "no EAP types": (re.sub(r"<msNPAllowedEapType .*?</msNPAllowedEapType>", "", STOCK), f"{SECTION} has no msNPAllowedEapType"),
    "values in values": (STOCK.replace('dt:dt="int">3<', 'dt:dt="int"><value/><'), "msNPAuthenticationType2 in line 22 is no plain value"),
    "a value in cdata": (STOCK.replace('dt:dt="int">10<', 'dt:dt="int">1<![CDATA[</]]>0<'), "nothing was changed"),
    "a value by its number": (STOCK.replace('dt:dt="int">10<', 'dt:dt="int">&#49;&#48;<'), "msNPAuthenticationType2 5, msNPAuthenticationType2 11 could not be added"),
}


@pytest.mark.parametrize(("text", "complaint"), BAD.values(), ids=BAD)
def test_what_it_cannot_be_sure_of_is_told_before_anything_is_changed(text: bytes | str | None, complaint: str) -> None:
    server = with_file(text)
    before = server.state()

    for action in ("inspect", "apply"):
        with pytest.raises(StepFailed, match=complaint) as caught:
            server.act(action, PEAP)
        assert str(caught.value).startswith(f"{IAS_XML} ")
        assert "nothing was changed. Put back a good copy (sfc.exe /scanfile=" in str(caught.value)
        assert server.state() == before


def test_a_read_only_file_is_told_with_its_remedy() -> None:
    server = Server()
    server.machine.rights.read_only.add(FILE)
    before = server.state()

    for action in ("inspect", "apply"):
        with pytest.raises(StepFailed, match=r"is ReadOnly, Archive, so it cannot be written; nothing was changed\. Clear that first: attrib\.exe -R") as caught:
            server.act(action, PEAP)
        assert IAS_XML in str(caught.value)
        assert server.state() == before


CHANGES: dict[str, tuple[Callable[[Server], object], str]] = {
    "put back by somebody": (lambda server: server.machine.files.update({FILE: stock_policy()}), "lacks msNPAuthenticationType2 5, msNPAuthenticationType2 11, msNPAllowedEapType 19"),
    "another owner": (lambda server: server.machine.rights.own(FILE, ADMINISTRATORS), "owner or access list of"),
}


@pytest.mark.parametrize(("change", "complaint"), CHANGES.values(), ids=CHANGES)
def test_verify_notices(change: Callable[[Server], object], complaint: str) -> None:
    server = Server()
    put(server, PEAP)
    change(server)

    assert complaint in str(server.act("verify", PEAP)[0])


def test_how_entries_came_is_no_change() -> None:
    server = Server()
    put(server, PEAP)
    server.machine.rights.descriptors[FILE] = replace(server.machine.rights.of(FILE), flags="P")

    assert server.act("verify", PEAP) == [True]


def test_the_largest_file_fits_what_5_1_reads() -> None:
    largest = int(re.search(r"\$largest = (\d+)", (Server.script.__globals__["SCRIPTS"] / "ias-policy.ps1").read_text())[1])

    assert len(base64.b64encode(bytes(largest))) < 2_097_152 / 2
