"""eap-readiness.ps1 and altered-program.ps1 on the twin's engine, and what their answers mean."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import pytest
from steps_on_engine import Server, by_hand, put

from lab.errors import CommandFailed
from lab.probe.probe import JSON
from lab.server.eap_readiness import EapReadiness, Part, judge
from lab.server.eap_steps import Authentication, Method, eaphost, ias_policy
from lab.server.eap_test_steps import altered_program
from lab.server.steps import EAP, Step, server_flags
from lab.twin.windows.files import PROXY_FILE
from lab.twin.windows.ias import IAS_XML

POLICY = {Part.IAS_AUTHENTICATION_TYPE, Part.IAS_PEAP_AUTHENTICATION_TYPE, Part.IAS_EAP_TYPE}
PROGRAM = "c:\\program files\\incomingconnections\\eaphost\\eaphost.exe"


def found(server: Server) -> EapReadiness:
    before = server.state()
    answer = judge(server.script("eap-readiness", {}))
    assert server.state() == before
    return answer


def test_a_stock_windows_lacks_all_and_each_step_mends_its_part(server: Server) -> None:
    left = {Part.SERVER_FLAGS, Part.COMPONENT, *POLICY}
    assert found(server).parts == left
    for step, mends in ((server_flags(EAP), {Part.SERVER_FLAGS}), (ias_policy(peap=True), POLICY), (eaphost(), {Part.COMPONENT})):
        put(server, step)
        left -= mends
        assert found(server).parts == left
    assert str(found(server)) == "everything that EAP needs is there"


@pytest.mark.parametrize(("step", "missing", "refused"), [
    (ias_policy(), {Part.IAS_PEAP_AUTHENTICATION_TYPE, Part.IAS_EAP_TYPE}, {Method.PEAP}),
    (ias_policy(eap_types=[Method.PEAP]), {Part.IAS_PEAP_AUTHENTICATION_TYPE}, {Method.PEAP}),
    (ias_policy(authentication_types=[Authentication.EAP, Authentication.PEAP]), {Part.IAS_EAP_TYPE}, {Method.PEAP}),
    (ias_policy(authentication_types=[Authentication.PEAP], eap_types=[Method.PEAP]), {Part.IAS_AUTHENTICATION_TYPE}, set(Method)),
], ids=["no peap", "no 11", "no 25", "no 5"])
def test_the_policy_refuses_what_it_lacks(server: Server, step: Step, missing: set[Part], refused: set[Method]) -> None:
    put(server, server_flags(EAP), eaphost(), step)
    seen = found(server)
    assert seen.parts == missing
    assert {method for method in Method if seen.refusing(method)} == refused


@pytest.fixture
def ready(server: Server) -> Server:
    put(server, server_flags(EAP), ias_policy(peap=True), eaphost())
    return server


def only_cause(server: Server) -> str:
    (cause,) = found(server).causes
    assert cause.part is Part.COMPONENT
    assert cause.refuses == frozenset(Method)
    return cause.text


def test_an_altered_program_is_told_and_put_back(ready: Server) -> None:
    whole = ready.machine.files[PROGRAM]
    put(ready, altered_program())
    assert ready.machine.files[PROGRAM] == whole + b"\0"
    assert "is not the one that was built" in only_cause(ready)

    ready.act("revert", altered_program())
    assert ready.machine.files[PROGRAM] == whole
    assert found(ready).causes == ()


@pytest.mark.parametrize(("by", "says"), [
    (r"Remove-Item -LiteralPath 'HKLM:\SOFTWARE\Classes\CLSID\{8B4B437E-4CAB-4E83-89F6-7F9F7DF414EA}' -Recurse", "is not registered"),
    (r"Remove-Item -LiteralPath 'HKLM:\SOFTWARE\Classes\CLSID\{8B4B437E-4CAB-4E83-89F6-7F9F7DF414EA}\LocalServer32'", "no LocalServer32"),
    (f"[System.IO.File]::Delete('{PROGRAM}')", "does not exist"), (f"[System.IO.File]::Delete('{PROXY_FILE}')", "interface has no proxy"),
], ids=["class", "server", "program", "proxy"])
def test_what_is_missing_of_the_component_is_told(ready: Server, by: str, says: str) -> None:
    by_hand(ready, by)
    assert says in only_cause(ready)


@pytest.mark.parametrize(("content", "says"), [
    (None, "there is no such file"), (b"<Root><Children/>", "not well-formed"), (b"<Root/>", "it has no Children/"), (b"", "not well-formed"),
    (b'<!DOCTYPE r [<!ENTITY a "b">]><Root/>', "document type"), ('<!DOCTYPE r []><Root/>'.encode("utf-16"), "document type"),
    (b'<?xml version="1.0" encoding="no-such"?><Root/>', "not well-formed"),
])
def test_a_policy_that_says_nothing_allows_nothing(ready: Server, content: bytes | None, says: str) -> None:
    if content is None:
        del ready.machine.files[IAS_XML.lower()]
    else:
        ready.machine.files[IAS_XML.lower()] = content
    (cause,) = found(ready).causes
    assert (cause.part, cause.refuses) == (Part.IAS_FILE, frozenset(Method))
    assert says in cause.text


RIGHT: Mapping[str, JSON] = {"flags": EAP, "policy": None, "class": True, "command": '"C:\\x.exe"', "program": "C:\\x.exe", "exists": True, "hash": "A", "built": "A",
                             "proxy": "C:\\p.dll", "proxied": True}


@pytest.mark.parametrize(("flags", "missing"), [(EAP, False), (-1, False), (0, True), (None, True), (EAP >> 1, True)])
def test_the_bit_is_looked_for_in_a_number_of_either_sign(flags: int | None, missing: bool) -> None:
    assert (Part.SERVER_FLAGS in judge({**RIGHT, "flags": flags}).parts) is missing


def test_a_policy_that_did_not_arrive_is_an_error_of_the_transport() -> None:
    with pytest.raises(CommandFailed, match="did not arrive as base64"):
        judge({**RIGHT, "policy": "%%"})
    assert judge({**RIGHT, "policy": base64.b64encode(b"<Root/>").decode()}).parts == {Part.IAS_FILE}
